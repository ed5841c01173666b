import gzip
import hashlib
import pickle
import shutil
import struct
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor

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


def write_colours(folder, *classes, n=6):
    for name in classes:
        (folder / name).mkdir(parents=True)
        for i in range(n):
            Image.effect_noise((32, 32), 50 + i).convert("RGB").save(folder / name / f"{i}.png")
    return folder


@pytest.mark.parametrize("train, test", [("train", "test"), ("Train", "TEST"), ("training", "val"), ("TRAIN", "Valid")])
def test_splits_have_names_in_any_case(tmp_path, train, test):
    write_colours(tmp_path / train, "a", "b")
    write_colours(tmp_path / test, "b", n=2)
    loaded = {split: datasets.load("image_folder", split, tmp_path) for split in ("train", "test")}
    assert len(loaded["train"]) == 12 and len(loaded["test"]) == 2
    assert all(data.classes == ("a", "b") for data in loaded.values()) and loaded["test"].labels.tolist() == [1, 1]
    notes = [f"{test} is taken for test"] * test.lower().startswith("val") + [f"1 without pictures: {test}/a"]
    assert list(loaded["test"].notes) == list(loaded["train"].notes) == notes


def test_a_validation_split_beside_a_test_split_is_left_out_and_named(tmp_path):
    for split, n in (("train", 6), ("val", 3), ("test", 2)):
        write_colours(tmp_path / split, "a", n=n)
    (tmp_path / "README.txt").write_text("")
    data = datasets.load("image_folder", "test", tmp_path)
    assert len(data) == 2 and data.notes == ("2 left out beside the splits: README.txt, val",)


def test_a_split_alone_or_twice_is_one_line(tmp_path):
    write_colours(tmp_path / "train", "a")
    words = f"image folder {tmp_path}: has train alone; give {tmp_path}/train to test on every fifth picture of it"
    with pytest.raises(DataError) as error:
        datasets.load("image_folder", folder=tmp_path)
    assert str(error.value) == words
    write_colours(tmp_path / "Training", "a")
    with pytest.raises(DataError, match="has Training and train; only one of them is needed"):
        datasets.load("image_folder", folder=tmp_path)


def test_a_class_may_be_called_train(tmp_path):
    write_colours(tmp_path, "bus", "car", "train")
    assert datasets.load("image_folder", folder=tmp_path).classes == ("bus", "car", "train")


def test_what_is_left_out_of_a_folder_is_counted_and_named(tmp_path):
    write_colours(tmp_path, "a", "b")
    (tmp_path / "empty").mkdir()
    Image.new("RGB", (32, 32)).save(tmp_path / "loose.png")
    Image.new("RGB", (32, 32), "red").save(tmp_path / "b" / "red.png")
    (tmp_path / "b" / "list.csv").write_text("")
    data = datasets.load("image_folder", folder=tmp_path)
    assert data.classes == ("a", "b")
    assert data.notes == (
        "1 without pictures: empty",
        "2 left out, hidden or no pictures: b/list.csv, loose.png",
        "1 of one colour, or nearly: b/red.png",
    )


def test_both_splits_have_colour_where_one_has(tmp_path):
    write_colours(tmp_path / "test", "a")
    pictures(tmp_path / "train", range(6))
    assert datasets.load("image_folder", folder=tmp_path).images.shape == (6, 3, 32, 32)


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(datasets.load("image_folder", folder=pictures(tmp_path / "pictures", range(6)))) == 4
    assert len(datasets.load("image_folder", folder="~/pictures")) == 4


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
    """GANPRUNE_DATA and the project's data/ are empty folders, nothing can be downloaded, and any content will do."""
    monkeypatch.setenv("GANPRUNE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(datasets.official, "project_root", lambda: tmp_path / "project")
    monkeypatch.setattr(datasets, "SHA256", {})  # what tests write is no complete set

    def refuse(*_):
        raise OSError("no network")

    for name in ("FashionMNIST", "CIFAR10"):
        monkeypatch.setattr(getattr(torchvision.datasets, name), "download", refuse)
    return tmp_path / "data"


def write_idx(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    content = header + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_fashion(folder, suffix=""):
    images = np.random.default_rng(0).integers(1, 256, (5, 28, 28), dtype=np.uint8)
    for prefix in ("train", "t10k"):
        write_idx(folder / f"{prefix}-images-idx3-ubyte{suffix}", images)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte{suffix}", np.array([3, 1, 2, 0, 4], dtype=np.uint8))
    return images


@pytest.mark.parametrize("place", ["FashionMNIST/raw", "FashionMNIST", "."])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_fashion_mnist_is_read_padded_and_sorted(empty_data, place, suffix):
    images = write_fashion(empty_data / place, suffix)
    data = datasets.load("fashion_mnist")
    assert data.labels.tolist() == [0, 1, 2, 3, 4] and data.native_size == 28
    assert torch.equal(data.images[0, 0, 2:30, 2:30], torch.from_numpy(images[3]))
    assert data.images[:, :, :2].sum() == 0


def test_missing_files_say_where_was_looked(empty_data):
    with pytest.raises(DataError, match="Fashion-MNIST: not found in .*data.*download failed"):
        datasets.load("fashion_mnist")
    with pytest.raises(DataError, match="CIFAR-10: not found in"):
        datasets.load("cifar10")


def test_another_data_set_under_the_right_names_is_one_line(empty_data, monkeypatch):
    write_fashion(empty_data)
    monkeypatch.setattr(datasets, "SHA256", {("fashion_mnist", "train"): 64 * "0"})
    where = f"{empty_data} or {empty_data.parent}/project/data"
    words = f"fashion_mnist: its files in {where} hold another data set, or part of it: 5 train images of SHA-256 "
    with pytest.raises(DataError, match=f"^{words}[0-9a-f]{{16}}… in place of 0{{16}}…$"):
        datasets.load("fashion_mnist")
    datasets.load("fashion_mnist", "test")


@pytest.mark.parametrize("suffix, cut", [("", 100), ("", 3000), (".gz", 100), (".gz", 3000)])
def test_truncated_files_are_one_line(empty_data, suffix, cut):
    write_fashion(empty_data, suffix)
    path = empty_data / f"train-images-idx3-ubyte{suffix}"
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(DataError, match=f"^fashion_mnist: {path} is truncated or foreign [(].*[)]$"):
        datasets.load("fashion_mnist")


@pytest.fixture
def cifar_archive(empty_data, monkeypatch):
    """cifar-10-python.tar.gz of three images a batch, with checksums that torchvision accepts."""
    folder, images = empty_data / "made" / "cifar-10-batches-py", np.arange(9216, dtype=np.uint8).reshape(3, 3072)
    folder.mkdir(parents=True)

    def write(name, content):
        (folder / name).write_bytes(pickle.dumps(content))
        return [name, hashlib.md5((folder / name).read_bytes()).hexdigest()]

    batches = [write(name, {"data": images, "labels": [2, 0, 1]}) for name in ("data_batch_1", "test_batch")]
    file, md5 = write("batches.meta", {"label_names": list("abc")})
    lists = {"train_list": batches[:1], "test_list": batches[1:]}
    lists["meta"] = {"filename": file, "key": "label_names", "md5": md5}
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", type("Small", (torchvision.datasets.CIFAR10,), lists))
    with tarfile.open(empty_data / "cifar-10-python.tar.gz", "w:gz") as tar:
        tar.add(folder, folder.name)
    shutil.rmtree(empty_data / "made")
    return images


def test_cifar_is_read_from_its_published_archive_and_from_its_folder(cifar_archive, empty_data, tmp_path):
    data = datasets.load("cifar10")
    assert data.labels.tolist() == [0, 1, 2] and data.classes == ("a", "b", "c")
    assert torch.equal(data.images.flatten(1), torch.from_numpy(cifar_archive[[1, 2, 0]]))
    (tmp_path / "project/data/cifar-10-batches-py").rename(empty_data / "cifar-10-batches-py")
    (empty_data / "cifar-10-python.tar.gz").unlink()
    assert datasets.load("cifar10").sha256 == data.sha256
    (empty_data / "cifar-10-batches-py/data_batch_1").write_bytes(b"")
    with pytest.raises(DataError, match="^cifar10: .*cifar-10-batches-py is truncated or foreign [(].*corrupted.*[)]$"):
        datasets.load("cifar10")


def test_two_that_want_an_archive_at_once_unpack_it_once(cifar_archive, empty_data, tmp_path, monkeypatch):
    opened, original = [], tarfile.open
    monkeypatch.setattr(tarfile, "open", lambda *args: opened.append(time.sleep(0.2)) or original(*args))
    arguments = empty_data / "cifar-10-python.tar.gz", "cifar-10-batches-py"
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda _: datasets.official._unpack(*arguments), range(2)))
    assert len(opened) == 1 and (tmp_path / "project/data/cifar-10-batches-py/test_batch").is_file()


def test_a_truncated_archive_leaves_nothing_unpacked(empty_data, tmp_path):
    empty_data.mkdir()
    (empty_data / "cifar10.tar.xz").write_bytes(gzip.compress(b"no archive"))
    with pytest.raises(DataError, match="cifar10: .* cannot be unpacked"):
        datasets.load("cifar10")
    assert [path.name for path in (tmp_path / "project" / "data").iterdir()] == [".lock"]


def test_an_incomplete_cifar_folder_is_an_error(empty_data):
    pictures(empty_data / "cifar10" / "train", range(6), "RGB")
    with pytest.raises(DataError, match="has 6 pictures, the complete set has 50000"):
        datasets.load("cifar10")


def test_folders_without_readable_pictures_are_errors(tmp_path):
    with pytest.raises(DataError, match=f"^image folder {tmp_path}/missing: no such folder$"):
        datasets.load("image_folder", folder=tmp_path / "missing")
    (tmp_path / "pictures.zip").write_bytes(b"")
    with pytest.raises(DataError, match=f"^image folder {tmp_path}/pictures.zip: is a file, and no folder$"):
        datasets.load("image_folder", folder=tmp_path / "pictures.zip")
    words = r"no pictures in class folders \(pictures.zip found\); the layout is <folder>/<class>/<picture>.png$"
    with pytest.raises(DataError, match=words):
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
