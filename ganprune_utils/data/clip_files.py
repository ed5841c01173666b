"""Clips in folders: videos or numbered pictures, with the sound beside them, read at 25 frames a second."""

import functools
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganprune_utils.data import picture_files
from ganprune_utils.data.picture_files import HIDDEN
from ganprune_utils.data.speech import read_sound
from ganprune_utils.errors import DataError, first_line

SOUNDS = (".ogg", ".wav", ".flac")
SIZE = 96
FPS = 25
LENGTH = 5  # frames of a window, 0.2 s


def find(root: Path) -> dict[str, Path]:
    """Videos and folders of pictures in <root>/<speaker>, by "speaker/clip"."""
    found = {}
    for path in sorted(root.glob("*/*")):
        if path.name.startswith(HIDDEN) or path.parent.name.startswith(HIDDEN):
            continue
        if path.suffix.lower() == ".mp4" or (path.is_dir() and any(picture_files.find(path).paths)):
            found[f"{path.parent.name}/{path.stem}"] = path
    return found


def read(path: Path, landmarks, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames uint8 (n, 3, 96, 96), sound and landmarks of a clip. DataError says only what is wrong."""
    beside = [path.with_suffix(suffix) for suffix in SOUNDS if path.with_suffix(suffix).is_file()]
    if not beside:
        raise DataError(f"no sound beside it ({', '.join(SOUNDS)})")
    frames = _read_pictures(path) if path.is_dir() else read_video(path, scale)
    sound = read_sound(beside[0])
    if len(frames) <= LENGTH:
        raise DataError(f"{len(frames)} frames; {LENGTH + 1} are needed, a window and one beside it")
    points = np.full((len(frames), 20, 2), np.nan, np.float32)
    if name in landmarks:
        known = landmarks[name]
        if known.shape != points.shape:
            raise DataError(f"landmarks of shape {known.shape} for {len(frames)} frames")
        points = known
    return frames, sound, points


def read_video(path: Path, picture) -> np.ndarray:
    """What `picture` makes of each frame of a video at 25 frames a second. DataError says only what is wrong."""
    import av

    times, frames = [], []
    try:
        with av.open(str(path)) as video:
            for frame in video.decode(video=0):
                times.append(frame.time)
                frames.append(picture(frame))
    except DataError:
        raise
    except (av.error.FFmpegError, OSError, IndexError, ValueError) as error:
        raise DataError(f"cannot be read ({first_line(error)})") from None
    if not frames:
        raise DataError("cannot be read (no frame in it)")
    check_rate(times)
    return np.stack(frames)


def _read_pictures(folder: Path) -> np.ndarray:
    """Frames of a folder of pictures whose names end in their numbers."""
    import av

    found = picture_files.find(folder)
    numbers = [int(digits[-1]) if (digits := re.findall(r"\d+", path.stem)) else None for path in found.paths]
    if None in numbers:
        raise DataError(f"picture {found.paths[numbers.index(None)].name} has no number")
    order = np.argsort(numbers)
    for at, number in enumerate(np.sort(numbers), start=min(numbers)):
        if number != at:
            raise DataError(f"frame {at} is missing" if number > at else f"frame {number} is there twice")
    pictures = picture_files.read(found, "a frame")
    colour = [picture_files.stack([pictures[i]], colour=True)[0].transpose(1, 2, 0) for i in order]
    return np.stack([scale(av.VideoFrame.from_ndarray(np.ascontiguousarray(p), format="rgb24")) for p in colour])


def scale(picture) -> np.ndarray:
    """A frame as read by PyAV as uint8 (3, 96, 96), each pixel the mean of its area."""
    from av.video.reformatter import Interpolation

    shown = _reformatter().reformat(picture, SIZE, SIZE, "rgb24", interpolation=Interpolation.AREA)
    return np.ascontiguousarray(shown.to_ndarray().transpose(2, 0, 1))


def check_rate(times: Sequence[float]) -> None:
    """Raise DataError unless frames shown at `times`, in seconds, are 25 a second with none missing."""
    steps = np.diff(times)
    if len(steps) and abs(1 / np.median(steps) - FPS) > 0.1:
        rate = f"{1 / np.median(steps):.4g} frames a second"
        raise DataError(f"{rate}; {FPS} are needed, so convert it first (ffmpeg -i <clip> -r {FPS} <clip>.mp4)")
    late = np.flatnonzero(abs(np.asarray(times) - times[0] - np.arange(len(times)) / FPS) > 0.5 / FPS)
    if len(late):
        raise DataError(f"frame {late[0]} is missing: {times[late[0]] - times[0]:.2f} s after the first")


@functools.cache
def _reformatter():
    from av.video.reformatter import VideoReformatter

    return VideoReformatter()  # one for all frames: making one takes longer than a frame
