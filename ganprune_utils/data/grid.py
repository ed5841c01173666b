"""GRID's own files to the crops that the study uses: 128x128 around the face, 25 frames a second, sound at 16 kHz.

`grid_boxes.csv` has the square of each clip, from the landmarks of three of its frames: x, y and side in pixels of the
360x288 original. The frames are written as H.264 in 4:4:4 and the sound as FLAC.
"""

import csv
from pathlib import Path

import numpy as np

from ganprune_utils.artifacts import replace_atomic
from ganprune_utils.data.clip_files import read_video
from ganprune_utils.data.speech import RATE, read_sound
from ganprune_utils.errors import DataError

BOXES = Path(__file__).with_name("grid_boxes.csv")
SIDE = 128
QUALITY = "17"  # of x264: on the originals a mean difference of two grey levels from the crop


def boxes() -> dict[str, tuple[int, int, int]]:
    """x, y and side of the square of each "speaker/clip"."""
    with open(BOXES, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {f"{row['speaker']}/{row['clip']}": tuple(int(row[f"box_{k}"]) for k in ("x", "y", "size")) for row in rows}


def prepare(folder: Path, output: Path) -> tuple[list[str], list[str]]:
    """Crop each <folder>/**/<speaker>/**/<clip>.mpg that has a box into <output>/<speaker>/<clip>.mp4 and .flac.

    Returns the names of the clips made, and a line on each that could not be. What is there already is made no second
    time. Raises DataError where the folder has no clip with a box.
    """
    known, made, notes = boxes(), [], []
    found = {}
    for path in sorted(folder.rglob("*.mpg")):
        names = (f"{part}/{path.stem}" for part in path.relative_to(folder.parent).parts[:-1])
        found |= {name: path for name in names if name in known}
    if not found:
        raise DataError(f"GRID {folder}: no <speaker>/<clip>.mpg of the {len(known)} clips with a box")
    for name, path in found.items():
        target = output / f"{name}.mp4"
        if not target.is_file():
            try:
                frames, sound = crop(path, known[name]), read_sound(path)
            except DataError as error:
                notes.append(f"{name}: {error}")
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            replace_atomic(target.with_suffix(".flac"), lambda place, sound=sound: _write_sound(place, sound))
            replace_atomic(target, lambda place, frames=frames: _write_video(place, frames))
        made.append(name)
    return made, notes


def crop(path: Path, box: tuple[int, int, int]) -> np.ndarray:
    """The square `box` of each frame of a video, scaled by the mean of areas: uint8 (n, 128, 128, 3)."""
    import av
    from av.video.reformatter import Interpolation

    x, y, side = box

    def picture(frame) -> np.ndarray:
        square = np.ascontiguousarray(frame.to_ndarray(format="rgb24")[y : y + side, x : x + side])
        if square.shape[:2] != (side, side):
            raise DataError(f"{frame.width}x{frame.height} has no square of {side} pixels at {x}, {y}")
        small = av.VideoFrame.from_ndarray(square, format="rgb24")
        return small.reformat(SIDE, SIDE, interpolation=Interpolation.AREA).to_ndarray()

    return read_video(path, picture)


def _write_video(path: Path, frames: np.ndarray) -> None:
    import av

    with av.open(str(path), "w", format="mp4") as video:
        options = {"crf": QUALITY, "bf": "0"}  # no B-frames: the first frame is shown at 0 s
        stream = video.add_stream("libx264", rate=25, options=options)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv444p"
        for frame in frames:
            video.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        video.mux(stream.encode())


def _write_sound(path: Path, sound: np.ndarray) -> None:
    import av

    with av.open(str(path), "w", format="flac") as file:
        stream = file.add_stream("flac", rate=RATE, layout="mono")
        samples = (sound.clip(-1, 1) * (2**15 - 1)).round().astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = RATE
        file.mux(stream.encode(frame))
        file.mux(stream.encode())
