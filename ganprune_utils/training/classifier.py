"""Training of the classifier whose features the quality metrics use: deterministic, one record an epoch.

SGD with Nesterov momentum under a cosine schedule with warm-up; random shifts by up to 4 pixels and mirror images. The
epoch that is kept is the best on held-out *training* images: the test images stay unseen until the end.
"""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ganprune_utils.datasets import to_model_range
from ganprune_utils.models.classifier import Classifier

HELD_OUT = 10  # every tenth training image, in canonical order: the same share of each class


@dataclass(frozen=True)
class Settings:
    """Everything that decides the trained weights, besides the data and the machine."""

    epochs: int
    batch_size: int = 128
    lr: float = 0.1
    weight_decay: float = 5e-4
    width: int = 32
    depth: int = 1
    precision: str = "float32"
    threads: int = 2
    seed: int = 0


@dataclass
class Run:
    """`best` is the network of the epoch with the highest held-out accuracy so far."""

    best: Classifier
    history: list[dict]


def train(settings: Settings, images: torch.Tensor, labels: torch.Tensor, classes: int) -> Iterator[Run]:
    """Train on uint8 `images` (N, C, 32, 32) with `labels` (N,), yielding the run after each epoch."""
    torch.set_num_threads(settings.threads)
    torch.use_deterministic_algorithms(True)
    random = torch.Generator().manual_seed(settings.seed)
    torch.manual_seed(settings.seed)  # layers draw their initial weights from the global stream
    model = Classifier(images.shape[1], classes, settings.width, settings.depth).to(memory_format=torch.channels_last)
    held = torch.arange(len(images)) % HELD_OUT == 0
    train_images, train_labels = images[~held], labels[~held]
    steps_an_epoch = math.ceil(len(train_images) / settings.batch_size)
    optimizer = torch.optim.SGD(
        model.parameters(), settings.lr, momentum=0.9, weight_decay=settings.weight_decay, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.lr, total_steps=settings.epochs * steps_an_epoch, pct_start=0.15
    )
    run = Run(model, [])
    for epoch in range(1, settings.epochs + 1):
        model.train()
        total = 0.0
        for chosen in torch.randperm(len(train_images), generator=random).split(settings.batch_size):
            batch = augment(train_images[chosen], random)
            batch = to_model_range(batch).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bfloat16"):
                logits = model(batch).float()
            loss = F.cross_entropy(logits, train_labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        held_out = accuracy(model, images[held], labels[held])
        if held_out > max((record["held_out"] for record in run.history), default=0.0):
            run.best = copy.deepcopy(model).eval()
        run.history.append({"epoch": epoch, "loss": total / steps_an_epoch, "held_out": held_out})
        yield run


def augment(images: torch.Tensor, random: torch.Generator, shift: int = 4) -> torch.Tensor:
    """Shift each image by up to `shift` pixels (edges repeated) and mirror every other one on average."""
    n, _, height, width = images.shape
    padded = F.pad(images.float(), (shift,) * 4, mode="replicate").to(images.dtype)
    top, left = torch.randint(0, 2 * shift + 1, (2, n, 1, 1), generator=random)
    columns = torch.arange(width).expand(n, 1, width)
    mirrored = torch.rand(n, 1, 1, generator=random) < 0.5
    columns = torch.where(mirrored, width - 1 - columns, columns) + left
    rows = torch.arange(height)[None, :, None] + top
    return padded.permute(0, 2, 3, 1)[torch.arange(n)[:, None, None], rows, columns].permute(0, 3, 1, 2)


@torch.no_grad()
def accuracy(model: Classifier, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of uint8 `images` whose class is found, in [0, 1]."""
    model.eval()
    right = sum(
        (model(to_model_range(batch)).argmax(dim=1) == truth).sum().item()
        for batch, truth in zip(images.split(500), labels.split(500), strict=True)
    )
    return right / len(images)
