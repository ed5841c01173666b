"""The files of named data sets, as they are published: where they lie, and what they hold.

Each reader returns uint8 images (N, C, H, W), their labels (N,) and the names of the classes, as arrays.
"""

import gzip
import os
import shutil
import tarfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from filelock import FileLock

from ganprune_utils.artifacts import project_root, resolve
from ganprune_utils.data import picture_files
from ganprune_utils.errors import DataError, first_line

FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
FASHION_PLACES = ("FashionMNIST/raw", "FashionMNIST", "")  # torchvision's, and two that people choose
CIFAR_PICTURES, CIFAR_BATCHES = "cifar10", "cifar-10-batches-py"  # folders
CIFAR_ARCHIVES = {"cifar10.tar.xz": CIFAR_PICTURES, "cifar-10-python.tar.gz": CIFAR_BATCHES}


def search_roots() -> list[Path]:
    """Where data sets are looked for: GANPRUNE_DATA first, then `data/` of the project."""
    named = os.environ.get("GANPRUNE_DATA")
    return [*([resolve(named)] if named else []), project_root() / "data"]


def digits(split: str):
    from sklearn.datasets import load_digits  # bundled with scikit-learn: 1,797 images of 8x8, values 0 to 16

    bunch = load_digits()
    # Bilinear enlargement by 4 has weights that are multiples of 1/8, so every value is an exact binary fraction
    # and rounds the same way everywhere.
    small = torch.from_numpy(bunch.images)[:, None].to(torch.float64) * (255 / 16)
    images = F.interpolate(small, size=32, mode="bilinear", align_corners=False).round().to(torch.uint8)
    chosen = (np.arange(len(images)) % 5 == 0) == (split == "test")
    return images.numpy()[chosen], bunch.target[chosen], [str(c) for c in bunch.target_names]


def fashion_mnist(split: str):
    """From the four IDX files, gzipped or not."""
    prefix = {"train": "train", "test": "t10k"}[split]
    names = [f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"]
    places = [f"{folder}/{{}}{suffix}".lstrip("/") for folder in FASHION_PLACES for suffix in ("", ".gz")]

    def found():
        return [_first(place.format(name) for place in places) for name in names]

    if None in found():
        _download("Fashion-MNIST", "FashionMNIST")
    images, labels = (_read_idx(path) for path in found())
    if images.ndim != 3 or images.shape[:1] != labels.shape:
        raise DataError(f"fashion_mnist: {len(images)} {split} images but {len(labels)} labels")
    return images[:, None], labels, FASHION


def cifar10(split: str):
    """From pictures in cifar10/<split>/<class>, or the published batches for Python; unpacked where only an archive of
    either is there."""
    if not _first((CIFAR_PICTURES, CIFAR_BATCHES)) and (archive := _first(CIFAR_ARCHIVES)):
        _unpack(archive, CIFAR_ARCHIVES[archive.name])
    if folder := _first([f"{CIFAR_PICTURES}/{split}"]):
        found = picture_files.find(folder)
        classes, labels = np.unique(picture_files.classes_of(found), return_inverse=True)
        if len(labels) != (needed := 50_000 if split == "train" else 10_000):
            raise DataError(f"cifar10: {folder} has {len(labels)} pictures, the complete set has {needed}")
        return picture_files.stack(picture_files.read(found, "cifar10", 32), colour=True), labels, classes.tolist()
    if not _first([CIFAR_BATCHES]):
        _download("CIFAR-10", "CIFAR10")
    folder = _first([CIFAR_BATCHES])
    import torchvision  # takes seconds to import, so only where it is needed

    try:
        data = torchvision.datasets.CIFAR10(folder.parent, train=split == "train")
    except Exception as error:  # it raises different types for missing, short and foreign files
        raise DataError(f"cifar10: {folder} is truncated or foreign ({first_line(error)})") from None
    return data.data.transpose(0, 3, 1, 2), np.array(data.targets), data.classes


def _first(places) -> Path | None:
    """The first of `places` that is there, in the first of `search_roots` that has any."""
    places = list(places)
    return next((root / place for root in search_roots() for place in places if (root / place).exists()), None)


def _read_idx(path: Path) -> np.ndarray:
    """An array from LeCun's IDX format: two zeros, the type (8: uint8), the number of sides, the sides, the values."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        if data[:3] != b"\0\0\x08":
            raise ValueError("no IDX file of bytes")
        sides = np.frombuffer(data, ">u4", data[3], offset=4)
        return np.frombuffer(data, np.uint8, offset=4 + 4 * len(sides)).reshape(sides)
    except Exception as error:  # of the file, of gzip and zlib, of numpy
        raise DataError(f"fashion_mnist: {path} is truncated or foreign ({first_line(error)})") from None


@contextmanager
def _project_data():
    """The project's `data/`, for one process at a time."""
    folder = project_root() / "data"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        yield folder


def _download(title: str, name: str) -> None:
    """torchvision's data set `name`, both splits, into the project's `data/`."""
    import torchvision

    try:
        with _project_data() as folder:
            for train in (True, False):
                getattr(torchvision.datasets, name)(folder, train=train, download=True)
    except Exception as error:  # it raises different types without a network, on a full disk …
        looked = ", ".join(map(str, search_roots()))
        raise DataError(f"{title}: not found in {looked}, and the download failed ({first_line(error)})") from None


def _unpack(archive: Path, name: str) -> None:
    """Unpack the folder `name` into the project's `data/`, whole or not at all, and once for all who want it."""
    try:
        with _project_data() as folder:
            if (folder / name).exists():  # another process was faster
                return
            partial = folder / f".unpacking-{os.getpid()}"
            try:
                with tarfile.open(archive) as tar:
                    tar.extractall(partial, filter="data")
                os.replace(partial / name, folder / name)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    except Exception as error:  # of the disk, of tarfile, of the decompressors
        reason = f"cannot be unpacked into {search_roots()[-1]} ({first_line(error)})"
        raise DataError(f"cifar10: {archive} {reason}") from None
