"""What is measured of a talking-face generator: its frames beside the real ones, and whether the lips follow."""

import pandas as pd
import torch
from torch import nn

from ganprune_utils.data.clip_files import LENGTH
from ganprune_utils.data.clips import Clips, frame_window, lip_opening, mel_window, windows
from ganprune_utils.data.speech import SILENCE
from ganprune_utils.errors import ParameterError
from ganprune_utils.metrics.lip_sync import (
    REACH,
    lower_half,
    offset_accuracy,
    opening_correlation,
    sync_table,
)
from ganprune_utils.metrics.quality import frechet
from ganprune_utils.metrics.reconstruction import reconstruction_table
from ganprune_utils.models.landmarks import MouthLandmarks
from ganprune_utils.models.sync import SyncNet
from ganprune_utils.training.landmarks import find

BATCH = 100  # frames
SHIFT = 8  # frames, of the control with shifted sound


class TalkingFaceEvaluator:
    """Measures frames made for `n` clips of a split, spread over it, beside the real frames.

    Args:
        judge: a sync network that the generator was *not* trained with.
        landmarks: finds the mouth, and its features are those of the Fréchet distance; the distance is to the real
            frames of the clips that are not measured.

    Raises ParameterError unless some clips are left to compare with.
    """

    def __init__(self, clips: Clips, judge: SyncNet, landmarks: MouthLandmarks, n: int, device="cpu"):
        if not 0 < n < len(clips):
            raise ParameterError(f"n_test = {n}: must be 1 to {len(clips) - 1}, so that clips are left to compare with")
        chosen = torch.arange(n) * len(clips) // n
        others = torch.tensor(sorted(set(range(len(clips))) - set(chosen.tolist())))
        self.device = torch.device(device)
        self.clips = clips.some(chosen).to(self.device)
        self.judge, self.landmarks = judge.to(self.device).eval(), landmarks.to(self.device).eval()
        self.clip_of_frame = torch.arange(n).repeat_interleave(self.clips.frame_starts.diff().cpu())
        self.real = self._features(clips.some(others[:: max(1, len(others) // n)]).frames)
        seen = lip_opening(find(self.landmarks, self.clips.frames)).cpu()
        known = lip_opening(self.clips.landmarks).cpu()
        self.opening = known.where(known.isfinite().all(), seen)  # of drawn faces and GRID it is known
        self.sound = heard(self.judge, self.clips)

    @torch.no_grad()
    def __call__(self, frames: torch.Tensor) -> pd.DataFrame:
        """One row per clip for uint8 frames (F, 3, 96, 96), as those of the clips: l1 and ssim of the lower half,
        offset, sync_distance, sync_confidence, opening_correlation."""
        pictures = reconstruction_table(lower_half(frames).cpu(), lower_half(self.clips.frames).cpu())
        pictures = pictures[["l1", "ssim"]].groupby(self.clip_of_frame.numpy()).mean()
        opening = lip_opening(find(self.landmarks, frames.to(self.device))).cpu()
        correlation = opening_correlation(opening, self.opening, self.clip_of_frame)
        table = pictures.join(correlation).join(synced(self.judge, self.clips, frames, self.sound))
        return table.set_index(pd.Index(self.clips.names, name="clip"))

    def scores(self, frames: torch.Tensor, each: pd.DataFrame | None = None) -> dict[str, float]:
        """Means over the clips, offset_accuracy, and mouth_frechet: the Fréchet distance in features of the landmark
        network, which was trained here. `each` are the rows of the call, where they are at hand."""
        each = self(frames) if each is None else each
        means = each.drop(columns="offset").mean().to_dict()
        return means | {
            "offset_accuracy": offset_accuracy(each),
            "mouth_frechet": frechet(self._features(frames), self.real),
        }

    def measure(self, generator: nn.Module) -> dict:
        """Of what the generator makes of the clips: `scores`, a table `each` of clips, and `images` of the first."""
        frames = talk(generator, self.clips)
        each = self(frames)
        first = frames[: int(self.clips.frame_starts[1])].clone()
        return {"scores": self.scores(frames, each), "each": each, "images": first}

    @torch.no_grad()
    def _features(self, frames: torch.Tensor) -> torch.Tensor:
        """Features (F, D) of the mouth: those of the landmark network, averaged over the picture."""
        lower = (part.to(self.device)[..., 48:, :].float() / 127.5 - 1 for part in frames.split(BATCH))
        return torch.cat([self.landmarks.features[:-1](part).mean((2, 3)) for part in lower])


@torch.no_grad()
def synced(network: SyncNet, clips: Clips, frames: torch.Tensor = None, sound: torch.Tensor = None) -> pd.DataFrame:
    """`sync_table` by clip: how `network` finds the sound of `clips` beside their own frames, or beside other `frames`
    (F, 3, 96, 96). `sound` are the embeddings of `heard`, where they are at hand."""
    device = next(network.parameters()).device
    clips = clips.to(device)
    faces, video = lower_half(clips.frames if frames is None else frames.to(device)), []
    sound = heard(network, clips) if sound is None else sound
    clip, first = windows(clips, margin=REACH).unbind(1)
    start = clips.frame_starts[clip] + first
    for at in start.split(BATCH):
        index = at[:, None] + torch.arange(LENGTH, device=device)
        video.append(network.see(faces[index].flatten(1, 2).float() / 255))
    around = start[:, None] + torch.arange(-REACH, REACH + 1, device=device)
    return sync_table(torch.cat(video), sound[around], clip).set_index("clip")


@torch.no_grad()
def heard(network: SyncNet, clips: Clips) -> torch.Tensor:
    """Embeddings (F, D) of the mel that begins at each frame."""
    clip, frame = every_frame(clips)
    parts = zip(clip.split(BATCH), frame.split(BATCH), strict=True)
    return torch.cat([network.hear(mel_window(clips, *part)[:, None]) for part in parts])


@torch.no_grad()
def talk(generator: nn.Module, clips: Clips, shift: int = 0, silent: bool = False) -> torch.Tensor:
    """Every frame of the clips as the generator makes it: uint8 (F, 3, 96, 96).

    The reference of a frame is that end of its clip that is farther away, where mouths are closed. `shift`: the sound
    is that of so many frames later; `silent`: there is none.
    """
    generator.eval()
    device, made = next(generator.parameters()).device, []
    clips = clips.to(device)
    for clip, frame in zip(*(part.split(BATCH) for part in every_frame(clips)), strict=True):
        mel = mel_window(clips, clip, frame - 2 + shift)[:, None]
        mel = torch.full_like(mel, SILENCE) if silent else mel
        faces = torch.cat([masked(clips, clip, frame), reference_of(clips, clip, frame)], 1).float() / 255
        pictures = generator(mel, faces.contiguous(memory_format=torch.channels_last))
        made.append((255 * pictures).round().to(torch.uint8).cpu())
    return torch.cat(made)


def controls(generator: nn.Module, clips: Clips) -> dict[str, torch.Tensor]:
    """What a generator is compared with, name -> frames (F, 3, 96, 96): real video, the reference as it is, the mean
    of the clip's real frames, the generator with its sound shifted, and without sound."""
    clip, frame = every_frame(clips)
    lengths = clips.frame_starts.diff().tolist()
    means = [part.float().mean(0, keepdim=True).round().to(torch.uint8) for part in clips.frames.split(lengths)]
    return {
        "real video": clips.frames,
        "reference frame": reference_of(clips, clip, frame),
        "mean of the clip": torch.cat([mean.expand(n, -1, -1, -1) for mean, n in zip(means, lengths, strict=True)]),
        f"sound shifted by {SHIFT} frames": talk(generator, clips, shift=SHIFT),
        "silence": talk(generator, clips, silent=True),
    }


def every_frame(clips: Clips) -> tuple[torch.Tensor, torch.Tensor]:
    """Clip and number within it of all frames: (F,) each."""
    counts = clips.frame_starts.diff()
    clip = torch.arange(len(counts), device=counts.device).repeat_interleave(counts)
    return clip, torch.arange(len(clip), device=counts.device) - clips.frame_starts[clip]


def masked(clips: Clips, clip: torch.Tensor, frame: torch.Tensor) -> torch.Tensor:
    """Frames (N, 3, 96, 96) with their lower half black."""
    shown = frame_window(clips, clip, frame, 1)[:, 0].clone()
    lower_half(shown).zero_()
    return shown


def reference_of(clips: Clips, clip: torch.Tensor, frame: torch.Tensor) -> torch.Tensor:
    """The first frame of the clip for its second half, and the last for its first: (N, 3, 96, 96)."""
    last = clips.frame_starts.diff()[clip] - 1
    return frame_window(clips, clip, torch.where(2 * frame > last, 0, last), 1)[:, 0]
