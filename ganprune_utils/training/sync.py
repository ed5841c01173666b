"""Training of a network that hears whether lips and sound belong together, by InfoNCE or by the published loss."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import nn

from ganprune_utils.data.clips import Clips, frame_window, mel_window, windows
from ganprune_utils.errors import ParameterError
from ganprune_utils.models.sync import NETWORKS
from ganprune_utils.provenance import fingerprint
from ganprune_utils.training.checkpoint import state_file, train_epochs
from ganprune_utils.training.deterministic import make_deterministic, pick_device
from ganprune_utils.training.step import update

LOSSES = ("infonce", "cosine")
TEMPERATURE = 0.07


@dataclass(frozen=True)
class Settings:
    """Everything that decides the trained weights.

    Each batch has `per_clip` windows of each clip in it: other moments of the same clip are the negatives that tell
    *when*, not only *who*. Half of the windows are mirrored. loss: "infonce" over the batch, in both directions;
    "cosine" is the published binary cross-entropy on the cosine of embeddings without negative values, every pair
    against one with the next window's sound. network: one of `models.sync.NETWORKS`.
    """

    epochs: int
    steps: int = 200  # an epoch
    batch_size: int = 128
    per_clip: int = 4
    loss: str = "infonce"
    network: str = "expert"
    widths: tuple[int, ...] = ()  # those of the network, where none are given
    lr: float = 1e-3
    threads: int = 1
    seed: int = 0


@dataclass
class SyncRun:
    network: nn.Module
    history: list[dict] = field(default_factory=list)
    seconds: float = 0.0
    resumed: float = 0.0


def train(settings: Settings, clips: Clips, folder, device: str = "cpu") -> Iterator[SyncRun]:
    """Train on `clips`, yielding the run after each epoch; its state goes to `folder`, where a killed run goes on.

    Raises ParameterError for an unknown loss or network, and as `checkpoint.state_file`.
    """
    for name, allowed in (("loss", LOSSES), ("network", NETWORKS)):
        if (value := getattr(settings, name)) not in allowed:
            raise ParameterError(f"{name} = {value!r}: must be one of {', '.join(allowed)}")
    make_deterministic(settings.threads)
    device, clips = pick_device(device), clips.to(pick_device(device))
    random = torch.Generator().manual_seed(settings.seed)
    torch.manual_seed(settings.seed)  # of the initial weights
    widths = {"widths": settings.widths} if settings.widths else {}
    network = NETWORKS[settings.network](**widths, positive=settings.loss == "cosine")
    run = SyncRun(network.to(device, memory_format=torch.channels_last))
    optimizers = {"network": torch.optim.Adam(run.network.parameters(), settings.lr, fused=True)}
    allowed = windows(clips).cpu()
    counts = allowed[:, 0].bincount()
    starts, with_some = counts.cumsum(0) - counts, counts.nonzero().flatten()
    decided = asdict(replace(settings, epochs=0)) | {"device": device.type}
    path = state_file(folder, fingerprint(__name__, data=clips.sha256, **decided), settings.epochs)

    def one_epoch(_: int) -> dict:
        run.network.train()
        shape = settings.steps, settings.batch_size // settings.per_clip
        clip = with_some[torch.randint(len(with_some), shape, generator=random)].repeat_interleave(settings.per_clip, 1)
        at = (torch.rand(clip.shape, generator=random, dtype=torch.float64) * counts[clip]).long()
        chosen = allowed[starts[clip] + at].to(device)  # all batches of the epoch at once: no wait within
        total = torch.zeros((), device=device)
        for batch in chosen:
            faces, mel = pair(clips, *batch.unbind(1))
            mirrored = torch.rand(len(faces), 1, 1, 1, generator=random).to(device) < 0.5
            faces = torch.where(mirrored, faces.flip(-1), faces).contiguous(memory_format=torch.channels_last)
            seen, heard = run.network.see(faces), run.network.hear(mel)
            loss = infonce(seen, heard, batch) if settings.loss == "infonce" else cosine_loss(seen, heard)
            update(optimizers["network"], loss)
            total += loss.detach()
        return {"loss": (total / settings.steps).item()}

    yield from train_epochs(path, run, optimizers, random, settings.epochs, one_epoch)


def pair(clips: Clips, clip: torch.Tensor, frame: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Lower halves (N, 15, 48, 96) in [0, 1] of the windows of 5 frames, and their mel (N, 1, 80, 16)."""
    faces = frame_window(clips, clip, frame)[..., 48:, :].flatten(1, 2).float() / 255
    return faces, mel_window(clips, clip, frame)[:, None]


def infonce(seen: torch.Tensor, heard: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of finding each window's sound among the batch's, and the other way round.

    A window (clip, frame) that was drawn twice is no negative of itself.
    """
    logits = seen @ heard.T / TEMPERATURE
    itself = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    same = (window[:, None] == window[None]).all(-1) & ~itself
    logits, wanted = logits.masked_fill(same, -1e4), torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, wanted) + F.cross_entropy(logits.T, wanted)) / 2


def cosine_loss(seen: torch.Tensor, heard: torch.Tensor) -> torch.Tensor:
    """The published loss: binary cross-entropy on the cosine of a pair, and of one with its neighbour's sound."""
    true, false = ((seen * sound).sum(1) for sound in (heard, heard.roll(1, 0)))
    shares = torch.cat([true, false]).clamp(1e-6, 1 - 1e-6)
    return F.binary_cross_entropy(shares, torch.cat([torch.ones_like(true), torch.zeros_like(false)]))
