"""Cutting a U-Net: what is inherited, and equal costs."""

import copy

import pytest
import torch
from test_filters import trained_like
from torch import nn

from ganprune_utils import inner_layers
from ganprune_utils.errors import ParameterError
from ganprune_utils.inner_layers import (
    COSTS,
    WAYS,
    all_ways,
    cut_to,
    is_inner,
    nearest,
    shallower,
    targets,
)
from ganprune_utils.models import UNet, build
from ganprune_utils.models.unet import without_dead_weights
from ganprune_utils.pruning import filter_groups

INPUTS = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def unet():
    return trained_like(UNet(1, 3, ngf=16))


@torch.no_grad()
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_shallower_gives_what_the_deep_one_gives_without_its_inner_part(unet, levels):
    small = shallower(unet, levels)
    assert small.depth == 5 - levels and list(small.down) == [f"down{k}" for k in range(1, 6 - levels)]
    # The deep one with what comes out of the removed levels set to zero.
    silent = copy.deepcopy(unet)
    cut = silent.up[f"up{6 - levels}"]
    cut.norm.weight.zero_(), cut.norm.bias.zero_()
    assert (small(INPUTS) - silent(INPUTS)).abs().max() < 1e-5
    again = build(small.config)
    again.load_state_dict(small.state_dict())
    assert torch.equal(again.eval()(INPUTS), small(INPUTS))


@pytest.mark.parametrize("measure", COSTS)
@pytest.mark.parametrize("way", WAYS)
def test_every_way_comes_down_to_the_cost(unet, way, measure):
    target = 0.8 * COSTS[measure](unet, INPUTS) if measure == "macs" else 0.9 * COSTS[measure](unet, INPUTS)
    small = cut_to(unet, way, target, measure, INPUTS, INPUTS)
    assert COSTS[measure](small, INPUTS) == pytest.approx(target, rel=0.06)
    before = {name: group.size for name, group in filter_groups(unet, INPUTS).items()}
    after = {name: group.size for name, group in filter_groups(small, INPUTS).items()}
    touched = {is_inner(name, 5) for name in before if after[name] < before[name]}
    assert touched == {"inner": {True}, "outer": {False}}.get(way, {True, False}) or way in ("global", "lamp")


def test_what_cannot_be_is_one_clear_line(unet):
    with pytest.raises(ParameterError, match="levels = 4: of 5 levels 1 to 3 can go"):
        shallower(unet, 4)
    with pytest.raises(ParameterError, match="way outer: cannot come down to"):
        cut_to(unet, "outer", 0.01 * COSTS["parameters"](unet, INPUTS), "parameters", INPUTS, INPUTS)
    with pytest.raises(ParameterError, match="way = 'middle'"):
        cut_to(unet, "middle", 1, "macs", INPUTS, INPUTS)


def test_all_ways_at_equal_cost(unet):
    found = all_ways(unet, [1], {"parameters": [0.9]}, 2, INPUTS)
    out = found["levels out", "both", "1 level out", 0]
    assert {key[0] for key in found} == {"levels out", *WAYS} and out.depth == 4
    assert ("random", "macs", "1 level out", 1) in found and ("lamp", "macs", "1 level out", 1) not in found
    costs = {(m, label): value for m, label, value in targets(unet, [1], {"parameters": [0.9]}, INPUTS)}
    assert costs["macs", "1 level out"] == COSTS["macs"](out, INPUTS)
    assert costs["parameters", "90%"] == 0.9 * COSTS["parameters"](unet, INPUTS)
    for (way, measure, label, _), network in found.items():
        if way != "levels out":
            assert COSTS[measure](network, INPUTS) == pytest.approx(costs[measure, label], rel=0.1)
            fewest = min(group.size for group in filter_groups(network, INPUTS).values())
            assert fewest >= inner_layers.FEWEST or way in ("global", "lamp")


def test_a_way_that_cannot_get_so_far_is_left_out(unet):
    # Three levels out leave less than what the outer layers alone can spare.
    assert ("outer", "parameters", "3 levels out", 0) not in all_ways(unet, [3], {}, 1, INPUTS)


def test_a_narrow_network_belongs_to_the_cost_that_is_nearest_to_its_own(unet):
    goals = targets(unet, [1, 2], {"macs": [0.65], "parameters": [0.8]}, INPUTS)
    assert [goal[:2] for goal in goals] == [
        ("macs", "1 level out"), ("macs", "65%"), ("macs", "2 levels out"),
        ("parameters", "80%"), ("parameters", "1 level out"), ("parameters", "2 levels out"),
    ]  # fmt: skip
    assert nearest(goals, shallower(unet, 2), INPUTS)[1] == "2 levels out"
    narrow = UNet(1, 3, down=[13, 26, 52, 104, 104], up=[104, 52, 26, 13])
    assert nearest(goals, narrow, INPUTS) == ("macs", "65%")


@torch.no_grad()
def test_dead_weights_go_without_a_trace(unet):
    live = without_dead_weights(unet, (32, 32))
    assert (live(INPUTS) - unet(INPUTS)).abs().max() < 1e-5 and not unet.pixel
    count = COSTS["parameters"]
    assert count(unet, INPUTS) - count(live, INPUTS) == 12 * (128 * 128 + 128 * 128)
    again = build(live.config)
    again.load_state_dict(live.state_dict())
    assert torch.equal(again.eval()(INPUTS), live(INPUTS)) and live.pixel
    assert len(filter_groups(live, INPUTS)) == 9
    # Where the bottleneck has more than one pixel, every weight meets one.
    for size in ((64, 64), (32, 64), (64, 32)):
        assert not without_dead_weights(unet, size).pixel
    # Once they are gone there are no others.
    assert torch.equal(without_dead_weights(live, (32, 32)).eval()(INPUTS), live(INPUTS))
    # A level less, and its bottleneck has four pixels.
    assert not shallower(live, 1).pixel
    target = 0.5 * count(live, INPUTS)
    assert count(cut_to(live, "uniform", target, "parameters", INPUTS, INPUTS), INPUTS) == pytest.approx(target, 0.05)


def test_no_training_would_ever_change_the_dead_weights(unet):
    trained = copy.deepcopy(unet).train()
    trained(INPUTS).square().sum().backward()
    for block in (trained.down["down5"], trained.up["up5"]):
        gradient = block.conv.weight.grad.clone()
        assert gradient[..., 1:3, 1:3].any()
        gradient[..., 1:3, 1:3] = 0
        assert not gradient.any()


def test_dropout_stays_where_it_was(unet):
    assert [k for k in range(5, 0, -1) if isinstance(unet.up[f"up{k}"].dropout, nn.Dropout)] == [4, 3]
    for levels, left in ((1, [4, 3]), (2, [3]), (3, [])):
        small = shallower(unet, levels)
        again = build(small.config)
        for network in (small, again):
            found = [k for k in range(5 - levels, 0, -1) if isinstance(network.up[f"up{k}"].dropout, nn.Dropout)]
            assert found == left


def test_only_a_cost_out_of_reach_is_passed_over(unet, monkeypatch):
    def broken(*args):
        raise ParameterError("layer down.down1.conv: has NaN or infinite weights")

    monkeypatch.setattr(inner_layers, "cut_to", broken)
    with pytest.raises(ParameterError, match="has NaN"):
        all_ways(unet, [1], {}, 1, INPUTS)
