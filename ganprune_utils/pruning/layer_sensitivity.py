"""Layer sensitivity: one layer at a time is pruned, everything else stays dense.

The scan proves of every point that the layer changed and that nothing else did, because a layer that was silently
skipped looks like the most robust one. What it finds can be used: `allocate` spreads an overall sparsity over the
layers where it costs least.
"""

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import torch
from torch import nn

from ganprune_utils.errors import ParameterError, StudyError
from ganprune_utils.models.inputs import Inputs
from ganprune_utils.models.state import effective_state
from ganprune_utils.pruning.groups import filter_groups
from ganprune_utils.pruning.importance import choose_filters, filter_scores
from ganprune_utils.pruning.layers import prunable_layers
from ganprune_utils.pruning.masks import apply_masks
from ganprune_utils.pruning.methods import masks_for
from ganprune_utils.pruning.removal import remove_filters
from ganprune_utils.statistics import crossing

Measure = Callable[[nn.Module], list[dict]]  # a pruned network to rows of results


def scan(
    load: Callable[[], nn.Module], points: list[tuple[str, float]], probe: torch.Tensor, measure: Measure
) -> Iterator[dict]:
    """Prune every layer by itself at every point, and yield what `measure` says of it, a row at a time.

    Args:
        load: gives the dense network, a new one at each call.
        points: (method, threshold), as in ("percentage", 50.0) or ("sensitivity", 0.75).
        probe: an input for which the output has to change.

    Yields rows with layer, method, threshold, sparsity (of the layer), removed (weights), output_change (mean absolute
    difference on the probe) and the entries of `measure`. Raises StudyError where a layer did not change, or another
    part of the network did.
    """
    for layer in prunable_layers(load()):
        for method, threshold in points:
            if method not in ("percentage", "sensitivity"):
                raise ParameterError(f"method = {method!r}: a scan has percentage, sensitivity")
            dense, pruned = load(), load()
            mask = masks_for(dense, method, "layer", threshold, seed=0)[layer]
            apply_masks(pruned, {layer: mask})
            proof = prove(dense, pruned, layer, mask, probe)
            for row in measure(pruned):
                yield {"layer": layer, "method": method, "threshold": threshold, **proof, **row}


@torch.no_grad()
def prove(dense: nn.Module, pruned: nn.Module, layer: str, mask: torch.Tensor, probe: torch.Tensor) -> dict:
    """That exactly the masked weights of `layer` are gone, that all else is as it was, and that the output changed."""
    before, after = effective_state(dense), effective_state(pruned)
    for name, tensor in before.items():
        wanted = tensor * mask if name == f"{layer}.weight" else tensor
        if not torch.equal(after[name], wanted):
            raise StudyError(f"layer {layer}: pruning it left something else in {name} than its mask asks for")
    gone = int((before[f"{layer}.weight"] != after[f"{layer}.weight"]).sum())
    if not gone:
        raise StudyError(f"layer {layer}: no weight of it was removed")
    change = (pruned(probe) - dense(probe)).abs().mean().item()
    if not change > 0:
        raise StudyError(f"layer {layer}: {gone} weights are gone, but the output is the same")
    return {"sparsity": gone / mask.numel(), "removed": gone, "output_change": change}


def scan_filters(
    load: Callable[[], nn.Module], ratios: list[float], inputs, measure: Measure, criterion: str = "l2"
) -> Iterator[dict]:
    """Remove filters of one layer (or group of tied layers) at a time, and yield what `measure` says, a row at a time.

    Args:
        load: gives the dense network.
        ratios: shares of the layer's filters, in (0, 1).
        inputs: what the network is called with; activations are looked at on them, and the change of the output.

    Yields rows with layer, ratio, filters, removed, sparsity (removed over filters), output_change and the entries of
    `measure`. Raises StudyError where the layer has not lost exactly these filters, or another has lost some.
    """
    dense = load()
    example = next(Inputs.of(inputs).split(2))
    groups = filter_groups(dense, example)
    scores = filter_scores(dense, groups, criterion, inputs)
    for layer in groups:
        for ratio in ratios:
            removed = choose_filters({layer: scores[layer]}, ratio)
            small = remove_filters(dense, removed, example, groups)
            proof = prove_filters(dense, small, groups, layer, len(removed[layer]), inputs)
            for row in measure(small):
                yield {"layer": layer, "ratio": ratio, **proof, **row}


@torch.no_grad()
def prove_filters(dense: nn.Module, small: nn.Module, groups: dict, layer: str, count: int, probe) -> dict:
    """That group `layer` has `count` filters less, and that every other layer has as many as before.

    output_change, the mean absolute change over 16 of `probe`, is 0 where these filters were of no use to begin with.
    """

    def sizes(model):
        return {name: model.get_submodule(name).out_channels for group in groups.values() for name in group.layers}

    before, after = sizes(dense), sizes(small)
    wanted = {name: size - count * (name in groups[layer].layers) for name, size in before.items()}
    if not count or after != wanted:
        raise StudyError(f"layer {layer}: {count} filters should have gone; sizes were {before} and are {after}")
    probe = next(Inputs.of(probe).split(16))
    change = (probe.call(small) - probe.call(dense)).abs().mean().item()
    filters = groups[layer].size
    return {"filters": filters, "removed": count, "sparsity": count / filters, "output_change": change}


def ranking(scan: pd.DataFrame, reference: pd.DataFrame, sizes: dict[str, int]) -> pd.DataFrame:
    """Layers from most to least sensitive, with and without recalibration.

    `scan` are rows of `scan`, `reference` has one row of measurements for each value of `recalibrated`. Columns:
    critical_sparsity (the layer's own at which the Fréchet distance has risen by half; NaN: not within the scan),
    at_half (Fréchet distance with half of the layer gone, interpolated) and damage (its rise per thousand weights).
    """
    rows = []
    for (recalibrated, layer), points in scan.groupby(["recalibrated", "layer"], sort=False):
        dense = reference.frechet[reference.recalibrated == recalibrated].item()
        points = points.sort_values("sparsity")
        curve = [0, *points.sparsity], [dense, *points.frechet]
        half = float(np.interp(0.5, *curve))
        row = {"recalibrated": recalibrated, "layer": layer, "weights": sizes[layer]}
        row |= {"critical_sparsity": crossing(*curve, 1.5 * dense), "at_half": half}
        rows.append(row | {"damage": (half - dense) / (0.5 * sizes[layer] / 1000)})
    table = pd.DataFrame(rows).sort_values(["recalibrated", "critical_sparsity"], na_position="last")
    return table.set_index(["recalibrated", "layer"])


def allocate(curves: dict[str, tuple], sizes: dict[str, int], fraction: float) -> dict[str, float]:
    """Spread an overall sparsity over the layers so that the damage, summed over the layers' own curves, is least.

    The curves are replaced by their lower convex hulls from (0, 0), and the hulls' pieces are taken in the order of
    damage a weight, the last one in part: for convex curves that is the optimum. That damages add up is an assumption;
    whether it holds, the result has to show.

    Args:
        curves: layer -> (sparsities, damages), damages with 0 for the dense network.
        sizes: layer -> number of weights.
        fraction: share of all weights to remove.

    Returns layer -> share of its weights to remove. Raises ParameterError where the curves do not reach far enough.
    """
    total, pieces = sum(sizes.values()), []
    for layer, curve in curves.items():
        for (x0, y0), (x1, y1) in itertools.pairwise(lower_hull(*curve)):
            pieces.append(((y1 - y0) / ((x1 - x0) * sizes[layer]), layer, x1 - x0))
    found, left = dict.fromkeys(curves, 0.0), fraction * total
    for _, layer, width in sorted(pieces):
        taken = min(width, max(left, 0.0) / sizes[layer])  # rounding may leave less than nothing
        found[layer] += taken
        left -= taken * sizes[layer]
    if left > 0.5:
        reach = 1 - (left + (1 - fraction) * total) / total
        raise ParameterError(f"fraction = {fraction:g}: the scan reaches an overall sparsity of {reach:.3f} only")
    return found


def lower_hull(sparsities, damages) -> list[tuple[float, float]]:
    """Corners of the lower convex hull of a damage curve from (0, 0), damages never falling.

    Of points with the same sparsity the one with less damage counts; a layer that is gone altogether (1.0) does not.
    """
    points = sorted(zip(map(float, sparsities), map(float, damages), strict=True))
    points = [(sparsity, max(damage, 0.0)) for sparsity, damage in points if 0 < sparsity < 1]
    x, first = np.unique([sparsity for sparsity, _ in points], return_index=True)
    y = np.maximum.accumulate([damage for _, damage in points])[first]

    def slope(a, b):
        return (b[1] - a[1]) / (b[0] - a[0])

    hull = [(0.0, 0.0)]
    for point in zip(x.tolist(), y.tolist(), strict=True):
        while len(hull) > 1 and slope(hull[-2], hull[-1]) >= slope(hull[-2], point):
            hull.pop()
        hull.append(point)
    return hull
