"""Training of the network that finds the mouth's landmarks: minutes on a core."""

import torch

from ganprune_utils.data.clip_files import SIZE
from ganprune_utils.data.clips import Clips, lip_opening
from ganprune_utils.data.transforms import pad_to
from ganprune_utils.errors import ParameterError
from ganprune_utils.models.landmarks import MouthLandmarks
from ganprune_utils.training.deterministic import make_deterministic

SHIFT = 4  # pixels, of the augmentation


def train(clips: Clips, epochs: int = 20, n: int = 7500, batch_size: int = 64, seed: int = 0) -> MouthLandmarks:
    """Train on about `n` of the frames that have landmarks, or on all; they are shifted, and their brightness changed.

    Raises ParameterError where they are fewer than a batch.
    """
    make_deterministic(threads=1)
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    known = clips.landmarks.isfinite().flatten(1).all(1).nonzero()[:, 0]
    known = known[:: max(1, len(known) // n)]
    if len(known) < batch_size:
        raise ParameterError(f"landmarks: {len(known)} frames have them; at least {batch_size} are needed to train on")
    model = MouthLandmarks().to(clips.frames.device)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    steps = epochs * (len(known) // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for _ in range(epochs):
        order = known[torch.randperm(len(known), generator=random).to(known.device)]
        for chosen in order[: len(known) // batch_size * batch_size].split(batch_size):
            frames, points = _augment(clips.frames[chosen], clips.landmarks[chosen], random)
            loss = (model(frames) - points).abs().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


@torch.no_grad()
def find(model: MouthLandmarks, frames: torch.Tensor) -> torch.Tensor:
    """Landmarks (N, 20, 2) of frames uint8 (N, 3, 96, 96)."""
    return torch.cat([model(batch) for batch in frames.split(512)])


def errors(model: MouthLandmarks, clips: Clips) -> dict[str, float]:
    """In pixels of the 96x96 frame: `point`, the mean distance of a point; `opening`, the mean difference of the gap
    between the lips."""
    found = find(model, clips.frames)
    gap = (lip_opening(found) - lip_opening(clips.landmarks)).abs()
    return {
        "point": SIZE * (found - clips.landmarks).norm(dim=-1).nanmean().item(),
        "opening": SIZE * gap.nanmean().item(),
    }


def _augment(frames: torch.Tensor, points: torch.Tensor, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    n, device = len(frames), frames.device
    left, top = torch.randint(0, 2 * SHIFT + 1, (2, n), generator=random).to(device)
    light = 1 + 0.4 * (torch.rand(n, 1, 1, 1, generator=random).to(device) - 0.5)
    side = torch.arange(SIZE, device=device)
    rows, columns = top[:, None, None] + side[:, None], left[:, None, None] + side
    padded = pad_to(frames, SIZE + 2 * SHIFT).permute(0, 2, 3, 1)
    shifted = padded[torch.arange(n, device=device)[:, None, None], rows, columns].permute(0, 3, 1, 2)
    moved = torch.stack([SHIFT - left, SHIFT - top], 1)[:, None] / SIZE
    return (shifted * light).clamp(0, 255), points + moved
