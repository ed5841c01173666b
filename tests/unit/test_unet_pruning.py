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
from ganprune_utils.models.wav2lip import Wav2Lip
from ganprune_utils.pruning import at_cost, choose_filters, filter_groups, filter_scores, remove_filters
from ganprune_utils.pruning.at_cost import (
    COSTS,
    DEPTH_REDUCTION,
    FEWEST,
    METHODS,
    OutOfReach,
    all_methods,
    costs,
    costs_without,
    describe_groups,
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
@pytest.mark.parametrize("method", sorted({*METHODS} - {DEPTH_REDUCTION}))
def test_every_method_reaches_the_cost(unet, groups, method, measure):
    target = {"macs": 0.8, "parameters": 0.9}[measure] * costs(unet, INPUTS)[measure]
    small = prune_to(unet, method, target, measure, INPUTS, groups=groups)
    assert costs(small, INPUTS)[measure] == pytest.approx(target, rel=0.06)
    left = {name: small.get_submodule(name).out_channels for name in groups}
    touched = {unet.level(name) for name, group in groups.items() if left[name] < group.size}
    inner = {"inner": {4, 5}, "random inner": {4, 5}}
    assert touched == inner.get(method, {1, 2, 3, 4, 5}) or method in ("global", "lamp")


def test_random_inner_filters_are_as_many_of_each_layer_as_the_smallest_and_others(unet, groups):
    target = 0.75 * costs(unet, INPUTS)["macs"]
    small, *drawn = (
        prune_to(unet, method, target, "macs", INPUTS, seed, groups)
        for method, seed in (("inner", 0), ("random inner", 0), ("random inner", 0), ("random inner", 1))
    )
    assert {widths(network) for network in drawn} == {widths(small)} != {widths(unet)}
    weights = [network.down["down4"].conv.weight for network in (small, *drawn)]
    assert torch.equal(weights[1], weights[2])
    assert not torch.equal(weights[0], weights[1]) and not torch.equal(weights[1], weights[3])


def test_how_many_levels_are_inner_is_asked_for(unet, groups):
    target = 0.7 * costs(unet, INPUTS)["macs"]
    small = prune_to(unet, "inner", target, "macs", INPUTS, groups=groups, inner_levels=3)
    left = {name: small.get_submodule(name).out_channels for name in groups}
    assert {unet.level(name) for name, group in groups.items() if left[name] < group.size} == {3, 4, 5}


def test_depth_reduction_reaches_only_what_whole_levels_cost(unet):
    of_levels = [costs(reduce_depth(unet, levels), INPUTS)["macs"] for levels in (1, 2, 3)]
    for levels, cost_of in enumerate(of_levels, start=1):
        for factor in (1 / 1.04, 1.04):
            assert prune_to(unet, DEPTH_REDUCTION, factor * cost_of, "macs", INPUTS).depth == 5 - levels
    with pytest.raises(OutOfReach, match="depth reduction: whole parts cannot reach"):
        prune_to(unet, DEPTH_REDUCTION, (of_levels[0] + of_levels[1]) / 2, "macs", INPUTS)


def test_what_cannot_be_is_one_clear_line(unet):
    with pytest.raises(ParameterError, match="levels = 4: of 5 levels 1 to 3 can go"):
        reduce_depth(unet, 4)
    with pytest.raises(OutOfReach, match="method inner: cannot reach"):
        prune_to(unet, "inner", 0.1 * costs(unet, INPUTS)["macs"], "macs", INPUTS)
    with pytest.raises(ParameterError, match="method = 'middle'"):
        prune_to(unet, "middle", 1, "macs", INPUTS)


def test_all_methods_at_equal_cost(unet, capsys):
    goals = targets(unet, {"macs": [0.7], "parameters": [0.9]}, INPUTS)
    whole = costs(unet, INPUTS)
    assert goals == [
        ("macs", "70%", 0.7, 0.7 * whole["macs"]), ("parameters", "90%", 0.9, 0.9 * whole["parameters"]),
    ]  # fmt: skip
    candidates = all_methods(unet, goals, 2, INPUTS)
    # Whole levels come at other costs: that is said, and there is no candidate.
    assert {c.method for c in candidates} == {*METHODS} - {DEPTH_REDUCTION}
    assert "method depth reduction: cannot reach 70% of the macs\n" in capsys.readouterr().out
    at = [(c.method, c.draw) for c in candidates if (c.measure, c.target, c.left) == ("macs", "70%", 0.7)]
    assert {("random", 0), ("random", 1), ("random inner", 1), ("lamp", None)} < set(at) and len(at) == 8
    goal = {(m, label): value for m, label, _, value in goals}
    for c in candidates:
        assert costs(c.network, INPUTS)[c.measure] == pytest.approx(goal[c.measure, c.target], rel=0.1)
        fewest = min(map(int, widths(c.network).replace("|", "").split()))
        assert fewest >= FEWEST or c.method in ("global", "lamp")


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


@torch.no_grad()
def test_at_128_pixels_only_depth_7_has_dead_weights():
    pictures = torch.randn(2, 1, 128, 128)
    for depth in (5, 7):
        whole = trained_like(UNet(1, 3, ngf=2, depth=depth))
        live = without_dead_weights(whole, (128, 128))
        assert live.pixel == (depth == 7) and live(pictures).shape == (2, 3, 128, 128)
        assert (live(pictures) - whole(pictures)).abs().max() < 1e-5
        # Of the bottleneck's neighbours, at 2x2 pixels, every weight meets one.
        for block in (live.down[f"down{depth - 1}"], live.up[f"up{depth - 1}"]):
            before = live(pictures)
            block.conv.weight[:, :, 0, 0] += 1
            assert (live(pictures) - before).abs().max() > 1e-6


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

    monkeypatch.setattr(at_cost, "prune_to", broken)
    with pytest.raises(ParameterError, match="has NaN"):
        all_methods(unet, targets(unet, {"macs": [0.7]}, INPUTS), 1, INPUTS)


def inputs_of(network, size):
    if isinstance(network, Wav2Lip):
        return torch.randn(2, 1, 80, 16), torch.randn(2, 6, *size)
    return torch.randn(2, network.inputs, *size)


def counted_networks():
    whole = UNet(1, 3, ngf=6)
    yield "whole", whole, (32, 32)
    yield "bottleneck of more pixels", whole, (64, 64)
    yield "not square", whole, (64, 32)
    yield "pixel", without_dead_weights(whole, (32, 32)), (32, 32)
    yield "reduced depth", reduce_depth(trained_like(UNet(1, 3, ngf=6)), 2), (32, 32)
    yield "deep", UNet(3, 3, ngf=4, depth=6), (64, 64)
    yield "talking face", Wav2Lip(2, 2, 2), (96, 96)
    yield "talking face without its inner levels", Wav2Lip(2, 2, 2, residual=False).without_levels(2), (96, 96)
    yield "keeps luma", UNet(1, 3, ngf=5, depth=3, keeps_luma=True), (16, 24)


@pytest.mark.parametrize("criterion, ratio, scope", [("l2", 0, "uniform"), ("random", 0.5, "uniform"),
                                                     ("lamp", 0.6, "global")])  # fmt: skip
@pytest.mark.parametrize("network, size", [pytest.param(n, size, id=name) for name, n, size in counted_networks()])
def test_costs_by_arithmetic_are_those_of_the_network_itself(network, size, criterion, ratio, scope):
    network = network.eval()
    inputs = inputs_of(network, size)
    groups = filter_groups(network, inputs)
    removed = choose_filters(filter_scores(network, groups, criterion, inputs), ratio, scope)
    small = remove_filters(network, removed, inputs, groups)
    parameters = sum(parameter.numel() for parameter in small.parameters())
    assert costs_without(network, groups, inputs)(removed) == {
        "macs": cost.macs(small, inputs),
        "parameters": parameters,
    }
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
