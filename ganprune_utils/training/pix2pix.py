"""Training of a U-Net by pix2pix (Isola et al. 2017): adversarial loss plus a multiple of the L1 distance.

Resumable and deterministic like `training.dcgan`: same settings, same data, same machine, same bits.
"""

import copy
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from ganprune_utils.data.transforms import augment, to_model_range
from ganprune_utils.errors import ParameterError
from ganprune_utils.models.dcgan import init_weights
from ganprune_utils.models.unet import PatchDiscriminator, UNet, without_dead_weights
from ganprune_utils.provenance import fingerprint, training_card
from ganprune_utils.training import precision
from ganprune_utils.training.checkpoint import Run, state_file, train_epochs
from ganprune_utils.training.deterministic import make_deterministic, pick_device
from ganprune_utils.training.step import adam, bce, up_and_down, update

NAMES = ("loss_generator", "loss_discriminator", "l1", "d_real", "d_fake")


@dataclass(frozen=True)
class Settings:
    """Everything that decides the trained weights.

    `lambda_l1` weighs the L1 distance against the adversarial loss. In the last `decay_epochs` of the epochs the
    learning rates fall linearly towards zero, as in the authors' implementation. With `augment` every pair is mirrored
    at random and shifted by up to an eighth of its width, anew in each epoch.
    """

    epochs: int
    decay_epochs: int = 0
    keeps_luma: bool = False
    augment: bool = False
    ngf: int = 64
    ndf: int = 64
    depth: int = 5
    lambda_l1: float = 100.0
    lr_generator: float = 2e-4
    lr_discriminator: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    batch_size: int = 64
    precision: str = "float32"
    threads: int = 2
    seed: int = 0


def train(settings: Settings, pairs, folder, device: str = "cpu") -> Iterator[Run]:
    """Train on `pairs` (a `data.pairs.Pairs`), yielding the run after each epoch.

    After every epoch the whole state goes to `folder`; a run that was killed goes on from its last epoch.

    Raises CheckpointError where the state in `folder` is truncated or of another network, ParameterError where it has
    more epochs than `settings` asks for, or `folder` another run's trained weights.
    """
    make_deterministic(settings.threads)
    device = pick_device(device)
    random = torch.Generator().manual_seed(settings.seed)
    sizes = pairs.inputs.shape[1], pairs.targets.shape[1]
    generator = UNet(*sizes, settings.ngf, settings.depth, keeps_luma=settings.keeps_luma)
    discriminator = PatchDiscriminator(*sizes, settings.ndf)
    for network in (generator, discriminator):
        init_weights(network, random)
    # Drawn with all weights, trained without those that no picture of this size ever changes.
    generator = without_dead_weights(generator, tuple(pairs.inputs.shape[-2:]))
    run = Run(*(network.to(device, memory_format=torch.channels_last) for network in (generator, discriminator)))
    optimizers = adam(run.generator, run.discriminator, settings)
    # Without decay a finished run can be continued.
    decided = asdict(replace(settings, epochs=0)) | {"device": device.type}
    name = fingerprint(__name__, data=pairs.sha256, **decided)
    pairs = pairs.to(device)
    path = state_file(folder, name, settings.epochs, by_length=settings.decay_epochs > 0)

    def one_epoch(epoch: int) -> dict:
        batches = torch.randperm(len(pairs), generator=random).split(settings.batch_size)
        decayed = max(0, epoch - (settings.epochs - settings.decay_epochs))
        set_rates(settings, optimizers, 1 - decayed / (settings.decay_epochs + 1))
        return train_on(settings, run, optimizers, pairs, batches, random)

    yield from train_epochs(path, run, optimizers, random, settings.epochs, one_epoch)


def finetune(settings: Settings, generator: nn.Module, discriminator: nn.Module, pairs, steps: int) -> Run:
    """Train copies of two networks for `steps` steps more, with fresh optimizers, on batches in a random order.

    They are trained where `pairs` lie, on the CPU or on a GPU.

    The learning rates rise in the first tenth of the steps, since fresh optimizers know no gradients yet and a full
    first step now and then takes a pruned network far off. Then they fall linearly from step to step, to end near zero:
    what is left after so few steps at a full rate would depend on where it stopped. Of `settings`, ngf, ndf, depth and
    the epochs do not matter here. Raises ParameterError unless steps >= 1.
    """
    if steps < 1:
        raise ParameterError(f"steps = {steps}: needs at least one")
    make_deterministic(settings.threads)
    random = torch.Generator().manual_seed(settings.seed)
    device, layout = pairs.inputs.device, {"memory_format": torch.channels_last}
    networks = [copy.deepcopy(network).to(device, **layout) for network in (generator, discriminator)]
    run, optimizers = Run(*networks), adam(*networks, settings)
    passes = -(-steps * settings.batch_size // len(pairs))
    order = torch.cat([torch.randperm(len(pairs), generator=random) for _ in range(passes)])
    batches = order.split(settings.batch_size)[:steps]
    record = train_on(settings, run, optimizers, pairs, batches, random, up_and_down(steps))
    run.history.append({"steps": steps, **record})
    return run


def set_rates(settings: Settings, optimizers, share: float) -> None:
    for name, rate in (("generator", settings.lr_generator), ("discriminator", settings.lr_discriminator)):
        for group in optimizers[name].param_groups:
            group["lr"] = share * rate


def train_on(settings: Settings, run: Run, optimizers, pairs, batches, random, rates=None) -> dict:
    """A step for each of `batches` (indices), at these shares of the learning rates where `rates` has any.

    Returns means over them, l1 on the scale of [-1, 1].
    """
    run.generator.train()
    run.discriminator.train()
    device = pairs.inputs.device
    sums = torch.zeros(len(NAMES), dtype=torch.float64, device=device)
    # Dropout draws from the global stream: it is set from ours, and so belongs to the state that is saved.
    torch.manual_seed(int(torch.randint(2**31, (1,), generator=random)))
    for i, chosen in enumerate(batches):
        if rates:
            set_rates(settings, optimizers, rates[i])
        parts = [part[chosen.to(device)] for part in (pairs.inputs, pairs.targets)]
        if settings.augment:  # both pictures of a pair alike
            channels = [part.shape[1] for part in parts]
            parts = augment(torch.cat(parts, 1), random, parts[0].shape[-1] // 8).split(channels, 1)
        given, wanted = (to_model_range(part).contiguous(memory_format=torch.channels_last) for part in parts)
        sums += step(settings, run, optimizers, given, wanted).double()
    return dict(zip(NAMES, (sums / len(batches)).tolist(), strict=True))


def step(settings: Settings, run: Run, optimizers, given, wanted) -> torch.Tensor:
    """Update both networks on one batch of inputs and targets (N, C, H, W) in [-1, 1]; returns NAMES' values."""
    autocast = partial(precision.autocast, settings.precision, given.device.type)
    with autocast():
        made = run.generator(given)
        on_real, on_fake = run.discriminator(given, wanted).float(), run.discriminator(given, made.detach()).float()
    loss_d = (bce(on_real, 1.0) + bce(on_fake, 0.0)) / 2  # halved, as in the paper, to slow it down
    update(optimizers["discriminator"], loss_d)

    run.discriminator.requires_grad_(False)
    with autocast():
        after = run.discriminator(given, made).float()
    distance = F.l1_loss(made.float(), wanted)
    loss_g = bce(after, 1.0) + settings.lambda_l1 * distance
    update(optimizers["generator"], loss_g)
    run.discriminator.requires_grad_(True)
    return torch.stack((loss_g, loss_d, distance, on_real.sigmoid().mean(), on_fake.sigmoid().mean())).detach()


def progress_line(record: dict, epochs: int) -> str:
    """One line an epoch, for a log."""
    return (
        f"epoch {record['epoch']}/{epochs}: L1 {record['l1']:.4f}, loss D {record['loss_discriminator']:.3f}, "
        f"D(x) {record['d_real']:.2f}, D(G(x)) {record['d_fake']:.2f}, {record['seconds']:.0f} s"
    )


def card(run: Run, pairs, settings: dict) -> dict:
    """What the card beside the weights says of their training."""
    final = {name: round(run.history[-1][name], 4) for name in NAMES}
    trained = {"epochs": len(run.history), "seconds": round(run.seconds, 1), "final": final}
    return training_card(pairs, settings) | trained
