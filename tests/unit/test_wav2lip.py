"""The talking-face generator: its published sizes, and that every filter group is found."""

import pytest
import torch

from ganprune_utils.errors import ParameterError
from ganprune_utils.metrics import cost
from ganprune_utils.models.checkpoints import build
from ganprune_utils.models.wav2lip import Wav2Lip
from ganprune_utils.pruning import choose_filters, filter_groups, filter_scores, remove_filters
from ganprune_utils.pruning.at_cost import short_name
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


@torch.no_grad()
def test_levels_and_residual_convolutions_can_be_left_out():
    torch.manual_seed(0)
    network = Wav2Lip(1, 2, 2).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.bias.uniform_(0.1, 1), module.running_mean.uniform_(-1, 1)  # so that ReLUs let something pass
    plain = network.without_residuals()
    assert size(plain) == size(Wav2Lip(1, 2, 2, residual=False)) and size(network) > size(plain)
    assert {name: tensor.shape for name, tensor in plain.state_dict().items()} == {
        name: tensor.shape for name, tensor in Wav2Lip(1, 2, 2, residual=False).state_dict().items()
    }
    for levels in (1, 2):
        small = network.without_levels(levels)
        assert small.depth == 7 - levels and small(*INPUTS).shape == (2, 3, 96, 96)
        # The innermost level that is left hears the sound: another one makes another picture.
        assert (small(torch.zeros(2, 1, 80, 16), INPUTS[1]) - small(*INPUTS)).abs().max() > 0
    with pytest.raises(ParameterError, match="levels = 3: of 7 levels 1 to 2 can go"):
        network.without_levels(3)


def test_levels_are_counted_as_in_a_u_net():
    network = Wav2Lip(1, 2, 2)
    groups = filter_groups(network.eval(), INPUTS)
    inner = [short_name(name) for name in groups if network.level(name) > 5]
    assert inner == ["face.5", "face.6.0", "face.6.1", "decoder.0.0", "decoder.1", "decoder.2"]
    assert {network.level(name) for name in groups if name.startswith("audio")} == {0}
    reduced = network.without_levels(2)
    assert [reduced.level(f"decoder.{k}.0.conv") for k in range(5)] == [5, 5, 4, 3, 2]
