"""Training of a talking-face generator."""

import torch

from ganprune_utils.data.clips import load, reference, windows
from ganprune_utils.models.sync import SyncNet
from ganprune_utils.training import talking_face


def test_a_batch_hides_the_lower_half_and_training_goes_on_with_the_same_bits(tmp_path):
    clips, random = load("train", "drawn"), torch.Generator().manual_seed(0)
    window = windows(clips, margin=2)[:3]
    mel, faces, wanted = talking_face.batch(clips, window, reference(clips, window, random))
    assert mel.shape == (15, 1, 80, 16) and faces.shape == (15, 6, 96, 96)
    assert not faces[:, :3, 48:].any() and torch.equal(faces[:, :3, :48], wanted[:, :, :48])
    assert torch.equal(faces[0, 3:], faces[4, 3:])  # one reference for the window

    plan = {"steps": 3, "batch_size": 2, "face": 1, "audio": 2, "decoder": 2, "lr": 1e-3, "sync_below": 2.0}
    given = clips, SyncNet((4, 8), 8), "expert"
    *_, whole = talking_face.train(talking_face.Settings(2, **plan), *given, tmp_path / "whole")
    list(talking_face.train(talking_face.Settings(1, **plan), *given, tmp_path / "parts"))
    *_, parts = talking_face.train(talking_face.Settings(2, **plan), *given, tmp_path / "parts")
    assert [row["weight"] for row in whole.history] == [0, 0.03] and whole.history[1]["l1"] < whole.history[0]["l1"]
    for one, other in zip(whole.generator.parameters(), parts.generator.parameters(), strict=True):
        assert torch.equal(one, other)
