"""What was broken off goes on with the first piece that is not there."""

import pytest
import torch

from ganprune_utils.errors import CheckpointError
from ganprune_utils.kept import Kept


def test_a_piece_is_computed_once_for_each_name_and_identity(tmp_path):
    asked = []

    def compute(value):
        asked.append(value)
        return {"row": {"l1": value}, "scores": torch.arange(3)}

    kept = Kept(tmp_path, [1, "a"])
    assert kept("one", compute, 5)["row"] == {"l1": 5}
    again = Kept(tmp_path, [1, "a"])("one", compute, 6)
    assert again["row"] == {"l1": 5} and torch.equal(again["scores"], torch.arange(3)) and asked == [5]
    kept("two", compute, 7)
    Kept(tmp_path, [1, "b"])("one", compute, 8)
    assert asked == [5, 7, 8]


def test_a_piece_that_was_cut_short_is_one_line(tmp_path):
    kept = Kept(tmp_path, "a")
    kept("one", lambda: {"x": torch.zeros(1000)})
    path = next(tmp_path.rglob("*.pt"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="truncated or foreign"):
        kept("one", dict)
