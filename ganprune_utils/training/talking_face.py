"""Training of a talking-face generator (Prajwal et al. 2020): L1, the loss of a frozen sync network, and a visual
discriminator's where one is asked for."""

import copy
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import nn

from ganprune_utils.data.clip_files import LENGTH
from ganprune_utils.data.clips import Clips, frame_window, mel_window, reference, windows
from ganprune_utils.errors import ParameterError
from ganprune_utils.metrics.lip_sync import lower_half
from ganprune_utils.models.sync import SyncNet
from ganprune_utils.models.wav2lip import VisualDiscriminator, Wav2Lip
from ganprune_utils.provenance import fingerprint
from ganprune_utils.training.checkpoint import state_file, train_epochs
from ganprune_utils.training.deterministic import make_deterministic, pick_device
from ganprune_utils.training.step import bce, up_and_down, update

LAYOUT = {"memory_format": torch.channels_last}
NAMES = ("l1", "sync_loss", "loss_discriminator")


@dataclass(frozen=True)
class Settings:
    """Everything that decides the trained weights, beside the sync network.

    `lambda_sync` weighs the sync loss, 1 - cosine of picture and sound, and `lambda_adversarial` the discriminator's;
    L1 has the rest of 1. As published they are 0.03 and 0.07, and the sync loss enters once it is small enough on
    pictures that were not trained on; the published loss is another (binary cross-entropy), and so this one enters
    after `sync_after` epochs. The learning rate rises in the first tenth of all steps, then falls to zero.
    """

    epochs: int
    steps: int = 250  # an epoch
    batch_size: int = 8  # windows of 5 frames
    face: int = 4
    audio: int = 8
    decoder: int = 8
    residual: bool = True
    lambda_sync: float = 0.03
    lambda_adversarial: float = 0.0
    sync_after: int = 1
    lr: float = 1e-3
    threads: int = 1
    seed: int = 0


@dataclass
class GeneratorRun:
    """The networks, and a record of each epoch: the means of `NAMES`."""

    generator: nn.Module
    discriminator: nn.Module
    history: list[dict] = field(default_factory=list)
    seconds: float = 0.0
    resumed: float = 0.0


def train(settings: Settings, clips: Clips, expert: SyncNet, name: str, folder, device="cpu") -> Iterator[GeneratorRun]:
    """Train on `clips`, yielding the run after each epoch; its state goes to `folder`, where a killed run goes on.

    `name` says which weights the `expert` has, as the SHA-256 in its card. Raises as `checkpoint.state_file`.
    """
    make_deterministic(settings.threads)
    device = pick_device(device)
    clips, expert = clips.to(device), frozen(expert, device)
    random = torch.Generator().manual_seed(settings.seed)
    torch.manual_seed(settings.seed)  # of the initial weights
    widths = settings.face, settings.audio, settings.decoder
    generator = Wav2Lip(*widths, settings.residual)
    run = GeneratorRun(*(network.to(device, **LAYOUT) for network in (generator, VisualDiscriminator())))
    optimizers = adam(run, settings)
    decided = asdict(settings) | {"device": device.type, "expert": name}
    path = state_file(folder, fingerprint(__name__, data=clips.sha256, **decided), settings.epochs)
    rates = up_and_down(settings.epochs * settings.steps)

    def one_epoch(epoch: int) -> dict:
        own = rates[(epoch - 1) * settings.steps : epoch * settings.steps]
        lambda_sync = settings.lambda_sync if epoch > settings.sync_after else 0.0
        return _steps(replace(settings, lambda_sync=lambda_sync), run, optimizers, clips, expert, random, own)

    yield from train_epochs(path, run, optimizers, random, settings.epochs, one_epoch)


def finetune(settings: Settings, generator: nn.Module, clips: Clips, expert: SyncNet, steps: int) -> nn.Module:
    """Train a copy of `generator` for `steps` steps more, where `clips` lie, with a fresh optimizer.

    The learning rate rises and falls as in the training; `settings` say its peak. Raises ParameterError unless
    steps >= 1.
    """
    if steps < 1:
        raise ParameterError(f"steps = {steps}: needs at least one")
    make_deterministic(settings.threads)
    random, device = torch.Generator().manual_seed(settings.seed), clips.frames.device
    torch.manual_seed(settings.seed)
    networks = copy.deepcopy(generator), VisualDiscriminator()
    run = GeneratorRun(*(network.to(device, **LAYOUT).requires_grad_(True) for network in networks))
    _steps(settings, run, adam(run, settings), clips, frozen(expert, device), random, up_and_down(steps))
    return run.generator.eval()


def adam(run: GeneratorRun, settings: Settings) -> dict[str, torch.optim.Adam]:
    parts = {"generator": run.generator, "discriminator": run.discriminator}
    return {name: torch.optim.Adam(part.parameters(), settings.lr, fused=True) for name, part in parts.items()}


def frozen(network: nn.Module, device) -> nn.Module:
    """A copy of a network that is asked only, never trained."""
    return copy.deepcopy(network).to(device, **LAYOUT).eval().requires_grad_(False)


def _steps(settings: Settings, run: GeneratorRun, optimizers, clips: Clips, expert, random, rates: list[float]) -> dict:
    """A step at each of these shares of the learning rate; the means of NAMES over them."""
    run.generator.train()
    allowed = windows(clips, margin=2)
    at = torch.randint(len(allowed), (len(rates) * settings.batch_size,), generator=random)
    chosen = allowed[at.to(allowed.device)]  # all batches at once: no wait within
    others, sums = reference(clips, chosen, random), torch.zeros(len(NAMES), device=chosen.device)
    batches = zip(rates, chosen.split(settings.batch_size), others.split(settings.batch_size), strict=True)
    for share, window, other in batches:
        for group in [group for optimizer in optimizers.values() for group in optimizer.param_groups]:
            group["lr"] = share * settings.lr
        mel, faces, wanted = batch(clips, window, other)
        made = run.generator(mel, faces)
        distance, out_of_sync = F.l1_loss(made, wanted), sync_loss(expert, clips, window, made)
        loss = (1 - settings.lambda_sync - settings.lambda_adversarial) * distance + settings.lambda_sync * out_of_sync
        on_both = torch.zeros((), device=distance.device)
        if settings.lambda_adversarial:
            real, fake = run.discriminator(lower_half(wanted)), run.discriminator(lower_half(made.detach()))
            on_both = bce(real, 1.0) + bce(fake, 0.0)
            update(optimizers["discriminator"], on_both)
            run.discriminator.requires_grad_(False)
            loss = loss + settings.lambda_adversarial * bce(run.discriminator(lower_half(made)), 1.0)
        update(optimizers["generator"], loss)
        run.discriminator.requires_grad_(True)
        sums += torch.stack((distance, out_of_sync, on_both)).detach()
    return dict(zip(NAMES, (sums / len(rates)).tolist(), strict=True))


def batch(clips: Clips, window: torch.Tensor, other: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Mel (N * 5, 1, 80, 16), faces (N * 5, 6, 96, 96) and wanted frames (N * 5, 3, 96, 96) of windows (N, 2).

    `other` (N,) are the reference frames. The mel of a frame is of the 5 frames around it.
    """
    clip, first = window.unbind(1)
    wanted = frame_window(clips, clip, first).flatten(0, 1).float() / 255
    kept = torch.cat([wanted[..., :48, :], torch.zeros_like(wanted[..., 48:, :])], dim=-2)
    beside = frame_window(clips, clip, other, 1).float().expand(-1, LENGTH, -1, -1, -1).flatten(0, 1) / 255
    frames = (first[:, None] + torch.arange(LENGTH, device=first.device) - 2).flatten()
    mel = mel_window(clips, clip.repeat_interleave(LENGTH), frames)[:, None]
    faces = torch.cat([kept, beside], dim=1).contiguous(memory_format=torch.channels_last)
    return mel, faces, wanted.contiguous(memory_format=torch.channels_last)


def sync_loss(expert: SyncNet, clips: Clips, window: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
    """Mean of 1 - cosine between what the expert sees in the frames `made` (N * 5, 3, 96, 96) and hears."""
    seen = lower_half(made).unflatten(0, (-1, LENGTH)).flatten(1, 2).contiguous(memory_format=torch.channels_last)
    heard = expert.hear(mel_window(clips, *window.unbind(1))[:, None])
    return (1 - (expert.see(seen) * heard).sum(1)).mean()
