"""Figures of pruned filters."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from ganprune_utils.plots import LABELS

CRITERIA = {
    "l1": ("#56B4E9", "L1 norm"),
    "l2": ("#0072B2", "L2 norm"),
    "bn_scale": ("#009E73", "BatchNorm scale"),
    "activation": ("#D55E00", "mean activation"),
    "apoz": ("#E69F00", "share above zero"),
    "lamp": ("#CC79A7", "LAMP"),
    "random": ("#666666", "random"),
}


def scores_by_layer(scores: dict[str, dict], criteria: list[str]) -> Figure:
    """Scores of all filters of a layer, sorted, over their mean; a panel a criterion, a line a layer."""
    figure, axes = plt.subplots(1, len(criteria), figsize=(3.6 * len(criteria), 2.9), squeeze=False)
    for axis, criterion in zip(axes[0], criteria, strict=True):
        for layer, values in scores[criterion].items():
            ordered = (values / values.mean()).sort().values.numpy()
            share = (pd.RangeIndex(len(ordered)) + 1) / len(ordered)
            axis.plot(share, ordered, label=layer.removeprefix("layers."))
        axis.set(xlabel="share of the layer's filters", title=CRITERIA[criterion][1], xlim=(0, 1), ylim=(0, None))
    axes[0][0].set_ylabel("score / mean of the layer")
    axes[0][0].legend(fontsize=8)
    return figure


def criteria_curves(swept: pd.DataFrame, unpruned: pd.DataFrame, metric: str = "frechet") -> Figure:
    """A metric over the share of filters removed: panels by scope, as removed and recalibrated; a line a criterion.

    `swept` has columns criterion, scope, ratio, recalibrated and the metric; `unpruned` recalibrated and the metric.
    """
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.3), sharey=True)
    panels = [(scope, repaired) for scope in ("uniform", "global") for repaired in (False, True)]
    for axis, (scope, repaired) in zip(axes, panels, strict=True):
        rows = swept[(swept.scope == scope) & (swept.recalibrated == repaired)]
        dense = unpruned[unpruned.recalibrated == repaired][metric].mean()
        for criterion, (colour, label) in CRITERIA.items():
            points = rows[rows.criterion == criterion].sort_values("ratio")
            if len(points):
                axis.plot([0, *points.ratio], [dense, *points[metric]], "o-", color=colour, label=label, markersize=4)
        axis.axhline(dense, color="black", linestyle=":", linewidth=1.2)
        title = f"{scope}, " + ("recalibrated" if repaired else "as removed")
        axis.set(xlabel="share of the filters removed", xlim=(0, 1), title=title)
        if metric == "frechet":
            axis.set_yscale("log")
    axes[0].set_ylabel(LABELS[metric])
    lines = {line.get_label(): line for axis in axes for line in axis.get_lines() if line.get_label() in LABELLED}
    lines["dense"] = plt.Line2D([], [], color="black", linestyle=":")
    figure.legend(lines.values(), lines, loc="outside lower center", ncols=len(lines), fontsize=9)
    return figure


LABELLED = {label for _, label in CRITERIA.values()}


def filter_scan(scan: pd.DataFrame, reference: pd.DataFrame, metric: str = "frechet") -> Figure:
    """A metric over the share of one layer's filters removed, as removed and recalibrated; a line a layer."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.3), sharey=True)
    for axis, repaired in zip(axes, (False, True), strict=True):
        dense = reference[reference.recalibrated == repaired][metric].mean()
        for layer, points in scan[scan.recalibrated == repaired].groupby("layer", sort=False):
            axis.plot([0, *points.sparsity], [dense, *points[metric]], "o-", label=layer.removeprefix("layers."))
        axis.axhline(dense, color="black", linestyle=":", linewidth=1.2, label="dense")
        axis.set(xlabel="share of one layer's filters removed", xlim=(0, 1))
        axis.set_title("recalibrated" if repaired else "as removed")
        if metric == "frechet":
            axis.set_yscale("log")
    axes[0].set_ylabel(LABELS[metric])
    axes[0].legend(fontsize=8)
    return figure


def compression_curves(compressed: pd.DataFrame, metric: str = "frechet") -> Figure:
    """A metric over compression, as pruned and recalibrated; solid masks, dashed filters, a colour a criterion.

    `compressed` has columns kind, criterion, compression, recalibrated and the metric; kind "dense" is the start.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), sharey=True)
    colours = {"magnitude": "#0072B2", "activation": "#D55E00", "random": "#666666"}
    for axis, repaired in zip(axes, (False, True), strict=True):
        rows = compressed[compressed.recalibrated == repaired]
        dense = rows[rows.kind == "dense"][metric].mean()
        for kind, style in (("masks", "-"), ("filters", "--")):
            for criterion, colour in colours.items():
                own = rows[(rows.kind == kind) & (rows.criterion == criterion)]
                points = own.groupby("aimed_at")[["compression", metric]].mean()
                axis.plot(
                    [1, *points.compression], [dense, *points[metric]], "o", linestyle=style, color=colour,
                    label=f"{kind}, {criterion}", markersize=4,
                )  # fmt: skip
        axis.axhline(dense, color="black", linestyle=":", linewidth=1.2)
        axis.set(xlabel="compression (dense / remaining parameters)", xscale="log")
        ticks = sorted({1, *compressed.aimed_at})
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.minorticks_off()
        axis.set_title("recalibrated" if repaired else "as pruned")
        if metric == "frechet":
            axis.set_yscale("log")
    axes[0].set_ylabel(LABELS[metric])
    axes[1].legend(fontsize=8, loc="lower right", handlelength=3.5)
    return figure
