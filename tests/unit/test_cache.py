"""What was interrupted goes on with the first result that is not there."""

import time

import pytest
import torch

from ganprune_utils import cache
from ganprune_utils.cache import ResultCache
from ganprune_utils.errors import CheckpointError

MODULE = "ganprune_utils.statistics"


def test_a_result_is_computed_once_for_each_name_and_all_that_decides_it(tmp_path):
    asked = []

    def compute(value):
        asked.append(value)
        return {"row": {"l1": value}, "scores": torch.arange(3)}

    results = ResultCache(tmp_path, MODULE, steps=1, task="a")
    assert results("one", compute, 5)["row"] == {"l1": 5}
    again = ResultCache(tmp_path, MODULE, steps=1, task="a")("one", compute, 6)
    assert again["row"] == {"l1": 5} and torch.equal(again["scores"], torch.arange(3)) and asked == [5]
    results("two", compute, 7)
    ResultCache(tmp_path, MODULE, steps=1, task="b")("one", compute, 8)
    assert asked == [5, 7, 8]


def test_a_changed_module_begins_a_new_cache(tmp_path, monkeypatch):
    before = ResultCache(tmp_path, MODULE).folder
    assert ResultCache(tmp_path, "ganprune_utils.errors").folder != before
    monkeypatch.setattr(cache, "fingerprint", lambda module, **decided: "other code")
    assert ResultCache(tmp_path, MODULE).folder != before


def test_seconds_are_those_of_the_results_that_were_there(tmp_path):
    results = ResultCache(tmp_path, MODULE)
    results("slow", lambda: time.sleep(0.05) or {})
    results("slow", dict)
    assert results.seconds == 0  # its own work is part of its own time
    again = ResultCache(tmp_path, MODULE)
    for _ in range(2):
        again("slow", dict)
    assert 0.05 <= again.seconds < 0.1 + 0.05


def test_a_result_that_was_cut_short_is_one_line(tmp_path):
    results = ResultCache(tmp_path, MODULE)
    results("one", lambda: {"x": torch.zeros(1000)})
    path = next(tmp_path.rglob("*.pt"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="truncated or foreign"):
        results("one", dict)
