"""Drawn faces that speak: lips follow the phoneme timings of a synthetic voice, so their truth is known exactly.

The voice is espeak-ng's, of the package `espeakng-loader`. Sentences have the grammar of GRID.
"""

import _ctypes
import ctypes
import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy.signal import resample_poly

from ganprune_utils.data.speech import RATE
from ganprune_utils.errors import DataError

SPEAKERS = {  # voice, skin, hair, lips; the sound of f2, f3 and f5 differs from run to run
    "d1": ("en+m3", (236, 188, 160), (70, 45, 30), (176, 70, 74)),
    "d2": ("en+f1", (150, 102, 74), (25, 20, 20), (112, 48, 48)),
    "d3": ("en+m7", (205, 150, 116), (120, 116, 110), (150, 74, 70)),
    "d4": ("en+f4", (244, 208, 186), (186, 120, 50), (206, 84, 96)),
}
SENTENCES = 6  # of each speaker
NAMES = tuple(f"{speaker}/sentence{i}" for speaker in SPEAKERS for i in range(SENTENCES))
GRAMMAR = (
    *(("bin", "lay", "place", "set"), ("blue", "green", "red", "white"), ("at", "by", "in", "with")),
    tuple("abcdefghijklmnopqrstuvxyz"),
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    ("again", "now", "please", "soon"),
)
OPENINGS = {  # of the lips, 0 to 1, by the first letter of espeak's phonemes; others: OTHER
    **dict.fromkeys("pbm_", 0.0),  # _ is a pause
    **dict.fromkeys("fv", 0.1),
    **dict.fromkeys("wuUo", 0.3),
    **dict.fromkeys("iI", 0.4),
    **dict.fromkeys("eE3@", 0.6),
    **dict.fromkeys("O0", 0.8),
    **dict.fromkeys("aAV", 1.0),
}
OTHER = 0.25
ROUNDED = "wuUoO"
SIZE, DETAIL = 96, 3  # pixels of a frame's side; how many times finer it is drawn
FPS = 25
VOICE_RATE = 22_050  # samples a second, of espeak-ng


def draw(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The clip `name`, one of `NAMES`: frames uint8 (n, 3, 96, 96), sound float32 at 16 kHz, landmarks (n, 20, 2).

    Sentence, blinks and the head's movement are drawn from the name. Raises DataError without espeak-ng.
    """
    speaker = name.split("/")[0]
    chance = random.Random(name)
    voice, *colours = SPEAKERS[speaker]
    sound, phonemes = speak(" ".join(map(chance.choice, GRAMMAR)), voice)
    count = len(sound) * FPS // RATE
    opening, width = _lips(phonemes, np.arange(count) / FPS)
    sway = [chance.uniform(0.5, 1.5) * np.sin(np.arange(count) / chance.uniform(8, 14) + chance.random()) for _ in "xy"]
    blink = chance.randrange(10, 30)
    frames, landmarks = [], []
    for i in range(count):
        mouth = Mouth(48 + sway[0][i], 72 + sway[1][i], 11 + 3 * width[i], 9 * opening[i])
        frames.append(_picture(mouth, i % 50 in (blink, blink + 1), *colours))
        landmarks.append(mouth.landmarks() / SIZE)
    return np.stack(frames), sound, np.stack(landmarks).astype(np.float32)


@dataclass(frozen=True)
class Mouth:
    """Middle, half the width and the gap between the inner lips, in pixels."""

    x: float
    y: float
    half: float
    gap: float

    @property
    def radii(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Of the outer and of the inner ellipse, across and down."""
        return (self.half, 3 + self.gap / 2), (self.half - 2, self.gap / 2)

    def landmarks(self) -> np.ndarray:
        """Points 48 to 67 of the 68-point scheme, (20, 2) in pixels: from the left corner over the upper lip."""
        points = []
        for (across, down), count in zip(self.radii, (12, 8), strict=True):
            angle = 2 * math.pi * np.arange(count) / count
            points.append(np.stack([self.x - across * np.cos(angle), self.y - down * np.sin(angle)], 1))
        return np.concatenate(points)


def speak(text: str, voice: str) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """`text` in an espeak-ng voice: float32 (n,) at 16 kHz, and its phonemes with the seconds at which they begin."""
    parts, phonemes = [], []

    def heard(samples, count, events):
        if count:
            parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        i = 0
        while events[i].type:
            if events[i].type == PHONEME:
                phonemes.append((events[i].milliseconds / 1_000, events[i].text.decode()))
            i += 1
        return 0

    callback = CALLBACK(heard)  # held until the call has returned
    with _espeak() as library:
        library.espeak_SetSynthCallback(callback)
        # Without a voice set here the phonemes of a language that the machine's settings name would come.
        if library.espeak_SetVoiceByName(voice.encode()):
            raise DataError(f"espeak-ng: has no voice {voice}")
        data = text.encode()
        library.espeak_Synth(data, len(data) + 1, 0, 0, 0, UTF8, None, None)
        library.espeak_Synchronize()
    sound = np.concatenate(parts).astype(np.float32) / 2**15
    return resample_poly(sound, RATE // 50, VOICE_RATE // 50).astype(np.float32), phonemes


SYNCHRONOUS, PHONEME_EVENTS, PHONEME, UTF8 = 2, 1, 7, 1  # of espeak-ng's speak_lib.h


class Event(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("type", "identifier", "position", "length", "milliseconds", "sample")),
        ("user", ctypes.c_void_p),
        ("text", ctypes.c_char * 8),
    ]


CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))


@contextmanager
def _espeak() -> Iterator[ctypes.CDLL]:
    """The library, loaded anew: it carries state from sentence to sentence that changes the sound of the next."""
    try:
        import espeakng_loader  # brings the library and its voices along

        library = ctypes.CDLL(espeakng_loader.get_library_path())
    except (ImportError, OSError) as error:
        raise DataError(f"drawn faces: espeak-ng cannot be loaded ({error}); pip install espeakng-loader") from None
    try:
        path = str(espeakng_loader.get_data_path()).encode()
        if (rate := library.espeak_Initialize(SYNCHRONOUS, 0, path, PHONEME_EVENTS)) != VOICE_RATE:
            raise DataError(f"drawn faces: espeak-ng answers {rate} in place of {VOICE_RATE} samples a second")
        yield library
        library.espeak_Terminate()
    finally:
        _ctypes.dlclose(library._handle)


def _lips(phonemes: list[tuple[float, str]], times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Opening and width of the lips, 0 to 1 each, at `times`: reached in the middle of a phoneme, straight between."""
    starts = np.array([start for start, _ in phonemes])
    ends = np.append(starts[1:], starts[-1] + 0.1)
    letters = [(text.lstrip("'") or "_")[0] for _, text in phonemes]
    middles = (starts + ends) / 2
    openings = np.interp(times, middles, [OPENINGS.get(letter, OTHER) for letter in letters], left=0, right=0)
    return openings, np.interp(times, middles, [0.0 if letter in ROUNDED else 1.0 for letter in letters])


def _picture(mouth: Mouth, blink: bool, skin, hair, lips) -> np.ndarray:
    """uint8 (3, 96, 96)."""
    picture = Image.new("RGB", (SIZE * DETAIL, SIZE * DETAIL), (118, 132, 148))
    pen = ImageDraw.Draw(picture)

    def ellipse(x, y, across, down, colour):
        box = (x - across, y - down, x + across, y + down)
        pen.ellipse([DETAIL * side for side in box], fill=colour)

    x, y = mouth.x, mouth.y - 72  # how far the head has moved
    ellipse(x, y + 40, 42, 44, hair)
    ellipse(x, y + 52, 36, 46 + mouth.gap / 4, skin)
    for side in (-1, 1):
        ellipse(x + 14 * side, y + 40, 6, 0.7 if blink else 3.5, (250, 250, 250))
        if not blink:
            ellipse(x + 14 * side, y + 40, 2.5, 2.5, (40, 40, 60))
        ellipse(x + 14 * side, y + 32, 8, 1.2, hair)
    ellipse(x, y + 56, 4, 2, tuple(int(0.8 * value) for value in skin))
    (outer, inner) = mouth.radii
    ellipse(mouth.x, mouth.y, *outer, lips)
    if mouth.gap:
        ellipse(mouth.x, mouth.y, *inner, (40, 10, 14))
    shown = np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BOX))
    return np.ascontiguousarray(shown.transpose(2, 0, 1))
