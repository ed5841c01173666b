"""Training of the sync network."""

import pytest
import torch

from ganprune_utils.data.clips import load
from ganprune_utils.errors import ParameterError
from ganprune_utils.training import sync


def test_infonce_asks_for_the_own_sound_and_takes_no_window_for_its_own_negative():
    unit, windows = torch.eye(4), torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
    assert sync.infonce(unit, unit, windows) < 0.01 < 5 < sync.infonce(unit, unit.roll(1, 0), windows)
    twice = torch.cat([unit, unit])
    assert sync.infonce(twice, twice, torch.cat([windows, windows])) < 0.01


def test_it_learns_and_a_stopped_run_ends_with_the_same_bits(tmp_path):
    clips = load("train", "drawn")
    plan = {"steps": 12, "batch_size": 32, "widths": (8, 16, 16)}
    *_, whole = sync.train(sync.Settings(2, **plan), clips, tmp_path / "whole")
    for _ in sync.train(sync.Settings(1, **plan), clips, tmp_path / "parts"):
        pass
    *_, parts = sync.train(sync.Settings(2, **plan), clips, tmp_path / "parts")
    assert whole.history[1]["loss"] < whole.history[0]["loss"]
    for one, other in zip(whole.network.parameters(), parts.network.parameters(), strict=True):
        assert torch.equal(one, other)
    with pytest.raises(ParameterError, match="network = 'x'"):
        next(sync.train(sync.Settings(1, network="x"), clips, tmp_path))
    with pytest.raises(ParameterError, match="loss = 'l2'"):
        next(sync.train(sync.Settings(1, loss="l2"), clips, tmp_path))
