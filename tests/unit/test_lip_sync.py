"""Lip-sync measures on embeddings whose offset is known, and the landmark network on drawn faces."""

import pytest
import torch

from ganprune_utils.data import clips
from ganprune_utils.errors import ParameterError
from ganprune_utils.metrics.lip_sync import REACH, lower_half, offset_accuracy, opening_correlation, sync_table
from ganprune_utils.training import landmarks


def embeddings(late, count=20):
    """Windows of one clip whose sound matches `late` frames after them; a distance of 1 elsewhere, 0.25 there."""
    video = torch.zeros(count, 4)
    sound = torch.zeros(count, 2 * REACH + 1, 4)
    sound[..., 0] = 1.0
    sound[:, REACH + late, 0] = 0.25
    return video, sound


def test_offset_distance_and_confidence_of_each_clip():
    parts = [embeddings(late) for late in (0, -1, 7)]
    video, sound = (torch.cat(column) for column in zip(*parts, strict=True))
    table = sync_table(video, sound, torch.tensor([4, 5, 9]).repeat_interleave(20))
    assert table["clip"].tolist() == [4, 5, 9] and table.offset.tolist() == [0, -1, 7]
    assert table.sync_distance.tolist() == [0.25] * 3 and table.sync_confidence.tolist() == [0.75] * 3
    assert offset_accuracy(table) == pytest.approx(2 / 3)
    assert offset_accuracy(table.assign(offset=[0, float("nan"), 7])) == 0.5  # too short to have one


def test_distances_are_averaged_over_a_clip_before_the_offset_is_chosen():
    video, sound = embeddings(0, 3)
    sound[0, REACH + 5, 0] = 0.0  # one window alone fits better elsewhere
    assert sync_table(video, sound, torch.zeros(3)).offset.tolist() == [0]
    with pytest.raises(ValueError, match="need "):
        sync_table(video, sound[:, 1:], torch.zeros(3))
    with pytest.raises(ValueError, match="NaN"):
        sync_table(video * float("nan"), sound, torch.zeros(3))


def test_the_correlation_is_each_clips_own_and_a_still_mouth_has_none():
    truth = torch.tensor([0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0, 1.0, 2.0])
    made = torch.tensor([0.0, 2.0, 4.0, 2.0, 1.0, 0.0, 0.3, 0.3, 0.3])
    clip = torch.arange(3).repeat_interleave(3)
    assert opening_correlation(made, truth, clip).tolist() == pytest.approx([1, -1, 0])
    with pytest.raises(ValueError, match="NaN"):
        opening_correlation(made * float("nan"), truth, clip)


def test_the_lower_half_is_the_lower_one():
    assert lower_half(torch.arange(4)[:, None].expand(1, 4, 2))[0, :, 0].tolist() == [2, 3]


def test_shifted_frames_take_their_landmarks_along():
    frames = torch.zeros(8, 3, 96, 96, dtype=torch.uint8)
    frames[:, :, 70, 40] = 200
    points = torch.tensor([40 / 96, 70 / 96]).expand(8, 20, 2)
    frames, points = landmarks._augment(frames, points, torch.Generator().manual_seed(0))
    for frame, point in zip(frames, points[:, 0] * 96, strict=True):
        row, column = divmod(int(frame[0].argmax()), 96)
        assert (column, row) == pytest.approx(point.tolist(), abs=1e-3)


@pytest.mark.slow
def test_the_landmark_network_learns_drawn_mouths():
    train, test = (clips.load(split, "drawn") for split in ("train", "test"))
    model = landmarks.train(train, epochs=20, batch_size=16)
    clip = torch.arange(len(test)).repeat_interleave(test.frame_starts.diff())
    found, truth = clips.lip_opening(landmarks.find(model, test.frames)), clips.lip_opening(test.landmarks)
    assert landmarks.errors(model, test)["point"] < 2
    assert opening_correlation(found, truth, clip).min() > 0.8


def test_too_few_frames_with_landmarks_are_said_before_training():
    few = clips.load("train", "drawn").some(torch.tensor([0]))
    with pytest.raises(ParameterError, match=f"landmarks: {len(few.frames)} frames have them; at least 64"):
        landmarks.train(few)
