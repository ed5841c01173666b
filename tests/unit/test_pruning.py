"""Properties of masks: exact, separating, nested, local, lasting."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.models.dcgan import Discriminator
from ganprune_utils.parameters import LAST_LAYER, METHODS
from ganprune_utils.pruning import (
    allocated_masks,
    apply_masks,
    layer_threshold,
    make_permanent,
    masks_for,
    matched_s,
    percentage_masks,
    prunable_layers,
    random_masks,
    sensitivity_masks,
    shuffled_masks,
    sparsity,
)

FRACTIONS = (0.0, 0.1, 0.333, 0.5, 0.75, 0.999)


def removed(masks):
    return sum(int((~mask).sum()) for mask in masks.values())


def total(model):
    return sum(layer.weight.numel() for layer in prunable_layers(model).values())


def split(model, masks):
    """Magnitudes of removed and of kept weights."""
    layers = prunable_layers(model)
    scores = torch.cat([layers[name].weight.detach().abs().flatten() for name in masks])
    keep = torch.cat([mask.flatten() for mask in masks.values()])
    return scores[~keep], scores[keep]


def inside(second, first):
    """Whether every weight that `second` keeps is kept by `first` too."""
    return all(bool((second[name] <= first[name]).all()) for name in first)


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_global_percentage_removes_exactly_the_rounded_share(small_generator, fraction):
    masks = percentage_masks(small_generator, fraction)
    assert removed(masks) == math.floor(fraction * total(small_generator) + 0.5)


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_layer_percentage_is_exact_in_every_layer(small_generator, fraction):
    for mask in percentage_masks(small_generator, fraction, scope="layer").values():
        assert int((~mask).sum()) == math.floor(fraction * mask.numel() + 0.5)


def test_a_global_threshold_separates_removed_from_kept(small_generator):
    low, high = split(small_generator, percentage_masks(small_generator, 0.4))
    assert low.max() <= high.min()


def test_ties_go_by_layer_order_and_flat_index():
    model = nn.Sequential(nn.Conv2d(1, 2, 2, bias=False), nn.Conv2d(2, 1, 2, bias=False))
    for layer in model:
        nn.init.constant_(layer.weight, 0.5)
    masks = percentage_masks(model, 10 / 16)
    assert not masks["0"].any()
    assert masks["1"].flatten().tolist() == [False, False] + [True] * 6


@pytest.mark.parametrize("scope", ["global", "layer"])
def test_masks_are_nested_over_rising_thresholds(small_generator, scope):
    series = [percentage_masks(small_generator, fraction, scope) for fraction in FRACTIONS]
    assert all(inside(b, a) for a, b in zip(series, series[1:], strict=False))
    series = [sensitivity_masks(small_generator, s) for s in (0.1, 0.5, 1, 2)]
    assert all(inside(b, a) for a, b in zip(series, series[1:], strict=False))
    series = [random_masks(small_generator, fraction, seed=1) for fraction in FRACTIONS]
    assert all(inside(b, a) for a, b in zip(series, series[1:], strict=False))


def test_a_second_pruning_keeps_the_first_and_is_exact(small_generator):
    first = random_masks(small_generator, 0.3, seed=0)
    apply_masks(small_generator, first)
    second = percentage_masks(small_generator, 0.5)
    assert inside(second, first)
    assert removed(second) == math.floor(0.5 * total(small_generator) + 0.5)
    assert removed(percentage_masks(small_generator, 0.1)) == removed(first)  # nothing comes back


def test_sensitivity_cuts_each_layer_at_s_population_sigmas(small_generator):
    masks = sensitivity_masks(small_generator, 0.75)
    for name, layer in prunable_layers(small_generator).items():
        weights = layer.weight.detach().double()
        threshold = 0.75 * weights.std(correction=0)
        assert torch.equal(masks[name], weights.abs() >= threshold)
        assert layer_threshold(small_generator, masks, "sensitivity", name) >= threshold


def test_sensitivity_removes_erf_of_normal_weights():
    layer = nn.Sequential(nn.Conv2d(64, 64, 8))
    nn.init.normal_(layer[0].weight, generator=torch.Generator().manual_seed(0))
    share = removed(sensitivity_masks(layer, 0.75)) / layer[0].weight.numel()
    assert share == pytest.approx(math.erf(0.75 / math.sqrt(2)), abs=0.003)


def test_sensitivity_remembers_the_dense_sigma(small_generator):
    first = sensitivity_masks(small_generator, 1.0)
    apply_masks(small_generator, first)
    again = sensitivity_masks(small_generator, 1.0)
    assert all(torch.equal(again[name], first[name]) for name in first)
    make_permanent(small_generator)
    assert removed(sensitivity_masks(small_generator, 1.0)) == removed(first)


def test_random_masks_are_seeded_exact_and_spread_over_layers(small_generator):
    masks = random_masks(small_generator, 0.5, seed=3)
    assert removed(masks) == math.floor(0.5 * total(small_generator) + 0.5)
    again, other = random_masks(small_generator, 0.5, seed=3), random_masks(small_generator, 0.5, seed=4)
    assert all(torch.equal(masks[name], again[name]) for name in masks)
    assert any(not torch.equal(masks[name], other[name]) for name in masks)
    assert all(0.3 < mask.float().mean() < 0.7 for mask in masks.values())


def test_shuffled_masks_keep_each_layers_sparsity_and_change_the_weights(small_generator):
    masks = percentage_masks(small_generator, 0.6)
    shuffled = shuffled_masks(masks, seed=0)
    assert all(shuffled[name].sum() == masks[name].sum() for name in masks)
    assert any(not torch.equal(shuffled[name], masks[name]) for name in masks)


def test_applying_touches_only_the_masked_layers(small_generator):
    before = {name: tensor.clone() for name, tensor in small_generator.state_dict().items()}
    name = "layers.convt2"
    apply_masks(small_generator, {name: percentage_masks(small_generator, 0.5, "layer")[name]})
    make_permanent(small_generator)
    after = small_generator.state_dict()
    assert before.keys() == after.keys()
    for key, tensor in before.items():
        assert torch.equal(tensor, after[key]) == (key != f"{name}.weight"), key


def test_zeros_survive_adam_steps_with_momentum(small_generator):
    optimizer = torch.optim.Adam(small_generator.parameters(), lr=1e-2, betas=(0.9, 0.999))
    masks = percentage_masks(small_generator, 0.5)

    def step():
        optimizer.zero_grad()
        small_generator(torch.randn(4, 8, 1, 1)).square().mean().backward()
        optimizer.step()

    step()
    apply_masks(small_generator, masks)
    optimizer = torch.optim.Adam(small_generator.parameters(), lr=1e-2, betas=(0.9, 0.999))
    for _ in range(3):
        step()
        for name, layer in prunable_layers(small_generator).items():
            assert not (layer.weight_orig * layer.weight_mask)[~masks[name]].any()
    make_permanent(small_generator)
    layers = prunable_layers(small_generator)
    assert all(not layers[name].weight[~masks[name]].any() for name in masks)
    assert all(layers[name].weight[masks[name]].all() for name in masks)


def test_permanent_masks_allow_a_copy_and_change_no_image(small_generator):
    apply_masks(small_generator.eval(), percentage_masks(small_generator, 0.5))
    noise = torch.randn(2, 8, 1, 1)
    images = small_generator(noise)
    make_permanent(small_generator)
    assert torch.equal(copy.deepcopy(small_generator)(noise), images)


def test_sparsity_table_counts_layers_and_all(small_generator):
    masks = percentage_masks(small_generator, 0.5)
    apply_masks(small_generator, masks)
    table = sparsity(small_generator)
    assert list(table.index) == [*masks, "overall"]
    assert table.zeros["overall"] == removed(masks) and table.weights["overall"] == total(small_generator)
    assert table.sparsity["overall"] == pytest.approx(0.5, abs=1e-4)
    make_permanent(small_generator)
    assert sparsity(small_generator).equals(table)


def test_methods_by_name(small_generator):
    same = [
        (masks_for(small_generator, "percentage", "global", 30, 0), percentage_masks(small_generator, 0.3)),
        (masks_for(small_generator, "percentage", "layer", 30, 0), percentage_masks(small_generator, 0.3, "layer")),
        (masks_for(small_generator, "sensitivity", "layer", 0.5, 0), sensitivity_masks(small_generator, 0.5)),
        (masks_for(small_generator, "random", "uniform", 30, 5), random_masks(small_generator, 0.3, 5)),
        (
            masks_for(small_generator, "random", "shuffled", 30, 5),
            shuffled_masks(percentage_masks(small_generator, 0.3), 5),
        ),
    ]
    for ours, theirs in same:
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 50, float("nan"), "0.5", True, None])
def test_fractions_outside_the_unit_interval_are_errors(small_generator, fraction):
    with pytest.raises(ParameterError, match="fraction = .*\\[0, 1\\)"):
        percentage_masks(small_generator, fraction)
    with pytest.raises(ParameterError, match="fraction"):
        random_masks(small_generator, fraction, seed=0)


@pytest.mark.parametrize("s", [0, -1, float("nan"), float("inf"), "1"])
def test_s_must_be_positive(small_generator, s):
    with pytest.raises(ParameterError, match="s = "):
        sensitivity_masks(small_generator, s)


def test_other_bad_input_names_what_is_allowed(small_generator):
    with pytest.raises(ParameterError, match="scope = 'network'.*global, layer"):
        percentage_masks(small_generator, 0.5, "network")
    with pytest.raises(ParameterError, match="no convolution"):
        percentage_masks(nn.Sequential(nn.Linear(2, 2)), 0.5)
    masks = percentage_masks(small_generator, 0.5)
    with pytest.raises(ParameterError, match="no such layer; prunable are layers.conv1"):
        apply_masks(Discriminator(4), masks)
    with pytest.raises(ParameterError, match="needs torch.bool of shape"):
        apply_masks(small_generator, {name: mask.float() for name, mask in masks.items()})
    assert not any(hasattr(layer, "weight_mask") for layer in small_generator.modules())


def test_numpy_scalars_are_numbers_and_bad_seeds_and_weights_are_not(small_generator):
    assert removed(percentage_masks(small_generator, np.float32(0.5))) == removed(
        percentage_masks(small_generator, 0.5)
    )
    for seed in (None, 1.5, -1, 2**64):
        with pytest.raises(ParameterError, match="seed = "):
            random_masks(small_generator, 0.5, seed)
    with pytest.raises(ParameterError, match="fraction = '0.5'"):
        percentage_masks(small_generator, "0.5")
    with torch.no_grad():
        small_generator.layers.convt2.weight[0, 0, 0, 0] = float("nan")
    with pytest.raises(ParameterError, match="layers.convt2: has NaN"):
        percentage_masks(small_generator, 0.5)


def test_matched_sensitivity_removes_exactly_what_is_asked_for(small_generator):
    total = sum(layer.weight.numel() for layer in prunable_layers(small_generator).values())
    for percent in (0, 10, 50, 95):
        masks = masks_for(small_generator, "sensitivity", "matched", percent, 0)
        gone = sum(int((~mask).sum()) for mask in masks.values())
        assert gone == int(percent / 100 * total + 0.5)
    s = matched_s(small_generator, 0.5)
    expected = sensitivity_masks(small_generator, s)
    assert all(
        torch.equal(mask, expected[name])
        for name, mask in masks_for(small_generator, "sensitivity", "matched", 50, 0).items()
    )
    assert s == pytest.approx(0.6745, abs=0.1)  # of normal weights half lie within 0.6745 sigma


def test_each_layer_gets_its_own_share(small_generator):
    names = list(prunable_layers(small_generator))
    shares = dict(zip(names, (0.0, 0.25, 0.5, 0.9), strict=True))
    masks = allocated_masks(small_generator, shares)
    for name, mask in masks.items():
        assert int((~mask).sum()) == int(shares[name] * mask.numel() + 0.5)
    with pytest.raises(ParameterError, match="needs one for each of layers.convt1"):
        allocated_masks(small_generator, {names[0]: 0.5})
    with pytest.raises(ParameterError, match="fraction = 1.0"):
        allocated_masks(small_generator, shares | {names[0]: 1.0})


@pytest.mark.parametrize("method, scope", [(m, s) for m, scopes in METHODS.items() for s in scopes])
def test_a_last_layer_kept_dense_loses_nothing_and_the_others_give_as_much_more(small_generator, method, scope):
    by_s = (method, scope) == ("sensitivity", "layer")
    pruned, kept = (
        masks_for(small_generator, method, scope, 0.75 if by_s else 60, 0, last_layer) for last_layer in LAST_LAYER
    )
    *others, last = pruned
    assert not pruned[last].all() and kept[last].all()
    if by_s:  # a threshold in each layer's own sigma: the others stay as they are
        assert all(torch.equal(pruned[name], kept[name]) for name in others)
    else:
        tolerance = len(others) if scope == "layer" else 0  # each layer's share is rounded
        assert abs(removed(kept) - removed(pruned)) <= tolerance
    if scope == "layer" and method == "percentage":
        shares = [1 - kept[name].double().mean().item() for name in others]
        assert max(shares) - min(shares) < 0.01


def test_layers_that_stay_dense_are_named_and_leave_enough(small_generator):
    with pytest.raises(ParameterError, match="dense = 'convt9': no such layer; prunable are layers.convt1"):
        percentage_masks(small_generator, 0.5, dense=["convt9"])
    first, *others = prunable_layers(small_generator)
    for masks in (percentage_masks, lambda *a, **k: random_masks(*a, seed=0, **k), matched_s):
        with pytest.raises(ParameterError, match=f"fraction = 0.9: must be below .* while {first} stays dense"):
            masks(small_generator, 0.9, dense=[first])
