"""Figures of pruned filters."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ganprune_utils.parameters import GRANULARITIES
from ganprune_utils.plots.style import CRITERIA_COLOURS, DENSE, LABELS, legend_below, log_x, log_y, short

LOOKS = {  # of each criterion: colour and name
    "l1": ("#56B4E9", "L1 norm"),
    "l2": ("#0072B2", "L2 norm"),
    "bn_scale": ("#009E73", "BatchNorm scale"),
    "taylor": ("#882255", "Taylor"),
    "activation": ("#D55E00", "mean activation"),
    "apoz": ("#E69F00", "share above zero"),
    "lamp": ("#CC79A7", "LAMP"),
    "random": ("#666666", "random"),
}


def scores_by_layer(scores: dict[str, dict], criteria: list[str]) -> Figure:
    """Scores of all filters of a layer, sorted, over their mean; one panel per criterion, one line per layer."""
    figure, axes = plt.subplots(1, len(criteria), figsize=(3.6 * len(criteria), 2.9), squeeze=False)
    for axis, criterion in zip(axes[0], criteria, strict=True):
        for layer, values in scores[criterion].items():
            share = np.arange(1, len(values) + 1) / len(values)
            axis.plot(share, (values / values.mean()).sort().values, label=short(layer))
        axis.set(xlabel="share of the layer's filters", title=LOOKS[criterion][1], xlim=(0, 1), ylim=(0, None))
    axes[0][0].set_ylabel("score / mean of the layer")
    axes[0][0].legend(fontsize=8)
    return figure


def criteria_curves(swept: pd.DataFrame, unpruned: pd.DataFrame) -> Figure:
    """Fréchet distance over the share of filters removed: panels by scope, as removed and recalibrated.

    `swept` has columns criterion, scope, ratio, recalibrated and frechet; `unpruned` recalibrated and frechet.
    """
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.3), sharey=True)
    for axis, (scope, repaired) in zip(axes, itertools.product(("uniform", "global"), (False, True)), strict=True):
        rows = swept[(swept.scope == scope) & (swept.recalibrated == repaired)]
        dense = unpruned.frechet[unpruned.recalibrated == repaired].mean()
        for criterion, (colour, label) in LOOKS.items():
            points = rows[rows.criterion == criterion].sort_values("ratio")
            if len(points):
                axis.plot([0, *points.ratio], [dense, *points.frechet], "o-", color=colour, label=label, markersize=4)
        axis.axhline(dense, **DENSE)
        title = f"{scope}, {'recalibrated' if repaired else 'as removed'}"
        axis.set(xlabel="share of the filters removed", xlim=(0, 1), title=title)
        log_y(axis)
    axes[0].set_ylabel(LABELS["frechet"])
    legend_below(figure, {"dense": DENSE})
    return figure


def filter_scan(scan: pd.DataFrame, reference: pd.DataFrame) -> Figure:
    """Fréchet distance over the share of one layer's filters removed, as removed and recalibrated, a line per layer."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.3), sharey=True)
    for axis, repaired in zip(axes, (False, True), strict=True):
        dense = reference.frechet[reference.recalibrated == repaired].mean()
        for layer, points in scan[scan.recalibrated == repaired].groupby("layer", sort=False):
            axis.plot([0, *points.sparsity], [dense, *points.frechet], "o-", label=short(layer))
        axis.axhline(dense, label="dense", **DENSE)
        title = "recalibrated" if repaired else "as removed"
        axis.set(xlabel="share of one layer's filters removed", xlim=(0, 1), title=title)
        log_y(axis)
    axes[0].set_ylabel(LABELS["frechet"])
    axes[0].legend(fontsize=8)
    return figure


def compression_curves(compressed: pd.DataFrame) -> Figure:
    """Fréchet distance over the compression ratio, as pruned and recalibrated; solid: unstructured, dashed: structured.

    `compressed` has columns granularity, criterion, allocation, target_compression, compression, recalibrated and
    frechet; granularity "dense" is the start. Drawn is each method's own allocation.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True)
    for axis, repaired in zip(axes, (False, True), strict=True):
        rows = compressed[(compressed.recalibrated == repaired) & (compressed.allocation == "own")]
        dense = rows.frechet[rows.granularity == "dense"].mean()
        for granularity, style in zip(GRANULARITIES, ("o-", "o--"), strict=True):
            for criterion, colour in CRITERIA_COLOURS.items():
                own = rows[(rows.granularity == granularity) & (rows.criterion == criterion)]
                points = own.groupby("target_compression")[["compression", "frechet"]].mean()
                if points.empty:
                    continue
                look = {"color": colour, "label": f"{granularity}, {criterion}", "markersize": 4}
                axis.plot([1, *points.compression], [dense, *points.frechet], style, **look)
        axis.axhline(dense, **DENSE)
        title = "recalibrated" if repaired else "as pruned"
        axis.set(xlabel="compression (dense / remaining parameters)", title=title)
        log_x(axis, {c: f"{c:g}" for c in (1, *compressed.target_compression.unique())})
        log_y(axis)
    axes[0].set_ylabel(LABELS["frechet"])
    legend_below(figure, {}, ncols=2, fontsize=8, handlelength=3.5)
    return figure
