"""The scan of filters proves each of its points."""

import pytest
import torch
from helpers import NOISE, Foreign, trained_like

from ganprune_utils.errors import StudyError
from ganprune_utils.models.dcgan import Generator
from ganprune_utils.pruning import filter_groups, layer_sensitivity, remove_filters


def test_every_group_is_scanned_and_every_point_proven():
    def load():
        return trained_like(Foreign())

    rows = list(
        layer_sensitivity.scan_filters(load, [0.25, 0.5], NOISE, lambda network: [{"width": network.up.in_channels}])
    )
    assert [row["layer"] for row in rows] == ["conv1"] * 2 + ["conv2 + fc"] * 2 + ["up"] * 2
    assert [row["removed"] for row in rows] == [6, 12, 8, 16, 4, 8]
    assert rows[1]["width"] == 56 - 12 and all(row["output_change"] > 0 for row in rows)


def test_filters_that_did_not_go_are_an_error():
    dense = trained_like(Generator(12, 16))
    with pytest.raises(StudyError, match="layer layers.convt1: 3 filters should have gone"):
        layer_sensitivity.prove_filters(dense, dense, filter_groups(dense, NOISE), "layers.convt1", 3, NOISE)
    other = remove_filters(dense, {"layers.convt2": torch.arange(3)}, NOISE)
    with pytest.raises(StudyError, match="layer layers.convt1: 3 filters should have gone"):
        layer_sensitivity.prove_filters(dense, other, filter_groups(dense, NOISE), "layers.convt1", 3, NOISE)
    with pytest.raises(StudyError, match="0 filters should have gone"):
        next(layer_sensitivity.scan_filters(lambda: dense, [0.001], NOISE, lambda network: [{}]))


def test_filters_that_change_nothing_say_so():
    dense = trained_like(Generator(12, 16))
    with torch.no_grad():
        dense.layers.convt4.weight.zero_()
    row = next(layer_sensitivity.scan_filters(lambda: dense, [0.5], NOISE, lambda network: [{}]))
    assert row["removed"] == 16 * 4 // 2 and row["output_change"] == 0
