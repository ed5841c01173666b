"""Picture files of the kinds that people have, under folders as people have them."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from ganprune_utils.data import picture_files
from ganprune_utils.errors import DataError


def save(path, pixels=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    if pixels is None:
        pixels = np.random.default_rng(len(path.name)).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path


def test_the_digest_changes_with_every_change_and_only_with_one(tmp_path):
    folder = tmp_path / "pictures"
    for name in ("a/0.png", "a/1.png", "b/0.png"):
        save(folder / name)
    digests = [picture_files.digest(folder)]
    shutil.copytree(folder, tmp_path / "copy")
    os.utime(folder / "a/0.png", (0, 0))
    (folder / "a/._0.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_bytes(b"no picture")
    assert picture_files.digest(folder) == picture_files.digest(tmp_path / "copy") == digests[0]
    pixels = np.asarray(Image.open(folder / "a/0.png")).copy()
    pixels[0, 0, 0] ^= 1
    save(folder / "a/0.png", pixels)
    digests.append(picture_files.digest(folder))
    save(folder / "a/2.png")
    digests.append(picture_files.digest(folder))
    (folder / "a/2.png").rename(folder / "b/2.png")
    digests.append(picture_files.digest(folder))
    (folder / "b/2.png").unlink()
    (folder / "b/0.png").unlink()
    digests.append(picture_files.digest(folder))
    assert len(set(digests)) == 5


def test_a_folder_that_is_not_there_has_no_digest(tmp_path):
    with pytest.raises(DataError, match=r"folder .*missing: cannot be read \(No such file or directory\)"):
        picture_files.digest(tmp_path / "missing")


def test_hidden_files_links_and_leftovers_are_found_out(tmp_path):
    folder = tmp_path / "pictures"
    wanted = [save(folder / name) for name in ("a/0.png", "a/1.JPG", "b/deep/er/2.tiff")]
    for name in ("a/._0.png", "a/.ipynb_checkpoints/0.png", "__MACOSX/a/0.png", "b/@eaDir/0.jpg"):
        save(tmp_path / "x.png").rename(folder / "x.png")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "x.png").rename(folder / name)
    for name in ("Thumbs.db", ".DS_Store", "a/labels.csv"):
        (folder / name).write_bytes(b"")
    os.mkfifo(folder / "a/pipe.png")
    save(tmp_path / "elsewhere/c/3.png")
    (folder / "c").symlink_to(tmp_path / "elsewhere/c")
    (folder / "a/4.png").symlink_to(tmp_path / "elsewhere/c/3.png")
    (folder / "a/round").symlink_to(folder)
    found = picture_files.find(folder)
    assert found.paths == sorted([*wanted, folder / "c/3.png", folder / "a/4.png"])
    assert found.notes() == ["9 left out, hidden or no pictures: .DS_Store, Thumbs.db, __MACOSX and 6 more"]


def test_a_folder_that_cannot_be_read_is_one_line(tmp_path, monkeypatch):
    save(tmp_path / "a/0.png")
    original = os.scandir

    def scandir(path):
        if str(path).endswith("a"):
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(DataError, match=r"folder .*/a: cannot be read \(Permission denied\)$"):
        picture_files.find(tmp_path)
