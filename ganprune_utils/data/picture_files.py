"""Picture files: which lie under a folder, their hash, and the pixels that they show."""

import hashlib
import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ganprune_utils.errors import DataError, first_line

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff", ".tga"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
HIDDEN = (".", "__MACOSX", "@eaDir", "$RECYCLE.BIN")  # how names begin of what no one means as a picture
BACKGROUND = (255, 255, 255, 255)  # what shines through where a picture is transparent: white, as on paper
FEW = 3  # names that a line gives of many


@dataclass
class Found:
    """Picture files under `folder`, `paths` sorted; `left_out` is all else that lies there, `damaged_exif` those whose
    orientation could not be read, so that they are taken as they lie."""

    folder: Path
    paths: list[Path] = field(default_factory=list)
    left_out: list[Path] = field(default_factory=list)
    damaged_exif: list[Path] = field(default_factory=list)

    def notes(self) -> list[str]:
        """What was left out or is in doubt, counted and named: one line each."""
        said = {"left out, hidden or no pictures": self.left_out}
        said["with damaged EXIF data, taken as they lie"] = self.damaged_exif
        return [f"{len(paths)} {what}: {self.names(paths)}" for what, paths in said.items() if paths]

    def names(self, paths: list[Path]) -> str:
        """The first of `paths` from the folder on, and how many more there are."""
        more = f" and {len(paths) - FEW} more" if len(paths) > FEW else ""
        return ", ".join(path.relative_to(self.folder).as_posix() for path in paths[:FEW]) + more


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
        hidden = [name for name in (*folders, *files) if name.startswith(HIDDEN)]
        found.left_out += [place / name for name in hidden]
        folders[:] = sorted(set(folders) - set(hidden))
        for path in (place / name for name in files if name not in hidden):
            # A link to nothing stays, to be named as unreadable.
            is_picture = path.suffix.lower() in SUFFIXES and (path.is_file() or path.is_symlink())
            (found.paths if is_picture else found.left_out).append(path)
    found.paths.sort()
    found.left_out.sort()
    return found


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
    """The pixels of each picture: uint8 (H, W) where it is grey, else (H, W, 3); of several frames the first.

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
                pictures.append(_read(path, size, found.damaged_exif))
            except Exception as error:  # Pillow's readers raise whatever damaged bytes lead them to
                broken[path] = first_line(error)
    if broken:
        path, reason = next(iter(broken.items()))
        line = f"{title}: {path.relative_to(found.folder)} is no readable picture ({reason})"
        more = f"; so are {len(broken)} of {len(found.paths)}: {found.names(list(broken))}"
        raise DataError(line + more * (len(broken) > 1))
    return pictures


def _read(path: Path, size: int | None, damaged_exif: list[Path]) -> np.ndarray:
    with Image.open(path) as picture:
        kind = picture.format
        picture.load()
        try:
            picture = ImageOps.exif_transpose(picture)
        except Exception:  # as above
            damaged_exif.append(path)
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
