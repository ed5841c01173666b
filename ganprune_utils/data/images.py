"""Data sets as single tensors.

A data set is one uint8 tensor in memory, in a canonical order (by label, then by the bytes of the image), so that
the official files and any other copy of the same images give the same tensor and the same SHA-256.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ganprune_utils.artifacts import resolve
from ganprune_utils.data import official, picture_files
from ganprune_utils.data.transforms import pad_to
from ganprune_utils.errors import DataError, ParameterError
from ganprune_utils.parameters import DATASETS

SPLITS = ("train", "test")
CANVAS_SIZE = 32
# Side of the images inside the 32x32 canvas: similarity is measured on these pixels, not on padding.
NATIVE_SIZES = {"fashion_mnist": 28}
CHANNELS = {"digits": 1, "fashion_mnist": 1, "cifar10": 3}
READERS = {"digits": official.digits, "fashion_mnist": official.fashion_mnist, "cifar10": official.cifar10}
SHA256 = {  # of the complete sets, whatever files they were read from
    ("fashion_mnist", "train"): "8e71d05993c25c3f48aa37aedd4fec8734b1b75b9b34b0c754eacf7d7edd01b4",
    ("fashion_mnist", "test"): "30d63de861d938723870a9b6a8cb43ff3db59b91f99364b91a340a02e2ed1067",
    ("cifar10", "train"): "794be747eb3d8c06884d0bad310600c37d51b9da801314872e0c45f71f6175cd",
    ("cifar10", "test"): "19a45fcb2357957dbc9933b01113a32894ed92d219d5c25d70ad5f170eb186a3",
}


@dataclass(frozen=True)
class Dataset:
    """`images` uint8 (N, C, 32, 32), `labels` int64 (N,), `classes` their names, `native_size` the side of
    the images inside the canvas, `sha256` of the images and labels in canonical order, `notes` on what of a folder was
    left out or is in doubt, a line each."""

    name: str
    split: str
    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]
    native_size: int
    sha256: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)


def load(name: str, split: str = "train", folder=None) -> Dataset:
    """Load a data set.

    Args:
        name: one of `parameters.DATASETS`.
        split: "train" or "test".
        folder: for "image_folder" only, a folder in torchvision's ImageFolder layout (`folder/<class>/<picture>`).
            Where it has `train` and `test` (or `val`) folders these are the splits; otherwise every fifth picture, in
            canonical order, is the test split. `~` is the home folder, and a relative one lies in the project.

    Raises:
        ParameterError: unknown name or split, or a folder where none belongs.
        DataError: files that are missing, truncated, no pictures or of another data set.
    """
    if name not in DATASETS:
        raise ParameterError(f"dataset = {name!r}: unknown; allowed are {', '.join(DATASETS)}")
    if split not in SPLITS:
        raise ParameterError(f"split = {split!r}: unknown; allowed are {', '.join(SPLITS)}")
    if (name == "image_folder") != bool(folder):
        raise ParameterError(f"image folder = {folder!r}: dataset 'image_folder' needs a folder, the others take none")
    if name == "image_folder":
        return _image_folder(resolve(folder), split)
    data = _canonical(name, split, *READERS[name](split))
    if data.sha256 != (expected := SHA256.get((name, split), data.sha256)):
        found = f"{len(data)} {split} images of SHA-256 {data.sha256[:16]}… in place of {expected[:16]}…"
        where = " or ".join(map(str, official.search_roots()))
        raise DataError(f"{name}: its files in {where} hold another data set, or part of it: {found}")
    return data


def native_size(dataset: str) -> int:
    """Side of a data set's images inside the canvas."""
    return NATIVE_SIZES.get(dataset, CANVAS_SIZE)


def _canonical(name, split, images: np.ndarray, labels: np.ndarray, classes) -> Dataset:
    """Sort by (label, bytes), pad to 32x32 with black and hash."""
    order = sorted(range(len(images)), key=lambda i: (labels[i], images[i].tobytes()))
    images, labels = torch.from_numpy(images[order]), torch.from_numpy(labels[order].astype(np.int64))
    images = pad_to(images, CANVAS_SIZE).contiguous()
    digest = hashlib.sha256(str(tuple(images.shape)).encode())
    digest.update(images.numpy().tobytes())
    digest.update(labels.numpy().tobytes())
    return Dataset(name, split, images, labels, tuple(classes), native_size(name), digest.hexdigest())


def _image_folder(folder: Path, split: str) -> Dataset:
    title = f"image folder {folder}"
    places, notes = picture_files.find_splits(folder, title)
    own = {path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(picture_files.HIDDEN)}
    if places and own == set(places.values()) and len(places) == 1:
        (place,) = own
        raise DataError(f"{title}: has {place.name} alone; give {place} to test on every fifth picture of it")
    is_split = len(places) == 2
    if not is_split:  # one folder of such a name among others is a class
        places, notes = {split: folder}, []
    found = {part: picture_files.find(place) for part, place in places.items()}
    names = {part: picture_files.classes_of(files) for part, files in found.items()}
    if not found[split].paths:
        layout = "<folder>/<class>/<picture>.png"
        there = f"no pictures in class folders{found[split].instead()}"
        raise DataError(f"image folder {places[split]}: {there}; the layout is {layout}")
    notes += _empty(folder, places, names)
    pictures = {part: picture_files.read(files, title, CANVAS_SIZE) for part, files in found.items()}
    notes += found[split].notes() + picture_files.doubts(found[split], pictures[split])
    # Channels and classes are those of both splits, so that they mean the same in each.
    is_colour = any(pixels.ndim == 3 for part in pictures.values() for pixels in part)
    classes = sorted(set().union(*names.values()))
    labels = np.searchsorted(classes, names[split])
    data = _canonical("image_folder", split, picture_files.stack(pictures[split], is_colour), labels, classes)
    if not is_split:
        chosen = (np.arange(len(data)) % 5 == 0) == (split == "test")
        data = _canonical("image_folder", split, data.images.numpy()[chosen], data.labels.numpy()[chosen], classes)
    if len(data) < 2:
        raise DataError(f"{title}: {split} has {len(data)} pictures; 2 are needed (every fifth is test)")
    return replace(data, notes=tuple(notes))


def _empty(folder: Path, places: dict[str, Path], names: dict[str, list[str]]) -> list[str]:
    """A line on class folders that have no pictures, of either split; as notes."""
    classes = {path.name for place in places.values() for path in place.iterdir() if path.is_dir()}
    classes = sorted(name for name in classes if not name.startswith(picture_files.HIDDEN))
    empty = [places[part] / name for part, used in names.items() for name in classes if name not in used]
    listed = picture_files.name_some([path.relative_to(folder).as_posix() for path in empty])
    return [f"{len(empty)} without pictures: {listed}"] if empty else []
