"""The talking-face generator: its published sizes, and that every filter group is found."""

import pytest
import torch

from ganprune_utils.metrics import cost
from ganprune_utils.models.checkpoints import build
from ganprune_utils.models.wav2lip import Wav2Lip
from ganprune_utils.pruning import choose_filters, filter_groups, filter_scores, remove_filters
from ganprune_utils.pruning.compression import size

INPUTS = torch.rand(2, 1, 80, 16), torch.rand(2, 6, 96, 96)


@pytest.mark.parametrize(
    "widths, residual, parameters, macs",
    [((16, 32, 32), True, 36.298, 3.967), ((16, 32, 32), False, 20.062, 1.066), ((4, 8, 8), False, 1.258, 0.075)],
)
def test_sizes_are_the_published_ones(widths, residual, parameters, macs):
    network = Wav2Lip(*widths, residual)
    assert round(size(network) / 1e6, 3) == parameters
    assert round(cost.macs(network, INPUTS) / 1e9, 3) == macs


@torch.no_grad()
def test_filters_of_all_three_parts_can_be_removed():
    network = Wav2Lip(1, 2, 2).eval()
    groups = filter_groups(network, INPUTS)
    assert {name.split(".")[0] for name in groups} == {"face", "audio", "decoder", "output"}
    removed = choose_filters(filter_scores(network, groups, "l2"), 0.5)
    small = remove_filters(network, removed, INPUTS, groups)  # proves itself
    assert size(small) < 0.5 * size(network) and small(*INPUTS).shape == (2, 3, 96, 96)
    again = build(network.config)
    again.load_state_dict(network.state_dict())
    assert torch.equal(again.eval()(*INPUTS), network(*INPUTS))
