"""Training of the classifier whose features the quality metrics use: deterministic, resumable, one record an epoch.

SGD with Nesterov momentum under a cosine schedule with warm-up; random shifts by up to 4 pixels and mirror images. The
epoch that is kept is the best on held-out *training* images: the test images stay unseen until the end.
"""

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import torch
import torch.nn.functional as F
from torch import nn

from ganprune_utils.data.transforms import augment, to_model_range
from ganprune_utils.models.classifier import CLASSIFIERS
from ganprune_utils.provenance import fingerprint, training_card
from ganprune_utils.training import checkpoint, precision
from ganprune_utils.training.deterministic import make_deterministic
from ganprune_utils.training.step import update

HELD_OUT = 20  # every twentieth training image, in canonical order: the same share of each class


@dataclass(frozen=True)
class Settings:
    """Everything that decides the trained weights, besides the data, the code and the machine. The schedule of the
    learning rate depends on the number of epochs, so a run of another length is another run."""

    epochs: int
    batch_size: int = 128
    lr: float = 0.1
    weight_decay: float = 5e-4
    architecture: str = "residual"
    widths: tuple[int, ...] = (16, 32, 64)
    precision: str = "float32"
    threads: int = 2
    seed: int = 0


@dataclass
class Run:
    """`best` is the network of the epoch with the highest held-out accuracy so far.

    `seconds` are of all epochs, `resumed` of those that earlier calls had done.
    """

    best: nn.Module
    history: list[dict]
    seconds: float = 0.0
    resumed: float = 0.0


def train(settings: Settings, images: torch.Tensor, labels: torch.Tensor, folder, data_sha256: str) -> Iterator[Run]:
    """Train on uint8 `images` (N, C, 32, 32) with `labels` (N,), yielding the run after each epoch.

    The state goes to `folder` after every epoch; a run that was killed goes on from there. Raises CheckpointError where
    it is truncated, ParameterError where `folder` has more epochs, or another run's trained weights.
    """
    make_deterministic(settings.threads)
    name = fingerprint(__name__, data=data_sha256, **asdict(replace(settings, epochs=0)))
    path = checkpoint.state_file(folder, name, settings.epochs, by_length=True)
    random = torch.Generator().manual_seed(settings.seed)
    torch.manual_seed(settings.seed)  # layers draw their initial weights from the global stream
    model = CLASSIFIERS[settings.architecture](images.shape[1], int(labels.max()) + 1, settings.widths)
    model = model.to(memory_format=torch.channels_last)
    held = torch.arange(len(images)) % HELD_OUT == 0
    steps = math.ceil((~held).sum().item() / settings.batch_size) * settings.epochs
    decay = settings.weight_decay
    optimizer = torch.optim.SGD(model.parameters(), settings.lr, momentum=0.9, weight_decay=decay, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.lr, total_steps=steps, pct_start=0.15)
    run = Run(copy.deepcopy(model).eval(), [])
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    if path.is_file():
        checkpoint.restore(path, run, parts, random)
        yield run
    for epoch in range(len(run.history) + 1, settings.epochs + 1):
        start = time.perf_counter()
        loss = _one_epoch(settings, model, optimizer, schedule, images[~held], labels[~held], random)
        held_out = accuracy(model, images[held], labels[held])
        if held_out > max((record["held_out"] for record in run.history), default=-1.0):
            run.best.load_state_dict(model.state_dict())
        run.history.append({"epoch": epoch, "loss": loss, "held_out": held_out})
        run.seconds += time.perf_counter() - start
        checkpoint.save(path, run, parts, random)
        yield run


def _one_epoch(settings, model, optimizer, schedule, images, labels, random) -> float:
    """One pass over the images in a fresh order. Returns the mean loss over its batches."""
    model.train()
    losses = []
    for chosen in torch.randperm(len(images), generator=random).split(settings.batch_size):
        batch = to_model_range(augment(images[chosen], random)).contiguous(memory_format=torch.channels_last)
        with precision.autocast(settings.precision):
            logits = model(batch).float()
        loss = F.cross_entropy(logits, labels[chosen])
        update(optimizer, loss)
        schedule.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


def progress_line(record: dict, epochs: int) -> str:
    """One line an epoch, for a log."""
    return f"epoch {record['epoch']}/{epochs}: loss {record['loss']:.3f}, held-out accuracy {record['held_out']:.4f}"


def card(run: Run, data, settings: dict, test_accuracy: float) -> dict:
    """What the card beside the weights says; `data` is the training Dataset, `settings` the parameters."""
    best = max(run.history, key=lambda record: record["held_out"])
    kept = {"epoch_kept": best["epoch"], "held_out_accuracy": best["held_out"], "test_accuracy": test_accuracy}
    return training_card(data, settings) | kept


@torch.no_grad()
def accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of uint8 `images` whose class is found, in [0, 1]."""
    model.eval()
    predicted = torch.cat([model(to_model_range(batch)).argmax(dim=1) for batch in images.split(500)])
    return (predicted == labels).sum().item() / len(images)
