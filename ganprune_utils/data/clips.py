"""Talking faces: clips of frames and speech as tensors, and single frames of GRID.

GRID (Cooke, Barker, Cunningham and Shao 2006, CC BY 4.0) as 128x128 crops, a file per sentence.
"""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ganprune_utils.artifacts import resolve
from ganprune_utils.data import clip_files, drawn
from ganprune_utils.data.clip_files import FPS, LENGTH
from ganprune_utils.data.images import SPLITS
from ganprune_utils.data.official import search_roots
from ganprune_utils.data.speech import RATE, SILENCE, log_mel
from ganprune_utils.errors import DataError, ParameterError

EVERY = 10  # neighbouring frames are all but the same
TEST_EVERY = 5  # clips of each speaker
CLIP_SPLITS = (*SPLITS, "held-out")
HELD_OUT = {"grid": ("s30", "s32"), "drawn": ("d4",), "folder": ()}  # speakers, by source
MEL_LENGTH = 16  # mel frames of a window


def paths(split: str) -> list[Path]:
    """The clips of a split in `grid/<speaker>/<clip>.mp4`: every fifth of each speaker is for testing.

    Speakers are in both splits: seven, of whom one has 800 of 900 clips, are too few to ask about new ones.
    """
    files = [path for path in clip_files.find(_grid()).values() if path.suffix == ".mp4"]
    return _every_fifth([list(own) for _, own in itertools.groupby(files, lambda path: path.parent)], split)


def read_frames(path: Path) -> np.ndarray:
    """Every tenth frame of a video, from the first: uint8 (n, height, width, 3)."""
    import av  # brings FFmpeg along: only where videos are read

    try:
        with av.open(str(path)) as video:
            shown = [frame.to_ndarray(format="rgb24") for i, frame in enumerate(video.decode(video=0)) if not i % EVERY]
        return np.stack(shown)
    except (av.error.FFmpegError, OSError, IndexError, ValueError) as error:
        raise DataError(f"video {path}: cannot be read ({' '.join(str(error).split())})") from None


@dataclass(frozen=True)
class Clips:
    """The clips of a split, one after another; clip c has the frames `frame_starts[c]` to `frame_starts[c + 1]`.

    `frames` uint8 (F, 3, 96, 96); `mel` float32 (M, 80), of which `mel_starts` says the same; `names` are
    "speaker/clip"; `landmarks` float32 (F, 20, 2) are the mouth's points (48 to 67 of the 68-point scheme), x and y as
    fractions of the frame, NaN where they are not known; `sha256` of frames and mel; `notes` say what was left out and
    why, a line each.
    """

    name: str
    split: str
    frames: torch.Tensor
    mel: torch.Tensor
    frame_starts: torch.Tensor
    mel_starts: torch.Tensor
    names: tuple[str, ...]
    landmarks: torch.Tensor
    sha256: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def some(self, chosen: torch.Tensor) -> "Clips":
        """The clips `chosen`, int64 (n,), in that order, as copies."""
        parts = {}
        for name, starts in (("frames", self.frame_starts), ("mel", self.mel_starts), ("landmarks", self.frame_starts)):
            own = [getattr(self, name)[starts[clip] : starts[clip + 1]] for clip in chosen.tolist()]
            parts[name] = torch.cat(own)
            parts["mel_starts" if name == "mel" else "frame_starts"] = torch.tensor([0, *map(len, own)]).cumsum(0)
        return replace(self, names=tuple(self.names[clip] for clip in chosen.tolist()), **parts)

    def to(self, device) -> "Clips":
        tensors = ("frames", "mel", "frame_starts", "mel_starts", "landmarks")
        return replace(self, **{name: getattr(self, name).to(device) for name in tensors})


def load(split: str, source: str = "grid", folder=None, held_out: Sequence[str] | None = None) -> Clips:
    """Load the clips of a split: of each speaker every fifth is for testing, those of `held_out` are a split of theirs.

    Args:
        split: "train", "test" or "held-out".
        source: "grid", "drawn" (faces drawn here, `data.drawn`) or "folder".
        folder: for "folder" only: <folder>/<speaker>/<clip>.mp4, or a folder <clip> of numbered pictures, 25 frames a
            second, with the sound beside it as <clip>.ogg, .wav or .flac; and, if there are any, landmarks.npz.
        held_out: speakers that are in neither train nor test; those of `HELD_OUT` if None.

    A clip that cannot be used becomes a note, and the rest goes on: one without sound, unreadable, of another frame
    rate, with a missing frame, or with no frame beside a window of `LENGTH`.

    Raises ParameterError for an unknown split or source, or a folder where none belongs; DataError where the split has
    no clip that can be used.
    """
    if split not in CLIP_SPLITS:
        raise ParameterError(f"split = {split!r}: unknown; allowed are {', '.join(CLIP_SPLITS)}")
    if source not in HELD_OUT:
        raise ParameterError(f"source = {source!r}: unknown; allowed are {', '.join(HELD_OUT)}")
    if (source == "folder") != bool(folder):
        raise ParameterError(f"folder = {folder!r}: source 'folder' needs one, the others take none")
    held_out = HELD_OUT[source] if held_out is None else held_out
    if source == "drawn":
        title, landmarks, found = "drawn faces", {}, {name: None for name in drawn.NAMES}
    else:
        root = resolve(folder) if folder else _grid()
        title, found = f"clips in {root}", clip_files.find(root)
        landmarks = np.load(root / "landmarks.npz") if (root / "landmarks.npz").is_file() else {}
    read, notes = {}, []
    for name in _choose(list(found), split, held_out):
        try:
            clip = drawn.draw(name) if source == "drawn" else clip_files.read(found[name], landmarks, name)
            frames, sound, points = clip
            read[name] = (frames, _mel(sound, len(frames)), points)
        except DataError as error:
            notes.append(f"{name}: {error}")
    if not read:
        reason = f"none of {len(notes)} can be used; {notes[0]}" if notes else "there is none"
        raise DataError(f"{title}, split {split}: {reason}; the layout is <speaker>/<clip>.mp4 and .ogg")
    frames, mel, points = (list(column) for column in zip(*read.values(), strict=True))
    starts = [torch.tensor([0, *map(len, column)]).cumsum(0) for column in (frames, mel)]
    tensors = [torch.from_numpy(np.concatenate(frames)), torch.cat(mel)]
    digest = hashlib.sha256(str([list(column) for column in starts]).encode())
    for tensor in tensors:
        digest.update(tensor.numpy())
    points = torch.from_numpy(np.concatenate(points).astype(np.float32))
    return Clips(source, split, *tensors, *starts, tuple(read), points, digest.hexdigest(), tuple(notes))


def windows(clips: Clips, length: int = LENGTH, margin: int = 0) -> torch.Tensor:
    """All windows of `length` frames, int64 (W, 2): clip and first frame in it.

    Only those with `margin` frames more on either side, whose mel is complete. 2 is enough for a mel centred on each
    frame of the window, 15 for a search of offsets up to 15 frames.
    """
    counts, mels = (starts.diff().tolist() for starts in (clips.frame_starts, clips.mel_starts))
    found = []
    for clip, (count, mel) in enumerate(zip(counts, mels, strict=True)):
        heard = (LENGTH * (mel + 1) - 1) // MEL_LENGTH  # frames n with floor(3.2 n) <= mel
        last = min(count, heard) - length - margin
        first = torch.arange(margin, max(margin, last + 1))
        found.append(torch.stack([torch.full_like(first, clip), first], 1))
    return torch.cat(found).to(clips.frames.device)


def frame_window(clips: Clips, clip: torch.Tensor, frame: torch.Tensor, length: int = LENGTH) -> torch.Tensor:
    """`length` frames of each `clip` (N,) from its `frame` (N,) on: uint8 (N, length, 3, 96, 96)."""
    index = (clips.frame_starts[clip] + frame)[..., None] + torch.arange(length, device=clips.frames.device)
    return clips.frames[index]


def mel_window(clips: Clips, clip: torch.Tensor, frame: torch.Tensor) -> torch.Tensor:
    """The mel of the `LENGTH` frames of each `clip` (N,) from its `frame` (N,) on: float32 (N, 80, 16).

    Begins at mel frame floor(3.2 frame), as in Wav2Lip. Beyond the ends of a clip there is silence.
    """
    start = torch.div(MEL_LENGTH * frame, LENGTH, rounding_mode="floor")
    index = start[..., None] + torch.arange(MEL_LENGTH, device=clips.mel.device)
    counts = clips.mel_starts.diff()[clip][..., None]
    inside = (index >= 0) & (index < counts)
    index = clips.mel_starts[clip][..., None] + index.clamp(min=0).minimum(counts - 1)
    return clips.mel[index].where(inside[..., None], torch.full_like(clips.mel[:1], SILENCE)).transpose(-1, -2)


def reference(clips: Clips, window: torch.Tensor, random: torch.Generator, length: int = LENGTH) -> torch.Tensor:
    """A frame of the same clip for each window (W, 2), never one of its `length` frames: int64 (W,), in the clip."""
    others = clips.frame_starts.diff()[window[:, 0]] - length
    drawn_at = torch.rand(len(window), generator=random, dtype=torch.float64).to(others.device)
    frame = (drawn_at * others).long()
    return frame + length * (frame >= window[:, 1])


def lip_opening(landmarks: torch.Tensor) -> torch.Tensor:
    """The gap between the inner lips (...,) of mouth landmarks (..., 20, 2), as a fraction of the frame's height."""
    return landmarks[..., 17:20, 1].mean(-1) - landmarks[..., 13:16, 1].mean(-1)


def _grid() -> Path:
    root = next((root / "grid" for root in search_roots() if clip_files.find(root / "grid")), None)
    if not root:
        raise DataError(f"GRID: no grid/<speaker>/<clip>.mp4 in {', '.join(map(str, search_roots()))}")
    return root


def _every_fifth(by_speaker: list[list], split: str) -> list:
    """Of each speaker's clips every fifth, from the first, for "test", the others for "train"."""
    test = split == SPLITS[1]
    return [clip for own in by_speaker for i, clip in enumerate(own) if (i % TEST_EVERY == 0) == test]


def _choose(names: list[str], split: str, held_out: Sequence[str]) -> list[str]:
    """Those of "speaker/clip" that are in a split."""
    by_speaker = {speaker: list(own) for speaker, own in itertools.groupby(names, lambda name: name.split("/")[0])}
    if split == CLIP_SPLITS[2]:
        return [name for speaker, own in by_speaker.items() if speaker in held_out for name in own]
    own = [own for speaker, own in by_speaker.items() if speaker not in held_out]
    return _every_fifth(own, split)


def _mel(sound: np.ndarray, frames: int) -> torch.Tensor:
    """The log-mel (m, 80) of a clip's sound, no longer than its frames. Up to a window that is missing is silence."""
    if not sound.any():
        raise DataError("its sound is silence")
    missing = frames * RATE // FPS - len(sound)
    if missing < RATE * LENGTH // FPS:
        sound = np.pad(sound, (0, max(0, missing)))
    return log_mel(sound)[: MEL_LENGTH * frames // LENGTH]
