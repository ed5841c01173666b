"""Figures of generators of every compression: what pays, and what retraining wins back."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from ganprune_utils.plots.style import DENSE, LABELS, legend_below, log_x, log_y, titled

SCRATCH_COLOUR = "#009E73"
ONE_IMAGE = {"color": "#999999", "linewidth": 1}
WAYS = {  # to be small: colour, marker, line, and whether it is filled
    "masks": ("#0072B2", "o", "none", "none"),
    "masks, retrained": ("#0072B2", "o", "none", "full"),
    "filters": ("#D55E00", "s", ":", "none"),
    "filters, retrained": ("#D55E00", "s", "-", "full"),
    "small dense, from scratch": (SCRATCH_COLOUR, "^", "-", "full"),
    "dense": ("black", "*", "none", "full"),
}
LINES = {  # of a kind of network over the steps of retraining
    "dense": DENSE | {"linestyle": "-."},
    "masks": {"color": "#0072B2", "marker": "o", "markersize": 5, "linestyle": "--"},
    "filters": {"color": "#D55E00", "marker": "s", "markersize": 5, "linestyle": "--"},
    "small dense, from scratch": {"color": SCRATCH_COLOUR, "marker": "*", "markersize": 10, "linestyle": "--"},
}


def what_pays(best: pd.DataFrame, one_image: dict[str, float]) -> Figure:
    """Fréchet distance over multiply-accumulates an image, a panel for each data set. Masks stand on a vertical line.

    `best` has the rows of `analysis.compression.best_of_each`. Grey line: `one_image`, repeated.
    """
    names = best.dataset.unique()
    figure, axes = plt.subplots(1, len(names), figsize=(3.8 * len(names), 4.2), squeeze=False)
    for axis, dataset in zip(axes[0], names, strict=True):
        own = best[best.dataset == dataset]
        dense = own.macs[own.way == "dense"].iloc[0]
        axis.axvline(dense / 1e6, color=WAYS["masks"][0], linewidth=0.8, zorder=0)
        axis.axhline(one_image[dataset], zorder=0, **ONE_IMAGE)
        for way, (colour, marker, line, fill) in WAYS.items():
            rows = own[own.way == way]
            size = 12 if way == "dense" else 6
            look = {"color": colour, "linestyle": line, "fillstyle": fill, "markersize": size}
            axis.plot(rows.macs / 1e6, rows.frechet, marker=marker, label=way if len(rows) else None, **look)
        log_x(axis, {m: f"{m:g}" for m in (0.2, 0.5, 1, 2, 5, 10, 20) if own.macs.min() < 1.2e6 * m})
        log_y(axis)
        axis.set(xlabel="million multiply-accumulates per image", title=titled(dataset))
    axes[0][0].set_ylabel(LABELS["frechet"])
    figure.suptitle("Masks save no multiplications. Removed filters do, and need retraining.", fontsize=11)
    legend_below(figure, {"one image, repeated": ONE_IMAGE}, ncols=3)
    return figure


def over_steps(rows: pd.DataFrame, one_image: dict[str, float]) -> Figure:
    """Fréchet distance over the steps of retraining at the compression that was retrained longest, mean ± standard
    deviation over seeds: a panel for each data set.

    `rows` are of `analysis.compression.with_unretrained`; drawn are masks and filters by magnitude. Solid: distilled.
    Dash-dotted: the dense pair trained as long; green: a small dense one from scratch; grey: `one_image`, repeated.
    """
    compression = rows.target_compression[rows.budget == rows.budget.max()].max()
    rows = rows[rows.criterion.isin(["none", "magnitude"]) & rows.target_compression.isin([1, compression])]
    rows = rows[(rows.allocation == "own") & rows.method.isin(rows.method[rows.budget > 0])]
    names, places = rows.dataset.unique(), {budget: i for i, budget in enumerate(sorted(rows.budget.unique()))}
    figure, axes = plt.subplots(1, len(names), figsize=(4.8 * len(names), 4), squeeze=False)
    for axis, dataset in zip(axes[0], names, strict=True):
        for name, points in rows[rows.dataset == dataset].groupby("method"):
            spread = points.groupby("budget").frechet.agg(["mean", "std"]).rename(index=places)
            look = LINES[name.split(":")[0]] | ({"linestyle": "-"} if "distilled" in name else {})
            axis.errorbar(spread.index, spread["mean"], spread["std"].fillna(0), label=name, capsize=3, **look)
        axis.axhline(one_image[dataset], zorder=0, **ONE_IMAGE)
        axis.set_xticks(list(places.values()), [f"{b:,} steps" if b else "not retrained" for b in places])
        axis.set(title=f"{titled(dataset)}, {compression:g}× compression", xlim=(-0.2, len(places) - 0.8))
        log_y(axis)
    axes[0][0].set_ylabel(LABELS["frechet"])
    legend_below(figure, {"one image, repeated": ONE_IMAGE}, ncols=4)
    return figure
