"""The training loop of a DCGAN: deterministic, resumable, one record per epoch.

The objective is Goodfellow et al. (2014) with the non-saturating generator loss, binary cross-entropy on logits. One
discriminator step (real batch, then generated batch) and one generator step a batch, as in the PyTorch DCGAN tutorial.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch

from ganprune_utils.data.transforms import to_model_range, to_uint8
from ganprune_utils.errors import DataError
from ganprune_utils.models.dcgan import Discriminator, Generator, init_weights
from ganprune_utils.provenance import fingerprint, training_card
from ganprune_utils.training import precision
from ganprune_utils.training.balance import discriminator_alarm
from ganprune_utils.training.checkpoint import Run, state_file, train_epochs
from ganprune_utils.training.deterministic import make_deterministic, pick_device
from ganprune_utils.training.step import NAMES, adam, adversarial_step

N_SNAPSHOT = 64


@dataclass(frozen=True)
class Settings:
    """Everything that decides the trained weights. Same settings, data and machine: same bits.

    `threads` belongs to it because the order of a parallel sum does; `precision` is "float32", or "bfloat16" for
    autocast (weights and optimiser stay float32).
    """

    epochs: int
    lr_generator: float
    lr_discriminator: float
    beta1: float = 0.5
    beta2: float = 0.999
    batch_size: int = 128
    latent_dim: int = 100
    ngf: int = 64
    ndf: int = 64
    precision: str = "float32"
    threads: int = 2
    seed: int = 0


def train(settings: Settings, images: torch.Tensor, folder, data_sha256: str, device: str = "cpu") -> Iterator[Run]:
    """Train on `images` (uint8, N, C, 32, 32), yielding the run after each epoch; epoch 0 is the untrained network.

    After every epoch the whole state goes to `folder/checkpoint-<fingerprint>.pt`. A run that was killed goes on from
    its last epoch, and ends with the same weights as one that was not.

    Raises:
        CheckpointError: the checkpoint in `folder` is truncated or of another network.
        ParameterError: it has more epochs than `settings` asks for, or `folder` another run's trained weights.
        DataError: all images are the same.
    """
    device = pick_device(device)
    make_deterministic(settings.threads)
    # Named by all but its length, so that a finished run can be continued for more epochs.
    decided = asdict(replace(settings, epochs=0)) | {"device": device.type}
    path = state_file(folder, fingerprint(__name__, data=data_sha256, **decided), settings.epochs)
    # One CPU stream for weights, noise and order: the same draws on every device, and one state to save.
    random = torch.Generator().manual_seed(settings.seed)
    channels = images.shape[1]
    run = Run(Generator(settings.latent_dim, settings.ngf, channels), Discriminator(settings.ndf, channels))
    for network in (run.generator, run.discriminator):
        init_weights(network, random)
        network.to(device, memory_format=torch.channels_last).train()
    optimizers = adam(run.generator, run.discriminator, settings)
    fixed_noise = torch.randn(N_SNAPSHOT, settings.latent_dim, 1, 1, generator=random).to(device)
    data_spread = _spread(images[:: max(1, len(images) // 1000)])
    if data_spread == 0:
        raise DataError(f"training images: all {len(images)} are the same; a DCGAN has nothing to learn from them")
    images = images.to(device)

    def one_epoch(epoch: int) -> dict:
        means = _one_epoch(settings, run, optimizers, images, random, device)
        run.snapshots[epoch] = _snapshot(run.generator, fixed_noise)
        return means | {"diversity": _spread(run.snapshots[epoch]) / data_spread}

    run.snapshots[0] = _snapshot(run.generator, fixed_noise)
    if not path.is_file():
        yield run
    yield from train_epochs(path, run, optimizers, random, settings.epochs, one_epoch)


def _one_epoch(settings, run, optimizers, images, random, device) -> dict:
    """One pass over the images in a fresh order. Returns means over the epoch's batches."""
    sums = torch.zeros(len(NAMES), dtype=torch.float64)
    batches = torch.randperm(len(images), generator=random).split(settings.batch_size)
    autocast = partial(precision.autocast, settings.precision, device.type)
    for chosen in batches:
        real = to_model_range(images[chosen.to(device)]).contiguous(memory_format=torch.channels_last)
        noise = torch.randn(len(chosen), settings.latent_dim, 1, 1, generator=random).to(device)
        batch = adversarial_step(run.generator, run.discriminator, optimizers, real, noise, autocast)
        sums += batch.double().cpu()
    return dict(zip(NAMES, (sums / len(batches)).tolist(), strict=True))


@torch.no_grad()
def _snapshot(generator: Generator, noise: torch.Tensor) -> torch.Tensor:
    """Samples of the fixed noise in evaluation mode, as uint8 on the CPU."""
    generator.eval()
    images = to_uint8(generator(noise)).cpu().contiguous()
    generator.train()
    return images


def _spread(images: torch.Tensor) -> float:
    """Mean over pixels of the standard deviation between images: 0 where all images are the same."""
    return images.double().std(dim=0).mean().item()


def warnings(record: dict) -> list[str]:
    """What a reader of the record should worry about: a discriminator that wins, or samples that are all alike."""
    lines = discriminator_alarm(record)
    if record["diversity"] < 0.3:
        lines.append(f"the samples collapse: their spread is {record['diversity']:.2f} of the data's")
    return lines


def progress_line(record: dict, epochs: int) -> str:
    """One line per epoch, for a log."""
    return (
        f"epoch {record['epoch']}/{epochs}: "
        f"loss G {record['loss_generator']:.3f}, D {record['loss_discriminator']:.3f}, "
        f"D(x) {record['d_real']:.2f}, D(G(z)) {record['d_fake']:.2f}, {record['seconds']:.0f} s"
    )


def card(run: Run, data, settings: dict) -> dict:
    """What the card beside the weights says of their training; `data` is the Dataset, `settings` the parameters."""
    final = {name: round(run.history[-1][name], 4) for name in (*NAMES, "diversity")}
    trained = {"epochs": len(run.history), "seconds": round(run.seconds, 1), "final": final}
    return training_card(data, settings) | trained
