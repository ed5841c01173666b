"""Figures of pruned filters."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from ganprune_utils.parameters import GRANULARITIES
from ganprune_utils.plots.style import CRITERIA_COLOURS, LABELS, plain_ticks, short

LOOKS = {  # of each criterion: colour and name
    "l1": ("#56B4E9", "L1 norm"),
    "l2": ("#0072B2", "L2 norm"),
    "bn_scale": ("#009E73", "BatchNorm scale"),
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
            ordered = (values / values.mean()).sort().values.numpy()
            share = (pd.RangeIndex(len(ordered)) + 1) / len(ordered)
            axis.plot(share, ordered, label=short(layer))
        axis.set(xlabel="share of the layer's filters", title=LOOKS[criterion][1], xlim=(0, 1), ylim=(0, None))
    axes[0][0].set_ylabel("score / mean of the layer")
    axes[0][0].legend(fontsize=8)
    return figure


def criteria_curves(swept: pd.DataFrame, unpruned: pd.DataFrame, metric: str = "frechet") -> Figure:
    """A metric over the share of filters removed: panels by scope, as removed and recalibrated.

    `swept` has columns criterion, scope, ratio, recalibrated and the metric; `unpruned` recalibrated and the metric.
    """
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.3), sharey=True)
    panels = [(scope, repaired) for scope in ("uniform", "global") for repaired in (False, True)]
    for axis, (scope, repaired) in zip(axes, panels, strict=True):
        rows = swept[(swept.scope == scope) & (swept.recalibrated == repaired)]
        dense = unpruned[unpruned.recalibrated == repaired][metric].mean()
        for criterion, (colour, label) in LOOKS.items():
            points = rows[rows.criterion == criterion].sort_values("ratio")
            if len(points):
                axis.plot([0, *points.ratio], [dense, *points[metric]], "o-", color=colour, label=label, markersize=4)
        axis.axhline(dense, color="black", linestyle=":", linewidth=1.2)
        title = f"{scope}, " + ("recalibrated" if repaired else "as removed")
        axis.set(xlabel="share of the filters removed", xlim=(0, 1), title=title)
        if metric == "frechet":
            axis.set_yscale("log")
            plain_ticks(axis)
    axes[0].set_ylabel(LABELS[metric])
    names = {label for _, label in LOOKS.values()}
    lines = {line.get_label(): line for axis in axes for line in axis.get_lines() if line.get_label() in names}
    lines["dense"] = plt.Line2D([], [], color="black", linestyle=":")
    figure.legend(lines.values(), lines, loc="outside lower center", ncols=len(lines), fontsize=9)
    return figure


def filter_scan(scan: pd.DataFrame, reference: pd.DataFrame, metric: str = "frechet") -> Figure:
    """A metric over the share of one layer's filters removed, as removed and recalibrated; one line per layer."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.3), sharey=True)
    for axis, repaired in zip(axes, (False, True), strict=True):
        dense = reference[reference.recalibrated == repaired][metric].mean()
        for layer, points in scan[scan.recalibrated == repaired].groupby("layer", sort=False):
            axis.plot([0, *points.sparsity], [dense, *points[metric]], "o-", label=short(layer))
        axis.axhline(dense, color="black", linestyle=":", linewidth=1.2, label="dense")
        axis.set(xlabel="share of one layer's filters removed", xlim=(0, 1))
        axis.set_title("recalibrated" if repaired else "as removed")
        if metric == "frechet":
            axis.set_yscale("log")
            plain_ticks(axis)
    axes[0].set_ylabel(LABELS[metric])
    axes[0].legend(fontsize=8)
    return figure


def compression_curves(compressed: pd.DataFrame, metric: str = "frechet") -> Figure:
    """A metric over the compression ratio, as pruned and recalibrated; solid: unstructured, dashed: structured.

    `compressed` has columns granularity, criterion, target_compression, compression, recalibrated and the metric;
    granularity "dense" is the start.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True)
    for axis, repaired in zip(axes, (False, True), strict=True):
        rows = compressed[compressed.recalibrated == repaired]
        dense = rows[rows.granularity == "dense"][metric].mean()
        for granularity, style in zip(GRANULARITIES, ("-", "--"), strict=True):
            for criterion, colour in CRITERIA_COLOURS.items():
                own = rows[(rows.granularity == granularity) & (rows.criterion == criterion)]
                points = own.groupby("target_compression")[["compression", metric]].mean()
                axis.plot(
                    [1, *points.compression], [dense, *points[metric]], "o", linestyle=style, color=colour,
                    label=f"{granularity}, {criterion}", markersize=4,
                )  # fmt: skip
        axis.axhline(dense, color="black", linestyle=":", linewidth=1.2)
        axis.set(xlabel="compression (dense / remaining parameters)", xscale="log")
        ticks = sorted({1, *compressed.target_compression})
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.minorticks_off()
        axis.set_title("recalibrated" if repaired else "as pruned")
        if metric == "frechet":
            axis.set_yscale("log")
            plain_ticks(axis)
    axes[0].set_ylabel(LABELS[metric])
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8, handlelength=3.5)
    return figure
