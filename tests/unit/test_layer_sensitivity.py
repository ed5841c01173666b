"""The layer scan proves itself, and the allocation is the optimum of what it was given."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch

from ganprune_utils.errors import ParameterError, StudyError
from ganprune_utils.models.dcgan import Generator, init_weights
from ganprune_utils.models.sampling import draw_noise
from ganprune_utils.pruning import layer_sensitivity

PROBE = draw_noise(4, 8, seed=0)
LAYERS = [f"layers.convt{i}" for i in (1, 2, 3, 4)]


def load():
    generator = Generator(latent_dim=8, ngf=4, channels=1)
    init_weights(generator, torch.Generator().manual_seed(0))
    return generator.eval()


def scan(points=(("percentage", 50.0), ("sensitivity", 0.75)), load=load):
    return list(layer_sensitivity.scan(load, list(points), PROBE, lambda network: [{"n": 1}, {"n": 2}]))


def test_every_layer_is_pruned_alone_and_says_so():
    rows = pd.DataFrame(scan())
    assert len(rows) == 4 * 2 * 2 and list(dict.fromkeys(rows.layer)) == LAYERS
    half = rows[rows.method == "percentage"].drop_duplicates("layer")
    sizes = [load().get_submodule(name).weight.numel() for name in LAYERS]
    assert half.removed.tolist() == [size // 2 for size in sizes]
    assert (rows.output_change > 0).all()
    normal = rows[rows.method == "sensitivity"].sparsity
    assert normal.between(0.4, 0.7).all()  # erf(0.75 / sqrt 2) = 0.55 for normal weights


def test_a_layer_that_was_silently_skipped_is_an_error(monkeypatch):
    monkeypatch.setattr(layer_sensitivity, "apply_masks", lambda model, masks: model)
    with pytest.raises(StudyError, match="layer layers.convt1: .* than its mask asks for"):
        scan()


def test_nothing_removed_is_an_error():
    with pytest.raises(StudyError, match="layer layers.convt1: no weight of it was removed"):
        scan([("percentage", 0.0)])


def test_a_change_elsewhere_is_an_error(monkeypatch):
    real = layer_sensitivity.apply_masks

    def careless(model, masks):
        with torch.no_grad():
            model.layers.bn1.running_mean += 1
        return real(model, masks)

    monkeypatch.setattr(layer_sensitivity, "apply_masks", careless)
    with pytest.raises(StudyError, match="something else in layers.bn1.running_mean"):
        scan()


def test_an_output_that_does_not_change_is_an_error():
    def dead():
        generator = load()
        with torch.no_grad():
            generator.layers.bn3.weight.zero_()
            generator.layers.bn3.bias.zero_()
        return generator

    with pytest.raises(StudyError, match="weights are gone, but the output is the same"):
        scan(load=dead)


def test_unknown_method():
    with pytest.raises(ParameterError, match="a scan has percentage, sensitivity"):
        scan([("random", 50.0)])


def test_allocation_is_the_optimum_of_convex_curves():
    x = np.array([0.25, 0.5, 0.75, 0.9])
    curves = {"a": (x, x**2), "b": (x, 4 * x**3), "c": (x, 0.2 * x**2)}
    sizes = {"a": 100, "b": 400, "c": 20}
    found = layer_sensitivity.allocate(curves, sizes, 0.5)
    assert sum(found[name] * sizes[name] for name in sizes) == pytest.approx(0.5 * 520)

    def damage(shares):
        return sum(np.interp(s, [0, *x], [0, *y]) for s, (_, y) in zip(shares, curves.values(), strict=True))

    grid = np.linspace(0, 0.9, 37)
    others = []
    for a, c in itertools.product(grid, grid):
        b = (0.5 * 520 - a * 100 - c * 20) / 400
        if 0 <= b <= 0.9:
            others.append(damage((a, b, c)))
    assert damage(found.values()) <= min(others) + 1e-9


def test_an_allocation_beyond_the_scan_is_a_clear_error():
    curves = {"a": ([0.5, 0.8], [0.1, 1.0]), "b": ([0.5, 0.8], [0.1, 1.0])}
    with pytest.raises(ParameterError, match="fraction = 0.9: the scan reaches an overall sparsity of 0.800 only"):
        layer_sensitivity.allocate(curves, {"a": 10, "b": 10}, 0.9)


def test_rounding_leaves_no_negative_share():
    curves = {"a": ([0.9], [0.1]), "b": ([0.9], [5.0])}
    assert layer_sensitivity.allocate(curves, {"a": 10, "b": 3}, 0.3) == {"a": pytest.approx(0.39), "b": 0.0}


def test_damages_that_fall_by_chance_do_not_count_as_gains():
    hull = layer_sensitivity.lower_hull([0.2, 0.4, 0.6], [-0.1, 0.3, 0.2])
    assert hull == [(0.0, 0.0), (0.2, 0.0), (0.6, 0.3)]
    twice = layer_sensitivity.lower_hull([0.5, 0.5, 1.0], [0.3, 0.2, 0.9])  # by q and by s; a layer gone
    assert twice == [(0.0, 0.0), (0.5, 0.2)]


def test_ranking_by_the_sparsity_at_which_the_distance_has_risen_by_half():
    scan = pd.DataFrame(
        {
            "layer": ["a", "a", "b", "b"],
            "recalibrated": False,
            "sparsity": [0.5, 0.9, 0.5, 0.9],
            "frechet": [2.0, 5.0, 1.0, 3.0],
        }
    )
    reference = pd.DataFrame({"recalibrated": [False], "frechet": [1.0]})
    table = layer_sensitivity.ranking(scan, reference, {"a": 1000, "b": 4000}).reset_index()
    assert table.layer.tolist() == ["a", "b"]
    assert table.critical_sparsity.tolist() == pytest.approx([0.25, 0.6])
    assert table.damage.tolist() == pytest.approx([2.0, 0.0])
