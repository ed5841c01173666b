"""Frames of talking faces, and splits by clip. The clips are made here: none lies in the repository."""

import av
import numpy as np
import pytest
import torch

from ganprune_utils.data import clips, pairs
from ganprune_utils.data.transforms import edges, grey
from ganprune_utils.errors import DataError
from ganprune_utils.evaluation.unet import UNetEvaluator
from tests.conftest import real_data


def write_clip(path, first: int, frames: int = 25):
    """A grey clip whose frame i is as bright as `first` + 4 i, with a black square."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as video:
        stream = video.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 128
        stream.pix_fmt, stream.bit_rate = "yuv420p", 10**7
        for i in range(frames):
            picture = np.full((128, 128, 3), first + 4 * i, dtype=np.uint8)
            picture[32:96, 32:96] = 0
            video.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        video.mux(stream.encode())


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Ten clips of one speaker and five of another, of which the last is a frame too short for a third."""
    root = tmp_path_factory.mktemp("data")
    for speaker, count in (("s1", 10), ("s2", 5)):
        for i in range(count):
            write_clip(root / "grid" / speaker / f"clip{i}.mp4", 60 + 8 * i, 20 if (speaker, i) == ("s2", 4) else 25)
    return root


@pytest.fixture
def data(corpus, monkeypatch):
    monkeypatch.setenv("GANPRUNE_DATA", str(corpus))


def test_every_fifth_clip_of_each_speaker_is_for_testing(data):
    names = {split: [f"{path.parent.name}/{path.stem}" for path in clips.paths(split)] for split in ("train", "test")}
    assert names["test"] == ["s1/clip0", "s1/clip5", "s2/clip0"]
    assert len(names["train"]) == 12 and not set(names["train"]) & set(names["test"])


def test_hidden_files_are_no_clips(tmp_path, monkeypatch):
    monkeypatch.setenv("GANPRUNE_DATA", str(tmp_path))
    for name in ("s1/._a.mp4", "s1/a.mp4", "__MACOSX/._b.mp4"):
        (tmp_path / "grid" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "grid" / name).write_bytes(b"")
    assert clips.paths("test") == [tmp_path / "grid/s1/a.mp4"]


def test_every_tenth_frame_is_a_pair_with_its_edges(data):
    test, train = (pairs.load("faces", split, depth=7) for split in ("test", "train"))
    assert test.inputs.shape == (9, 1, 128, 128) and test.targets.shape == (9, 3, 128, 128)
    brightness = test.targets[:, :, 8, 8].float().mean(1)
    assert brightness.tolist() == pytest.approx([f + 4 * i for f in (60, 100, 60) for i in (0, 10, 20)], abs=2)
    assert torch.equal(test.inputs, edges(grey(test.targets))) and test.inputs.any()
    assert test.clips.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert len(train) == 11 * 3 + 2 and train.clips.bincount().tolist() == [3] * 11 + [2]
    assert train.some(7).clips.tolist() == list(range(7))  # every fifth pair, of clips 0, 1, 3, ...
    with pytest.raises(DataError, match="faces: pictures of 128x128; a U-Net of depth 8 needs sides divisible by 256"):
        pairs.load("faces", "test", depth=8)


def test_no_clip_is_in_both_halves_and_there_is_no_frechet_distance(data):
    test = pairs.load("faces", "test")
    halves = [UNetEvaluator("faces", test, split) for split in ("validation", "test")]
    assert [half.clips.unique().tolist() for half in halves] == [[0, 2], [1]]
    assert torch.equal(halves[1].inputs, test.inputs[3:6])
    assert set(halves[1].scores(halves[1].targets)) == {"l1", "psnr", "ssim"}


def test_missing_and_broken_clips_are_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setenv("GANPRUNE_DATA", str(tmp_path))
    monkeypatch.setattr("ganprune_utils.data.official.project_root", lambda: tmp_path / "project")
    for folder in (tmp_path, tmp_path / "grid/s1"):
        folder.mkdir(parents=True, exist_ok=True)
        with pytest.raises(DataError, match="GRID: no grid/<speaker>/<clip>.mp4 in ") as error:
            pairs.load("faces")
        assert "\n" not in str(error.value)
    (tmp_path / "grid/s1/a.mp4").write_bytes(b"no video")
    with pytest.raises(DataError, match="a.mp4: cannot be read") as error:
        clips.read_frames(tmp_path / "grid/s1/a.mp4")
    assert "\n" not in str(error.value)


@pytest.mark.skipif(not real_data("grid"), reason="GANPRUNE_DATA has no GRID")
def test_the_real_clips_are_split_evenly():
    test, train = clips.paths("test"), clips.paths("train")
    assert (len(test), len(train)) == (180, 720)
    assert {path.parent.name for path in test} == {path.parent.name for path in train} and len(test) % 2 == 0
    assert clips.read_frames(test[0]).shape == (8, 128, 128, 3)
