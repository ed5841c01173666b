"""The number format of a training."""

import warnings

import pytest
import torch

from ganprune_utils.training import precision


@pytest.mark.parametrize("native", [True, False])
def test_bfloat16_is_used_where_asked_for_and_its_emulation_is_told(monkeypatch, native):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: native)
    x = torch.ones(2, 2)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with precision.autocast("float32"):
            assert (x @ x).dtype == torch.float32 and not told
        with precision.autocast("bfloat16"):
            assert (x @ x).dtype == torch.bfloat16
    assert len(told) == (not native) and all("no instructions" in str(one.message) for one in told)


def test_this_processor_has_an_answer():
    assert precision.has_bfloat16() in (True, False)
