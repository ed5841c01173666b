import gzip
import shutil
import struct

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from ganprune_utils import artifacts
from ganprune_utils.data import images as datasets
from ganprune_utils.data.transforms import to_model_range
from ganprune_utils.errors import DataError, ParameterError
from ganprune_utils.models import checkpoints
from tests.conftest import real_data


def test_digits_are_embedded_and_canonical(digits):
    test = datasets.load("digits", "test")
    assert digits.images.shape == (1437, 1, 32, 32) and test.images.shape == (360, 1, 32, 32)
    assert digits.images.dtype == torch.uint8 and digits.images.is_contiguous()
    assert digits.labels.tolist() == sorted(digits.labels.tolist())
    first = [image.numpy().tobytes() for image in digits.images[digits.labels == 0]]
    assert first == sorted(first)
    assert digits.sha256 == "7a7957d477a29201" + digits.sha256[16:] and len(digits.sha256) == 64


def test_model_range():
    values = torch.tensor([0, 255], dtype=torch.uint8)
    assert to_model_range(values).tolist() == [-1.0, 1.0]


def pictures(folder, order, mode="L", size=(32, 32)):
    """Six pictures in two classes, named in the given order."""
    rng = np.random.default_rng(0)
    shape = (*size[::-1], 3) if mode == "RGB" else size[::-1]
    arrays = [rng.integers(0, 256, shape, dtype=np.uint8) for _ in range(6)]
    for name, which in enumerate(order):
        path = folder / ("a" if which < 3 else "b") / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(arrays[which]).save(path)
    return folder


def test_any_copy_of_the_same_pictures_gives_the_same_tensor(tmp_path):
    one = datasets.load("image_folder", folder=pictures(tmp_path / "one", range(6)))
    two = datasets.load("image_folder", folder=pictures(tmp_path / "two", [5, 3, 4, 2, 0, 1]))
    assert one.sha256 == two.sha256 and torch.equal(one.images, two.images)
    assert one.classes == ("a", "b")


def test_splits_of_a_folder_do_not_mix(tmp_path):
    folder = pictures(tmp_path, range(6))
    train, test = (datasets.load("image_folder", split, folder) for split in ("train", "test"))
    every = {image.numpy().tobytes() for image in torch.cat([train.images, test.images])}
    assert len(train) == 4 and len(test) == 2 and len(every) == 6
    shutil.move(tmp_path / "a", tmp_path / "train" / "a")
    shutil.move(tmp_path / "b", tmp_path / "test" / "b")
    assert len(datasets.load("image_folder", "train", tmp_path)) == 3


@pytest.mark.parametrize("mode, channels", [("L", 1), ("RGB", 3)])
def test_pictures_of_any_size_keep_their_colour(tmp_path, mode, channels):
    data = datasets.load("image_folder", folder=pictures(tmp_path, range(6), mode, size=(50, 70)))
    assert data.images.shape == (4, channels, 32, 32)


def test_a_folder_with_grey_and_colour_becomes_colour(tmp_path):
    pictures(tmp_path, range(6))
    Image.new("RGB", (40, 40), "red").save(tmp_path / "a" / "red.png")
    assert datasets.load("image_folder", folder=tmp_path).images.shape[1] == 3


@pytest.fixture
def empty_data(tmp_path, monkeypatch):
    """GANPRUNE_DATA and the project's data/ are empty folders, and nothing can be downloaded."""
    monkeypatch.setenv("GANPRUNE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(datasets, "project_root", lambda: tmp_path / "project")

    def refuse(*args, **options):
        if options.get("download"):
            raise OSError("no network")
        return original(*args, **options)

    original = torchvision.datasets.FashionMNIST
    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", refuse)
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", refuse)
    return tmp_path / "data"


def write_idx(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    path.write_bytes(header + array.tobytes())


def test_fashion_mnist_is_read_padded_and_sorted(empty_data):
    raw = empty_data / "FashionMNIST" / "raw"
    images = np.random.default_rng(0).integers(1, 256, (5, 28, 28), dtype=np.uint8)
    for prefix in ("train", "t10k"):
        write_idx(raw / f"{prefix}-images-idx3-ubyte", images)
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", np.array([3, 1, 2, 0, 4], dtype=np.uint8))
    data = datasets.load("fashion_mnist")
    assert data.labels.tolist() == [0, 1, 2, 3, 4] and data.native_size == 28
    assert torch.equal(data.images[0, 0, 2:30, 2:30], torch.from_numpy(images[3]))
    assert data.images[:, :, :2].sum() == 0


def test_missing_files_say_where_was_looked(empty_data):
    with pytest.raises(DataError, match="Fashion-MNIST: not found in .*data.*download failed"):
        datasets.load("fashion_mnist")
    with pytest.raises(DataError, match="CIFAR-10: not found in"):
        datasets.load("cifar10")


def test_truncated_files_are_an_error(empty_data):
    raw = empty_data / "FashionMNIST" / "raw"
    for prefix in ("train", "t10k"):
        write_idx(raw / f"{prefix}-images-idx3-ubyte", np.zeros((5, 28, 28), dtype=np.uint8))
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", np.zeros(5, dtype=np.uint8))
    path = raw / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="fashion_mnist: .*truncated"):
        datasets.load("fashion_mnist")


def test_a_truncated_archive_leaves_nothing_unpacked(empty_data, tmp_path):
    empty_data.mkdir()
    (empty_data / "cifar10.tar.xz").write_bytes(gzip.compress(b"no archive"))
    with pytest.raises(DataError, match="cifar10: .* cannot be unpacked"):
        datasets.load("cifar10")
    assert not list((tmp_path / "project" / "data").iterdir())


def test_an_incomplete_cifar_folder_is_an_error(empty_data):
    pictures(empty_data / "cifar10" / "train", range(6), "RGB")
    with pytest.raises(DataError, match="has 6 pictures, the complete set has 50000"):
        datasets.load("cifar10")


def test_folders_without_readable_pictures_are_errors(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        datasets.load("image_folder", folder=tmp_path / "missing")
    with pytest.raises(DataError, match="no pictures in class folders; the layout is"):
        datasets.load("image_folder", folder=tmp_path)
    pictures(tmp_path, range(6))
    (tmp_path / "a" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="a/broken.png is no readable picture"):
        datasets.load("image_folder", folder=tmp_path)


def test_unknown_names_list_the_known_ones(tmp_path):
    with pytest.raises(ParameterError, match="dataset = 'mnist': unknown; allowed are digits, fashion_mnist"):
        datasets.load("mnist")
    with pytest.raises(ParameterError, match="split = 'valid'"):
        datasets.load("digits", "valid")
    with pytest.raises(ParameterError, match="needs a folder"):
        datasets.load("image_folder")
    with pytest.raises(ParameterError, match="the others take none"):
        datasets.load("digits", folder=tmp_path)


@pytest.mark.skipif(not real_data("fashion_mnist"), reason="GANPRUNE_DATA has no Fashion-MNIST")
def test_real_fashion_mnist_is_what_the_shipped_network_was_trained_on():
    data = datasets.load("fashion_mnist")
    assert data.images.shape == (60000, 1, 32, 32)
    inner = data.images[..., 2:30, 2:30].double() / 255
    assert inner.mean().item() == pytest.approx(0.2860, abs=5e-5)
    card = checkpoints.read_card(artifacts.pretrained_root() / "fashion_mnist" / "seed0" / "generator.safetensors")
    assert card["data"]["sha256"] == data.sha256


@pytest.mark.skipif(not real_data("cifar10"), reason="GANPRUNE_DATA has no CIFAR-10")
def test_real_cifar10_is_unpacked_and_complete():
    data = datasets.load("cifar10", "test")
    assert data.images.shape == (10000, 3, 32, 32)
    assert torch.bincount(data.labels).tolist() == [1000] * 10
    assert data.classes[0] == "airplane" and data.classes[9] == "truck"


def test_pictures_of_16_bits_are_scaled_and_rotated_ones_turned(tmp_path):
    pictures(tmp_path, range(6))
    values = np.arange(32 * 32, dtype=np.uint16).reshape(32, 32) * 64
    for name in ("16a", "16b"):
        Image.fromarray(values).save(tmp_path / "b" / f"{name}.png")
    data = [datasets.load("image_folder", split, tmp_path) for split in ("train", "test")]
    images = torch.cat([part.images for part in data])[:, 0]
    assert any(torch.equal(image, torch.from_numpy((values // 257).astype(np.uint8))) for image in images)
    turned = tmp_path / "turned" / "c"
    turned.mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    for i in range(5):
        picture = Image.fromarray((np.arange(1024).reshape(32, 32) // 4 + i).clip(0, 255).astype(np.uint8))
        picture.save(turned / f"{i}.png", exif=exif)
    first = datasets.load("image_folder", folder=tmp_path / "turned").images[0, 0]
    assert first[0, 0] > first[-1, -1]


def test_hidden_files_are_no_pictures_and_one_picture_is_too_few(tmp_path):
    pictures(tmp_path, range(6))
    (tmp_path / "a" / "._0.png").write_bytes(b"resource fork")
    (tmp_path / ".thumbs").mkdir()
    assert datasets.load("image_folder", folder=tmp_path).classes == ("a", "b")
    one = tmp_path / "one" / "c"
    one.mkdir(parents=True)
    Image.new("L", (32, 32)).save(one / "x.png")
    with pytest.raises(DataError, match="train has 0 pictures; 2 are needed"):
        datasets.load("image_folder", folder=tmp_path / "one")
