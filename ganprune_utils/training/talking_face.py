"""Training of a talking-face generator (Prajwal et al. 2020): L1 plus the loss of a frozen sync network."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import nn

from ganprune_utils.data.clips import LENGTH, Clips, frame_window, mel_window, reference, windows
from ganprune_utils.models.sync import SyncNet
from ganprune_utils.models.wav2lip import Wav2Lip
from ganprune_utils.provenance import fingerprint
from ganprune_utils.training.checkpoint import state_file, train_epochs
from ganprune_utils.training.dcgan import pick_device
from ganprune_utils.training.deterministic import make_deterministic
from ganprune_utils.training.step import update


@dataclass(frozen=True)
class Settings:
    """Everything that decides the trained weights, beside the sync network.

    `lambda_sync` weighs the sync loss, 1 - cosine of picture and sound, against L1. As published it enters only once it
    is below `sync_below`, there of another loss; it is looked at after each epoch.
    """

    epochs: int
    steps: int = 200  # an epoch
    batch_size: int = 16  # windows of 5 frames
    face: int = 4
    audio: int = 8
    decoder: int = 8
    residual: bool = True
    lambda_sync: float = 0.03
    sync_below: float = 0.75
    lr: float = 1e-4
    threads: int = 1
    seed: int = 0


@dataclass
class GeneratorRun:
    generator: nn.Module
    history: list[dict] = field(default_factory=list)
    seconds: float = 0.0
    resumed: float = 0.0


def train(settings: Settings, clips: Clips, expert: SyncNet, name: str, folder, device="cpu") -> Iterator[GeneratorRun]:
    """Train on `clips`, yielding the run after each epoch; its state goes to `folder`, where a killed run goes on.

    `name` says which weights the `expert` has, as the SHA-256 in its card. Raises as `checkpoint.state_file`.
    """
    make_deterministic(settings.threads)
    device = pick_device(device)
    clips, expert = clips.to(device), expert.to(device).eval().requires_grad_(False)
    random = torch.Generator().manual_seed(settings.seed)
    torch.manual_seed(settings.seed)  # of the initial weights
    widths = settings.face, settings.audio, settings.decoder
    run = GeneratorRun(Wav2Lip(*widths, settings.residual).to(device))
    optimizers = {"generator": torch.optim.Adam(run.generator.parameters(), settings.lr, fused=True)}
    allowed = windows(clips, margin=2).cpu()
    decided = asdict(replace(settings, epochs=0)) | {"device": device.type, "expert": name}
    path = state_file(folder, fingerprint(__name__, data=clips.sha256, **decided), settings.epochs)

    def one_epoch(_: int) -> dict:
        run.generator.train()
        weight = settings.lambda_sync * bool(run.history and run.history[-1]["sync_loss"] < settings.sync_below)
        at = torch.randint(len(allowed), (settings.steps * settings.batch_size,), generator=random)
        chosen = allowed[at].to(device)  # all batches of the epoch at once: no wait within
        others, sums = reference(clips, chosen, random), torch.zeros(2, device=device)
        for window, other in zip(chosen.split(settings.batch_size), others.split(settings.batch_size), strict=True):
            mel, faces, wanted = batch(clips, window, other)
            made = run.generator(mel, faces)
            distance, out_of_sync = F.l1_loss(made, wanted), sync_loss(expert, clips, window, made)
            update(optimizers["generator"], (1 - weight) * distance + weight * out_of_sync)
            sums += torch.stack((distance, out_of_sync)).detach()
        return dict(zip(("l1", "sync_loss"), (sums / settings.steps).tolist(), strict=True)) | {"weight": weight}

    yield from train_epochs(path, run, optimizers, random, settings.epochs, one_epoch)


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
    return mel, torch.cat([kept, beside], dim=1), wanted


def sync_loss(expert: SyncNet, clips: Clips, window: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
    """Mean of 1 - cosine between what the expert sees in the frames `made` (N * 5, 3, 96, 96) and hears."""
    seen = expert.see(made[..., 48:, :].unflatten(0, (-1, LENGTH)).flatten(1, 2))
    return (1 - (seen * expert.hear(mel_window(clips, *window.unbind(1))[:, None])).sum(1)).mean()
