"""Data sets as single tensors.

A data set is one uint8 tensor in memory, in a canonical order (by label, then by the bytes of the image), so that
the official files and any other copy of the same images give the same tensor and the same SHA-256.
"""

import hashlib
import os
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps, UnidentifiedImageError

from ganprune_utils.artifacts import project_root, resolve
from ganprune_utils.data.transforms import pad_to
from ganprune_utils.errors import DataError, ParameterError
from ganprune_utils.parameters import DATASETS

SPLITS = ("train", "test")
CANVAS_SIZE = 32
# Side of the images inside the 32x32 canvas: similarity is measured on these pixels, not on padding.
NATIVE_SIZES = {"fashion_mnist": 28}
CHANNELS = {"digits": 1, "fashion_mnist": 1, "cifar10": 3}
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


@dataclass(frozen=True)
class Dataset:
    """`images` uint8 (N, C, 32, 32), `labels` int64 (N,), `classes` their names, `native_size` the side of
    the images inside the canvas, `sha256` of the images and labels in canonical order."""

    name: str
    split: str
    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]
    native_size: int
    sha256: str

    def __len__(self) -> int:
        return len(self.images)


def load(name: str, split: str = "train", folder=None) -> Dataset:
    """Load a data set.

    Args:
        name: one of `parameters.DATASETS`.
        split: "train" or "test".
        folder: for "image_folder" only, a folder in torchvision's ImageFolder layout (`folder/<class>/<picture>`).
            Where it has `train` and `test` folders these are the splits; otherwise every fifth picture, in
            canonical order, is the test split.

    Raises:
        ParameterError: unknown name or split, or a folder where none belongs.
        DataError: files that are missing, truncated or no pictures.
    """
    if name not in DATASETS:
        raise ParameterError(f"dataset = {name!r}: unknown; allowed are {', '.join(DATASETS)}")
    if split not in SPLITS:
        raise ParameterError(f"split = {split!r}: unknown; allowed are {', '.join(SPLITS)}")
    if (name == "image_folder") != bool(folder):
        raise ParameterError(f"image folder = {folder!r}: dataset 'image_folder' needs a folder, the others take none")
    if name == "image_folder":
        return _image_folder(Path(folder), split)
    images, labels, classes = {"digits": _digits, "fashion_mnist": _fashion_mnist, "cifar10": _cifar10}[name](split)
    return _canonical(name, split, images, labels, classes)


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


def _digits(split):
    from sklearn.datasets import load_digits  # bundled with scikit-learn: 1,797 images of 8x8, values 0 to 16

    bunch = load_digits()
    # Bilinear enlargement by 4 has weights that are multiples of 1/8, so every value is an exact binary fraction
    # and rounds the same way everywhere.
    small = torch.from_numpy(bunch.images)[:, None].to(torch.float64) * (255 / 16)
    images = F.interpolate(small, size=CANVAS_SIZE, mode="bilinear", align_corners=False).round().to(torch.uint8)
    chosen = (np.arange(len(images)) % 5 == 0) == (split == "test")
    return images.numpy()[chosen], bunch.target[chosen], [str(c) for c in bunch.target_names]


def search_roots() -> list[Path]:
    """Where data sets are looked for: GANPRUNE_DATA first, then `data/` of the project."""
    named = os.environ.get("GANPRUNE_DATA")
    return [*([resolve(named)] if named else []), project_root() / "data"]


def _fashion_mnist(split):
    prefix = {"train": "train", "test": "t10k"}[split]
    data = _official("fashion_mnist", "Fashion-MNIST", split, f"FashionMNIST/raw/{prefix}-images-idx3-ubyte")
    if len(data.data) != len(data.targets):
        raise DataError(f"fashion_mnist: {len(data.data)} {split} images but {len(data.targets)} labels")
    return data.data.numpy()[:, None], data.targets.numpy(), data.classes


def _cifar10(split):
    if (root := _root_of("cifar10.tar.xz")) and not _root_of("cifar10"):
        _unpack(root / "cifar10.tar.xz")
    if root := _root_of(f"cifar10/{split}"):
        folder = root / "cifar10" / split
        images, labels, classes = _read_pictures(folder, channels=3)
        if len(images) != (needed := 50_000 if split == "train" else 10_000):
            raise DataError(f"cifar10: {folder} has {len(images)} pictures, the complete set has {needed}")
        return images, labels, classes
    data = _official("cifar10", "CIFAR-10", split, "cifar-10-batches-py")
    return np.ascontiguousarray(data.data.transpose(0, 3, 1, 2)), np.array(data.targets), data.classes


def _root_of(place: str) -> Path | None:
    """The first of `search_roots` that has `place`."""
    return next((root for root in search_roots() if (root / place).exists()), None)


def _official(name: str, title: str, split: str, place: str):
    """torchvision's data set, downloaded into the project's `data/` where no folder has `place`."""
    import torchvision  # takes seconds to import, so only where its readers are needed

    read, root = getattr(torchvision.datasets, title.replace("-", "")), _root_of(place)
    try:
        return read(root or search_roots()[-1], train=split == "train", download=root is None)
    except Exception as error:  # torchvision raises different types for missing, short and foreign files, no network …
        if root is None:
            looked = ", ".join(map(str, search_roots()))
            raise DataError(f"{title}: not found in {looked}, and the download failed ({error})") from None
        raise DataError(f"{name}: files under {root} are missing, truncated or foreign ({error})") from None


def _unpack(archive: Path) -> None:
    """Unpack into the project's `data/`, whole or not at all."""
    target = project_root() / "data"
    target.mkdir(parents=True, exist_ok=True)
    partial = target / f".unpacking-{os.getpid()}"
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(partial, filter="data")
        os.replace(partial / "cifar10", target / "cifar10")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"cifar10: {archive} cannot be unpacked into {target} ({error})") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _image_folder(folder: Path, split) -> Dataset:
    if not folder.is_dir():
        raise DataError(f"image folder {folder}: no such folder")
    if all((folder / part).is_dir() for part in SPLITS):
        data = _canonical("image_folder", split, *_read_pictures(folder / split))
    else:
        whole = _canonical("image_folder", split, *_read_pictures(folder))
        chosen = (np.arange(len(whole)) % 5 == 0) == (split == "test")
        images, labels = whole.images.numpy()[chosen], whole.labels.numpy()[chosen]
        data = _canonical("image_folder", split, images, labels, whole.classes)
    if len(data) < 2:
        raise DataError(f"image folder {folder}: {split} has {len(data)} pictures; 2 are needed (every fifth is test)")
    return data


def _read_pictures(folder: Path, channels: int | None = None):
    """Read `folder/<class>/<picture>` as uint8 (N, C, 32, 32); grey only where every picture is grey."""
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    classes = sorted(entry.name for entry in entries if entry.is_dir())
    paths = [
        (label, path)
        for label, name in enumerate(classes)
        for path in sorted((folder / name).rglob("*"))
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file() and not path.name.startswith(".")
    ]
    if not paths:
        layout = "<folder>/<class>/<picture>.png"
        raise DataError(f"image folder {folder}: no pictures in class folders; the layout is {layout}")
    pictures = [open_picture(path, _fit, f"image folder {folder}: {path.relative_to(folder)}") for _, path in paths]
    grey = all(picture.mode == "L" for picture in pictures) if channels is None else channels == 1
    images = np.stack([np.asarray(picture.convert("L" if grey else "RGB")) for picture in pictures])
    images = images[:, None] if grey else np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    return images, np.array([label for label, _ in paths]), classes


def open_picture(path: Path, convert, title: str):
    """`convert` of the picture; DataError, which says `title`, where it cannot be read."""
    try:
        with Image.open(path) as picture:
            return convert(picture)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError) as error:
        raise DataError(f"{title} is no readable picture ({error})") from None


def _fit(picture: Image.Image) -> Image.Image:
    """Crop the central square and scale it to 32x32; a 32x32 picture passes through untouched."""
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):  # 16 bits: Pillow would clip to white instead of scaling
        picture = Image.fromarray((np.asarray(picture).astype(np.int64) // 257).clip(0, 255).astype(np.uint8))
    elif picture.mode == "F":
        raise ValueError("floating point pictures have no defined range")
    picture = picture.convert("L" if picture.mode in ("1", "L", "LA") else "RGB")
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    picture = picture.crop((left, top, left + side, top + side))
    return picture if side == CANVAS_SIZE else picture.resize((CANVAS_SIZE, CANVAS_SIZE), Image.Resampling.LANCZOS)
