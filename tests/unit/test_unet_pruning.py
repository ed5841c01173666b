"""Pruning a U-Net: what is inherited, and equal costs."""

import copy

import pytest
import torch
from helpers import trained_like
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.metrics import cost
from ganprune_utils.models.checkpoints import build
from ganprune_utils.models.unet import UNet, without_dead_weights
from ganprune_utils.pruning import choose_filters, filter_groups, filter_scores, remove_filters
from ganprune_utils.pruning import unet as unet_pruning
from ganprune_utils.pruning.unet import (
    COSTS,
    FEWEST,
    METHODS,
    Candidate,
    all_methods,
    costs,
    costs_without,
    describe_groups,
    is_inner,
    nearest,
    prune_to,
    reduce_depth,
    targets,
    widths,
)

INPUTS = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def unet():
    return trained_like(UNet(1, 3, ngf=16))


@pytest.fixture(scope="module")
def groups(unet):
    return filter_groups(unet, INPUTS[:2])


@torch.no_grad()
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_reduced_depth_gives_what_the_deep_one_gives_without_its_inner_part(unet, levels):
    small = reduce_depth(unet, levels)
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
@pytest.mark.parametrize("method", METHODS)
def test_every_method_reaches_the_cost(unet, groups, method, measure):
    target = {"macs": 0.8, "parameters": 0.9}[measure] * costs(unet, INPUTS)[measure]
    small = prune_to(unet, method, target, measure, INPUTS, groups=groups)
    assert costs(small, INPUTS)[measure] == pytest.approx(target, rel=0.06)
    left = {name: small.get_submodule(name).out_channels for name in groups}
    touched = {is_inner(name, 5) for name, group in groups.items() if left[name] < group.size}
    assert touched == {"inner": {True}, "outer": {False}}.get(method, {True, False}) or method in ("global", "lamp")


def test_what_cannot_be_is_one_clear_line(unet):
    with pytest.raises(ParameterError, match="levels = 4: of 5 levels 1 to 3 can go"):
        reduce_depth(unet, 4)
    with pytest.raises(ParameterError, match="method outer: cannot reach"):
        prune_to(unet, "outer", 0.01 * costs(unet, INPUTS)["parameters"], "parameters", INPUTS)
    with pytest.raises(ParameterError, match="method = 'middle'"):
        prune_to(unet, "middle", 1, "macs", INPUTS)


def test_all_methods_at_equal_cost(unet):
    goals = targets(unet, [1], {"parameters": [0.9]}, INPUTS)
    candidates = all_methods(unet, [1], goals, 2, INPUTS)
    (reduced,) = [c.network for c in candidates if c.method == "depth reduction"]
    assert {c.method for c in candidates} == {"depth reduction", *METHODS} and reduced.depth == 4
    first = candidates[0]
    assert (first.measure, first.target, first.draw) == ("both", "1 level removed", None)
    at = [(c.method, c.draw) for c in candidates if (c.measure, c.target) == ("macs", "1 level removed")]
    assert ("random", 1) in at and ("lamp", None) in at and ("lamp", 1) not in at
    goal = {(m, label): value for m, label, value in goals}
    assert goal["macs", "1 level removed"] == costs(reduced, INPUTS)["macs"]
    assert goal["parameters", "90%"] == 0.9 * costs(unet, INPUTS)["parameters"]
    for c in candidates:
        if c.method != "depth reduction":
            assert costs(c.network, INPUTS)[c.measure] == pytest.approx(goal[c.measure, c.target], rel=0.1)
            fewest = min(map(int, widths(c.network).replace("|", "").split()))
            assert fewest >= FEWEST or c.method in ("global", "lamp")


def test_a_method_that_cannot_get_so_far_is_left_out(unet):
    # Without three levels less is left than what the outer layers alone can lose.
    goals = targets(unet, [3], {}, INPUTS)
    candidates = all_methods(unet, [3], goals, 1, INPUTS)
    assert ("outer", "parameters", "3 levels removed") not in [(c.method, c.measure, c.target) for c in candidates]


def test_the_dense_network_and_reduced_depth_belong_to_every_measure(unet):
    dense, reduced, lamp = (Candidate("", *at, unet) for at in (("-", "-"), ("both", "a"), ("macs", "a")))
    assert [c.is_at("macs", "a") for c in (dense, reduced, lamp)] == [True, True, True]
    assert [c.is_at("parameters", "a") for c in (dense, reduced, lamp)] == [True, True, False]
    assert [c.is_at("macs", "b") for c in (dense, reduced, lamp)] == [True, False, False]


def test_a_small_dense_network_belongs_to_the_cost_that_is_nearest_to_its_own(unet):
    goals = targets(unet, [1, 2], {"macs": [0.65], "parameters": [0.8]}, INPUTS)
    assert [goal[:2] for goal in goals] == [
        ("macs", "1 level removed"), ("macs", "65%"), ("macs", "2 levels removed"),
        ("parameters", "80%"), ("parameters", "1 level removed"), ("parameters", "2 levels removed"),
    ]  # fmt: skip
    assert nearest(goals, reduce_depth(unet, 2), INPUTS)[1] == "2 levels removed"
    small = UNet(1, 3, down=[13, 26, 52, 104, 104], up=[104, 52, 26, 13])
    assert nearest(goals, small, INPUTS) == ("macs", "65%")


@torch.no_grad()
def test_dead_weights_go_without_a_trace(unet):
    live = without_dead_weights(unet, (32, 32))
    assert (live(INPUTS) - unet(INPUTS)).abs().max() < 1e-5 and not unet.pixel

    def count(network):
        return costs(network, INPUTS)["parameters"]

    assert count(unet) - count(live) == 12 * (128 * 128 + 128 * 128)
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
    assert not reduce_depth(live, 1).pixel
    target = 0.5 * count(live)
    assert count(prune_to(live, "uniform", target, "parameters", INPUTS)) == pytest.approx(target, 0.05)


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
        small = reduce_depth(unet, levels)
        again = build(small.config)
        for network in (small, again):
            found = [k for k in range(5 - levels, 0, -1) if isinstance(network.up[f"up{k}"].dropout, nn.Dropout)]
            assert found == left


def test_only_a_cost_out_of_reach_is_passed_over(unet, monkeypatch):
    def broken(*args):
        raise ParameterError("layer down.down1.conv: has NaN or infinite weights")

    monkeypatch.setattr(unet_pruning, "prune_to", broken)
    with pytest.raises(ParameterError, match="has NaN"):
        all_methods(unet, [1], targets(unet, [1], {}, INPUTS), 1, INPUTS)


def counted_networks():
    whole = UNet(1, 3, ngf=6)
    yield "whole", whole, (32, 32)
    yield "bottleneck of more pixels", whole, (64, 64)
    yield "not square", whole, (64, 32)
    yield "pixel", without_dead_weights(whole, (32, 32)), (32, 32)
    yield "reduced depth", reduce_depth(trained_like(UNet(1, 3, ngf=6)), 2), (32, 32)
    yield "deep", UNet(3, 3, ngf=4, depth=6), (64, 64)
    yield "keeps luma", UNet(1, 3, ngf=5, depth=3, keeps_luma=True), (16, 24)


@pytest.mark.parametrize("criterion, ratio, scope", [("l2", 0, "uniform"), ("random", 0.5, "uniform"),
                                                     ("lamp", 0.6, "global")])  # fmt: skip
@pytest.mark.parametrize("network, size", [pytest.param(n, size, id=name) for name, n, size in counted_networks()])
def test_costs_by_arithmetic_are_those_of_the_network_itself(network, size, criterion, ratio, scope):
    network = network.eval()
    inputs = torch.randn(2, network.inputs, *size)
    groups = filter_groups(network, inputs)
    removed = choose_filters(filter_scores(network, groups, criterion, inputs), ratio, scope)
    small = remove_filters(network, removed, inputs, groups)
    parameters = sum(parameter.numel() for parameter in small.parameters())
    assert costs_without(network, removed, size) == {"macs": cost.macs(small, inputs), "parameters": parameters}
    assert costs(small, inputs) == {"macs": cost.macs(small, inputs), "parameters": parameters}


def test_describe_groups_names_what_goes_with_a_layer():
    table = describe_groups(UNet(1, 3, ngf=16), INPUTS)
    assert list(table.index) == ["down1", "down2", "down3", "down4", "down5", "up5", "up4", "up3", "up2"]
    assert table.loc["down2", "read by"] == "down3, up2" and table.loc["down2", "BatchNorm"] == "down2"
    # By hand: half of down5's 128 filters, their biases, and what up5 reads of them; images of 1x1.
    gone = 64 * (128 * 16 + 1) + 64 * 128 * 16
    whole = sum(p.numel() for p in UNet(1, 3, ngf=16).parameters())
    assert table.loc["down5", "parameters %"] == pytest.approx(100 * gone / whole)
    assert table.loc["up2", "macs %"] > table.loc["up5", "macs %"]
