"""Picture files: which lie under a folder, their hash, and the pixels that they show."""

import hashlib
import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from ganprune_utils.errors import DataError, first_line

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff", ".tga"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
HIDDEN = (".", "__MACOSX", "@eaDir", "$RECYCLE.BIN")  # how names begin of what no one means as a picture
BACKGROUND = (255, 255, 255, 255)  # what shines through where a picture is transparent: white, as on paper
TURNS = {  # by the values of EXIF's orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
MISSING = {FileNotFoundError: "no such folder", NotADirectoryError: "is a file, and no folder"}
FEW = 3  # names that a line gives of many
SPLIT_NAMES = {"train": "train", "training": "train", "test": "test", "testing": "test"}
SPLIT_NAMES |= dict.fromkeys(("val", "valid", "validation"), "val")


@dataclass
class Found:
    """Picture files under `folder`, `paths` sorted; `left_out` is all else that lies there. Of what was read,
    `damaged_exif` are taken as they lie, because their orientation is illegible, and of `animated` the first frame."""

    folder: Path
    paths: list[Path] = field(default_factory=list)
    left_out: list[Path] = field(default_factory=list)
    damaged_exif: list[Path] = field(default_factory=list)
    animated: list[Path] = field(default_factory=list)

    def notes(self) -> list[str]:
        """What was left out or is in doubt, counted and named: one line each."""
        said = {"left out, hidden or no pictures": self.left_out}
        said["with damaged EXIF data, taken as they lie"] = self.damaged_exif
        said["of several frames, of which the first is taken"] = self.animated
        return [f"{len(paths)} {what}: {self.names(paths)}" for what, paths in said.items() if paths]

    def instead(self) -> str:
        """What an error says of a folder without pictures: what else is there, in brackets."""
        return f" ({self.names(self.left_out)} found)" if self.left_out else ""

    def names(self, paths: list[Path]) -> str:
        return name_some([path.relative_to(self.folder).as_posix() for path in paths])


def name_some(names: list[str]) -> str:
    """The first of `names`, on one line that can be printed, and how many more there are."""
    shown = ", ".join("".join(c if c.isprintable() else "?" for c in name) for name in names[:FEW])
    return shown + (f" and {len(names) - FEW} more" if len(names) > FEW else "")


def find(folder) -> Found:
    """Picture files at any depth under a folder, through links. DataError where a folder cannot be read."""

    def refuse(error: OSError):
        raise DataError(f"folder {error.filename}: cannot be read ({error.strerror})") from None

    found, seen = Found(Path(folder)), set()
    for place, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        place, real = Path(place), os.path.realpath(place)
        if real in seen:  # a link to a folder above, or to one that is here already
            found.left_out.append(place)
            folders.clear()
            continue
        seen.add(real)
        hidden = {name for name in (*folders, *files) if name.startswith(HIDDEN)}
        found.left_out += [place / name for name in hidden]
        folders[:] = sorted(set(folders) - hidden)
        for path in (place / name for name in set(files) - hidden):
            # A link to nothing stays, to be named as unreadable.
            is_picture = path.suffix.lower() in SUFFIXES and (path.is_file() or path.is_symlink())
            (found.paths if is_picture else found.left_out).append(path)
    found.paths.sort()
    found.left_out.sort()
    return found


def classes_of(found: Found) -> list[str]:
    """The class of each picture, which is the folder in `found.folder` that it lies in; one in none is left out."""
    loose = [path for path in found.paths if path.parent == found.folder]
    found.left_out = sorted(found.left_out + loose)
    found.paths = [path for path in found.paths if path.parent != found.folder]
    return [path.relative_to(found.folder).parts[0] for path in found.paths]


def find_splits(folder: Path, title: str) -> tuple[dict[str, Path], list[str]]:
    """The folders "train" and "test" in a folder, as far as they are there, and notes on what else is.

    They may have any of `SPLIT_NAMES`, in capitals too; "val" stands in for "test" where there is none. Raises
    DataError, which says `title`, where there is no such folder, or it cannot be read, or has two for one split.
    """
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{title}: {MISSING.get(type(error), f'cannot be read ({error.strerror})')}") from None
    places: dict[str, Path] = {}
    for place in inside:
        if (split := SPLIT_NAMES.get(place.name.lower())) and place.is_dir():
            if split in places:
                raise DataError(f"{title}: has {places[split].name} and {place.name}; only one of them is needed")
            places[split] = place
    notes = []
    if "val" in places and "test" not in places:
        places["test"] = places["val"]
        notes.append(f"{places['test'].name} is taken for test")
    places.pop("val", None)
    if others := [place.name for place in inside if place not in places.values()]:
        notes.append(f"{len(others)} left out beside the splits: {name_some(others)}")
    return places, notes


def digest(folder) -> str:
    """SHA-256 of the picture files under a folder, their names and bytes: another where one is changed, added, removed
    or renamed. Nothing is decoded. DataError where there is no such folder, or a file cannot be read."""
    whole, found = hashlib.sha256(), find(folder)
    for path in found.paths:
        try:
            with open(path, "rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise DataError(f"picture {path}: cannot be read ({error.strerror})") from None
        whole.update(os.fsencode(f"{path.relative_to(found.folder).as_posix()} {content}\n"))
    return whole.hexdigest()


def read(found: Found, title: str, size: int | None = None) -> list[np.ndarray]:
    """The pixels of each picture: uint8 (H, W) where it is grey, else (H, W, 3).

    It is turned as its EXIF data say, 16 bits are scaled to 8, and what is transparent gets `BACKGROUND`. With `size`
    the central square is scaled to `size` x `size`; a picture of that size passes through untouched.

    Raises DataError, which says `title`, where files cannot be read, or their values have no defined range (floats,
    integers of 32 bits).
    """
    pictures, broken = [], {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own, about what it passes over
        for path in found.paths:
            try:
                pictures.append(_read(path, size, found))
            except Exception as error:  # Pillow's readers raise whatever damaged bytes lead them to
                broken[path] = first_line(error)
    if broken:
        path, reason = next(iter(broken.items()))
        line = f"{title}: {found.names([path])} is no readable picture ({reason})"
        more = f"; in all {len(broken)} of {len(found.paths)}: {found.names(list(broken))}"
        raise DataError(line + more * (len(broken) > 1))
    return pictures


def doubts(found: Found, pictures: list[np.ndarray], side: str = "") -> list[str]:
    """Lines on pictures that show all but nothing, as after a wrong conversion; `side` says of what the pixels are."""
    low, high = min(pixels.min() for pixels in pictures), max(pixels.max() for pixels in pictures)
    if high - low < 32:
        return [f"all values{side} lie between {low} and {high} of 255: were the files saved in another range?"]
    plain = [i for i, pixels in enumerate(pictures) if pixels.std(axis=(0, 1)).max() < 1]
    names = found.names([found.paths[i] for i in plain])
    return [f"{len(plain)}{side} of one colour, or nearly: {names}"] if plain else []


def stack(pictures: list[np.ndarray], colour: bool = False) -> np.ndarray:
    """Pictures of one size as uint8 (N, C, H, W): grey where all are, unless `colour`."""
    if colour or any(pixels.ndim == 3 for pixels in pictures):
        pictures = [pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2) for pixels in pictures]
        return np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2))
    return np.stack(pictures)[:, None]


def _read(path: Path, size: int | None, found: Found) -> np.ndarray:
    # As an open file: what Pillow 13 maps into memory by its name comes out scrambled where a TIFF lies on its side.
    with open(path, "rb") as file, Image.open(file) as picture:
        kind = picture.format
        if getattr(picture, "is_animated", False) and kind != "MPO":  # a photograph, with previews of it
            found.animated.append(path)
        picture.load()
        try:  # not ImageOps.exif_transpose, which fails where any of the data is damaged
            orientation = picture.getexif().get(0x0112)
        except Exception:  # as above
            found.damaged_exif.append(path)
            orientation = None
        if orientation in TURNS:
            picture = picture.transpose(TURNS[orientation])
        picture = _in_8_bits(picture, kind)
        return np.asarray(picture if size is None else _central_square(picture, size))


def _in_8_bits(picture: Image.Image, kind: str) -> Image.Image:
    """The picture as "L" or "RGB"."""
    # Pillow's "I" is 16 bits wide in formats that have no wider integers. It would clip them to white.
    if picture.mode.startswith("I;16") or (picture.mode == "I" and kind in ("PNG", "PPM")):
        values = np.asarray(picture).astype(np.int64)
        if "transparency" in picture.info:
            values[values == picture.info["transparency"]] = 65535
        return Image.fromarray((values // 257).astype(np.uint8))
    if picture.mode in ("I", "F"):
        what = {"I": "integers of 32 bits", "F": "floats"}[picture.mode]
        raise ValueError(f"{what} have no defined range: save it with 8 or 16 bits")
    mode = "L" if picture.mode in ("1", "L", "LA") else "RGB"
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, BACKGROUND), picture)
    return picture.convert(mode)


def _central_square(picture: Image.Image, size: int) -> Image.Image:
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    picture = picture.crop((left, top, left + side, top + side))
    return picture if side == size else picture.resize((size, size), Image.Resampling.LANCZOS)
