"""Pictures that are changed, added or removed make due what reads them, and nothing is read twice."""

import hashlib
import json
import sys
from types import SimpleNamespace

import pytest

from ganprune_utils.data.clips import search_roots
from ganprune_utils.errors import DataError
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "workflow"))
import data_files
import study as studies


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where what was seen is noted
    folder = tmp_path / "pictures"
    for name in ("a/0.png", "a/1.png", "b/0.png", ".cache/0.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def of(place) -> str:
    return data_files.of({"run": SimpleNamespace(data=str(place))})["run"]


def test_a_folder_of_pictures_is_known_by_what_is_in_it(pictures):
    (pictures / "a/again").symlink_to(pictures)
    before = of(pictures)
    changes = [
        lambda: (pictures / "a/0.png").write_bytes(b"changed"),
        lambda: (pictures / "b/1.png").write_bytes(b"added"),
        lambda: (pictures / "a/1.png").unlink(),
        lambda: (pictures / "b/1.png").rename(pictures / "a/1.png"),
    ]
    seen = {before}
    for change in changes:
        change()
        seen.add(of(pictures))
    assert len(seen) == 5
    (pictures / ".cache/0.png").write_bytes(b"hidden")
    (pictures / "a/0.png").touch()
    assert of(pictures) in seen
    assert of(pictures / "none") not in seen
    assert data_files.of({"run": SimpleNamespace(data="")}) == {"run": ""}


def test_what_stays_is_not_read_again(pictures, monkeypatch):
    before = of(pictures)
    monkeypatch.setattr(hashlib, "file_digest", None)
    assert of(pictures) == before
    (pictures / "a/0.png").write_bytes(b"changed")
    with pytest.raises(TypeError):
        of(pictures)


def test_a_named_data_set_that_is_fetched_makes_nothing_due_and_one_that_changes_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANPRUNE_DATA", str(tmp_path / "mine"))
    assert data_files.roots() == search_roots()
    monkeypatch.setattr(data_files, "roots", lambda: [tmp_path / "mine"])
    assert of("fashion_mnist") == of("cifar10") == ""
    for name in ("FashionMNIST/raw/train-images-idx3-ubyte", "cifar10/train/cat/0.png"):
        (tmp_path / "mine" / name).parent.mkdir(parents=True)
        (tmp_path / "mine" / name).write_bytes(b"first")
    assert of("fashion_mnist") == of("cifar10") == ""
    (tmp_path / "mine/cifar10/train/cat/0.png").write_bytes(b"another")
    assert of("fashion_mnist") == "" != of("cifar10")
    (tmp_path / "mine/cifar10/train/cat/0.png").write_bytes(b"first")
    assert of("cifar10") == ""


def test_a_file_that_cannot_be_read_is_one_line(pictures, monkeypatch):
    def refuse(file, name):
        raise PermissionError(13, "Permission denied", str(pictures / "a/0.png"))

    monkeypatch.setattr(hashlib, "file_digest", refuse)
    with pytest.raises(DataError, match="pictures/a/0.png: cannot be read .Permission denied.$"):
        of(pictures)


def test_every_notebook_that_reads_data_is_known_to():
    def reads(notebook):
        cells = json.loads((ROOT / notebook).read_text("utf-8"))["cells"]
        source = "".join(line for cell in cells if cell["cell_type"] == "code" for line in cell["source"])
        return any(f"{kind}.load(" in source for kind in ("images", "pairs", "clips"))

    assert {step for step, notebook in studies.NOTEBOOKS.items() if reads(notebook)} == {*studies.READ_DATA}


def test_runs_know_their_data(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    runs = {
        ("train", "digits"): "",
        ("train", "cifar10"): "cifar10",
        ("train", "image_folder"): f"{tmp_path}/pictures",
        ("prune", "cifar10"): "",
        ("unet", "edges"): "fashion_mnist",
        ("unet", "edges_digits"): "",
        ("equal_cost", "faces"): "faces",
        ("layer_scan", "paired_folder"): str(ROOT / "pairs"),
    }
    folders = {"image_folder": "~/pictures", "paired_folder": "pairs"}
    for (step, name), place in runs.items():
        given = {"task" if step in ("unet", "equal_cost", "layer_scan") else "dataset": name}
        given |= {name: folders[name]} if name in folders else {}
        assert studies.Run(step, given, []).data == place, (step, name)
