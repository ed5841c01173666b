"""Talking faces: GRID (Cooke, Barker, Cunningham and Shao 2006, CC BY 4.0) as 128x128 crops, a file per sentence."""

import itertools
from pathlib import Path

import numpy as np

from ganprune_utils.data.images import SPLITS
from ganprune_utils.data.official import search_roots
from ganprune_utils.data.picture_files import HIDDEN
from ganprune_utils.errors import DataError

EVERY = 10  # neighbouring frames are all but the same
TEST_EVERY = 5  # clips of each speaker


def paths(split: str) -> list[Path]:
    """The clips of a split in `grid/<speaker>/<clip>.mp4`: every fifth of each speaker is for testing.

    Speakers are in both splits: seven, of whom one has 800 of 900 clips, are too few to ask about new ones.
    """
    root = next((root / "grid" for root in search_roots() if (root / "grid").is_dir()), None)
    files = sorted(root.glob("*/*.mp4")) if root else []
    files = [path for path in files if not path.name.startswith(HIDDEN)]
    clips = [list(own) for _, own in itertools.groupby(files, lambda path: path.parent)]
    if not clips:
        raise DataError(f"GRID: no grid/<speaker>/<clip>.mp4 in {', '.join(map(str, search_roots()))}")
    test = split == SPLITS[1]
    return [path for own in clips for i, path in enumerate(own) if (i % TEST_EVERY == 0) == test]


def read_frames(path: Path) -> np.ndarray:
    """Every tenth frame of a video, from the first: uint8 (n, height, width, 3)."""
    import av  # brings FFmpeg along: only where videos are read

    try:
        with av.open(str(path)) as video:
            shown = [frame.to_ndarray(format="rgb24") for i, frame in enumerate(video.decode(video=0)) if not i % EVERY]
        return np.stack(shown)
    except (av.error.FFmpegError, OSError, IndexError, ValueError) as error:
        raise DataError(f"video {path}: cannot be read ({' '.join(str(error).split())})") from None
