"""Talking faces as tensors: drawn ones, one's own files, and the crops of GRID's. None lies in the repository."""

import math
import shutil

import av
import numpy as np
import pytest
import torch
from PIL import Image

from ganprune_utils.__main__ import main
from ganprune_utils.data import clip_files, clips, drawn, grid, speech
from ganprune_utils.errors import DataError, ParameterError
from tests.conftest import real_data


@pytest.fixture(scope="module")
def train():
    return clips.load("train", "drawn")


def write_video(path, frames, rate=25, codec="libx264", form="yuv444p", sound=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as video:
        stream = video.add_stream(codec, rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = form, 10**7
        track = None if sound is None else video.add_stream("mp2", rate=44_100, layout="mono")
        for frame in frames:
            video.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        video.mux(stream.encode())
        if track:
            for start in range(0, len(sound) - 1_151, 1_152):
                part = av.AudioFrame.from_ndarray(sound[None, start : start + 1_152], format="s16", layout="mono")
                part.sample_rate, part.pts = 44_100, start
                video.mux(track.encode(part))
            video.mux(track.encode())


def tone(seconds=1.0, rate=16_000):
    return (np.sin(2 * math.pi * 440 * np.arange(int(seconds * rate)) / rate) * 8_000).astype(np.int16)


def pictures(count=25, size=128):
    return [np.full((size, size, 3), 60 + 4 * i, np.uint8) for i in range(count)]


def test_drawn_clips_are_the_same_each_time_and_no_split_shares_one(train):
    again, test, held = (clips.load(split, "drawn") for split in ("train", "test", "held-out"))
    assert again.sha256 == train.sha256 and train.notes == ()
    assert (len(train), len(test), len(held)) == (12, 6, 6)
    assert sorted(train.names + test.names + held.names) == sorted(drawn.NAMES)
    assert {name[:2] for name in held.names} == {"d4"} and {name[:2] for name in train.names + test.names} == {
        "d1",
        "d2",
        "d3",
    }
    assert train.frames.shape[1:] == (3, 96, 96) and train.frames.dtype == torch.uint8
    assert train.mel.min() >= -4 and train.mel.max() <= 4
    assert train.frame_starts[-1] == len(train.frames) and train.mel_starts[-1] == len(train.mel)


def test_drawn_lips_are_as_far_open_as_the_landmarks_say(train):
    opening = clips.lip_opening(train.landmarks) * 96
    mouth = train.frames[: train.frame_starts[4]].float()[:, 0, 60:84, 30:66]  # d1: the gap is darker than all else
    dark = (mouth < 90).flatten(1).sum(1)
    assert opening.min() == 0 and opening.max() > 4
    assert np.corrcoef(dark, opening[: train.frame_starts[4]])[0, 1] > 0.95


def test_lips_close_for_b_and_open_for_a():
    opening, width = drawn._lips([(0.0, "b"), (0.2, "'a"), (0.4, "u:"), (0.6, "_:")], np.array([0.1, 0.3, 0.5]))
    assert opening == pytest.approx([0, 1, 0.3]) and width == pytest.approx([1, 1, 0])


def test_windows_have_their_mel_and_margins(train):
    windows = clips.windows(train)
    frames = train.frame_starts.diff()
    assert len(windows) == (frames - 4).sum()
    inner = clips.windows(train, margin=2)
    assert len(inner) == (frames - 8).sum() and inner[:, 1].min() == 2
    sound_ends_early = clips.replace(train, mel_starts=train.mel_starts.clone())
    sound_ends_early.mel_starts[-1] -= 16
    assert len(clips.windows(sound_ends_early)) == len(windows) - 5


def test_mel_and_frames_of_a_window_are_those_of_its_time(train):
    clip, frame = torch.tensor([0, 3, 3]), torch.tensor([0, 10, -2])
    mel = clips.mel_window(train, clip, frame)
    assert mel.shape == (3, 80, 16)
    start = train.mel_starts[3] + 32  # 10 frames are 0.4 s
    assert torch.equal(mel[1], train.mel[start : start + 16].T)
    assert (mel[2, :, :7] == speech.SILENCE).all() and torch.equal(
        mel[2, :, 7:], train.mel[train.mel_starts[3] :][:9].T
    )
    shown = clips.frame_window(train, clip[:2], frame[:2])
    assert torch.equal(shown[1], train.frames[train.frame_starts[3] + 10 :][:5])


def test_the_reference_is_never_in_the_window_and_any_other_frame(train):
    window = torch.tensor([[1, 7]]).repeat(3_000, 1)
    frames = clips.reference(train, window, torch.Generator().manual_seed(0))
    count = int(train.frame_starts.diff()[1])
    assert set(frames.tolist()) == set(range(count)) - set(range(7, 12))


def test_a_tone_is_in_the_band_of_its_frequency_and_at_its_time():
    sound = np.zeros(16_000, np.float32)
    sound[8_000:] = tone(0.5) / 2**15
    mel = speech.log_mel(sound)
    assert mel.shape == (81, 80) and (mel[:37] == speech.SILENCE).all()
    centres = speech._filters().argmax(1) * speech.RATE / speech.WINDOW
    assert abs(centres[mel[60].argmax()] - 440) < 25
    peaks = [(5, 280, 0.020604), (30, 1_200, 0.018016), (50, 2_500, 0.010718), (75, 6_320, 0.0041668)]  # librosa's
    for band, hertz, height in peaks:
        own = speech._filters()[band]
        assert own.argmax() * speech.RATE / speech.WINDOW == hertz and own.max() == pytest.approx(height, rel=1e-4)
    area = speech._filters().sum(1) * speech.RATE / speech.WINDOW
    assert area[40:].numpy() == pytest.approx(np.ones(40), abs=0.05)


@pytest.fixture
def own(tmp_path):
    """A folder of one's own with a good clip, the second of its speaker, and a good folder of frames."""
    for name in ("a/0", "a/1"):
        write_video(tmp_path / f"{name}.mp4", pictures())
        grid._write_sound(tmp_path / f"{name}.flac", tone() / np.float32(2**15))
    (tmp_path / "a/2").mkdir()
    for i, pixels in enumerate(pictures()):
        Image.fromarray(pixels).save(tmp_path / f"a/2/frame{i + 1}.png")
    shutil.copy(tmp_path / "a/1.flac", tmp_path / "a/2.flac")
    return tmp_path


def test_videos_and_folders_of_frames_are_read_alike(own):
    read = clips.load("train", "folder", own)
    assert read.names == ("a/1", "a/2") and read.frame_starts.tolist() == [0, 25, 50] and not read.notes
    assert read.mel_starts.tolist() == [0, 80, 160] and read.landmarks.isnan().all()
    brightness = read.frames.float().mean((1, 2, 3)).view(2, 25)
    assert brightness.numpy() == pytest.approx(np.array([[60 + 4 * i for i in range(25)]] * 2), abs=2)
    assert clips.load("held-out", "folder", own, held_out=("a",)).names == ("a/0", "a/1", "a/2")


def break_rate(own):
    write_video(own / "a/1.mp4", pictures(30), rate=30)


def break_sound(own):
    (own / "a/1.flac").unlink()


def break_length(own):
    write_video(own / "a/1.mp4", pictures(5))


def break_video(own):
    (own / "a/1.mp4").write_bytes(b"no video")


def break_silence(own):
    grid._write_sound(own / "a/1.flac", np.zeros(16_000, np.float32))


def break_frame(own):
    (own / "a/2/frame9.png").unlink()


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (break_rate, "a/1: 30 frames a second; 25 are needed"),
        (break_sound, "a/1: no sound beside it"),
        (break_length, "a/1: 5 frames; 6 are needed"),
        (break_video, "a/1: cannot be read"),
        (break_silence, "a/1: its sound is silence"),
        (break_frame, "a/2: frame 9 is missing"),
    ],
)
def test_a_clip_that_cannot_be_used_is_one_line_and_the_rest_goes_on(own, damage, line):
    damage(own)
    read = clips.load("train", "folder", own)
    assert len(read.notes) == 1 and read.notes[0].startswith(line) and "\n" not in read.notes[0]
    assert len(read) == 1


def test_a_frame_that_a_video_lost_is_noticed():
    clip_files.check_rate([i / 25 for i in range(10)])
    with pytest.raises(DataError, match="frame 4 is missing"):
        clip_files.check_rate([i / 25 for i in range(10) if i != 4])


def test_nothing_usable_and_wrong_names_are_one_line(own):
    break_sound(own)
    shutil.rmtree(own / "a/2")
    with pytest.raises(DataError, match="split train: none of 1 can be used; a/1: no sound"):
        clips.load("train", "folder", own)
    with pytest.raises(ParameterError, match="split = 'val': unknown"):
        clips.load("val", "drawn")
    with pytest.raises(ParameterError, match="source 'folder' needs one"):
        clips.load("train", "drawn", own)


def test_an_original_becomes_crop_and_sound(tmp_path, monkeypatch, capsys):
    frames = [np.zeros((288, 360, 3), np.uint8) for _ in range(25)]
    for i, frame in enumerate(frames):
        frame[100:200, 50:150] = 60 + 4 * i
    write_video(tmp_path / "raw/s1/bbaf3s.mpg", frames, codec="mpeg1video", form="yuv420p", sound=tone(1, 44_100))
    (tmp_path / "raw/s1/bbaf4p.mpg").write_bytes(b"no video")
    monkeypatch.setattr(grid, "boxes", lambda: {"s1/bbaf3s": (50, 100, 100), "s1/bbaf4p": (0, 0, 9)})
    assert main(["grid", str(tmp_path / "raw"), "--output", str(tmp_path / "grid")]) == 1
    assert "s1/bbaf4p: cannot be read" in capsys.readouterr().out
    read = clips.load("test", "folder", tmp_path / "grid")
    assert read.names == ("s1/bbaf3s",)
    expected = np.array([60 + 4 * i for i in range(25)])
    assert read.frames.float()[:, :, 8:-8, 8:-8].mean((1, 2, 3)).numpy() == pytest.approx(expected, abs=4)
    assert clips.windows(read).shape == (21, 2)
    with pytest.raises(DataError, match="no <speaker>/<clip>.mpg of the 2 clips with a box"):
        grid.prepare(tmp_path / "grid", tmp_path / "out")


def test_the_table_of_boxes_is_complete():
    boxes = grid.boxes()
    assert len(boxes) == 900 and boxes["s1/bbaf3s"] == (88, 125, 134)
    assert all(x >= 0 and y >= 0 and x + side <= 360 and y + side <= 288 for x, y, side in boxes.values())


@pytest.mark.slow
@pytest.mark.skipif(not real_data("grid"), reason="GANPRUNE_DATA has no GRID")
def test_held_out_speakers_of_grid():
    held = clips.load("held-out")
    assert len(held) == 20 and {name.split("/")[0] for name in held.names} == {"s30", "s32"}
    assert not held.notes and held.landmarks.isfinite().all()
