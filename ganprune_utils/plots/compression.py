"""Figures of generators of every compression: what is best at a cost, and what retraining wins back."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from ganprune_utils.analysis.compression import front, is_mean
from ganprune_utils.plots.style import CRITERIA_COLOURS, DENSE, LABELS, legend_below, log_x, log_y, panels

SCRATCH_COLOUR = "#009E73"
MARKERS = {"unstructured": "o", "structured": "s"}
COSTS = {"left": "share of the parameters left", "packed": "bytes, packed", "macs": "multiply-accumulates an image"}
ONE_IMAGE = {"color": "#999999", "linewidth": 1}
LINES = {  # of a kind of network over the steps of retraining
    "dense": DENSE | {"linestyle": "-."},
    "masks": {"color": "#0072B2", "marker": "o", "markersize": 5, "linestyle": "--"},
    "filters": {"color": "#D55E00", "marker": "s", "markersize": 5, "linestyle": "--"},
    "small dense, from scratch": {"color": SCRATCH_COLOUR, "marker": "*", "markersize": 10, "linestyle": "--"},
}


def fronts(rows: pd.DataFrame, one_image: dict[str, float]) -> Figure:
    """Fréchet distance over remaining parameters, packed bytes and MACs; a row of panels for each data set.

    `rows` are of `analysis.compression.cells` with `packed`; drawn is each data set's first seed, the one that was
    retrained. What is on the front, a line, was chosen by `frechet_validation`, and is drawn where `frechet` says.
    Filled: without retraining; hollow: retrained. Grey line: `one_image`, repeated.
    """
    rows = rows[rows.seed == rows.groupby("dataset").seed.transform("min")].assign(left=1 / rows.compression)
    figure, axes = panels(rows, COSTS, (4, 3.4, 0), LABELS["frechet"], sharey="row")
    for axis, dataset, own, cost in axes:
        for point in own.itertuples():
            scratch = point.training == "scratch"
            marker = "*" if scratch else MARKERS.get(point.granularity, "*")  # a star for all that is dense
            colour = SCRATCH_COLOUR if scratch else CRITERIA_COLOURS.get(point.criterion, "black")
            face = colour if scratch or point.training == "none" else "none"
            look = {"markersize": 9 if marker == "*" else 5, "markeredgecolor": colour, "markerfacecolor": face}
            axis.plot(getattr(point, cost), point.frechet, marker, **look)
        best = front(own[~is_mean(own)], cost, "frechet_validation")
        axis.step(best[cost], best.frechet, where="post", color=SCRATCH_COLOUR, linewidth=1.2, zorder=0)
        axis.axhline(one_image[dataset], zorder=0, **ONE_IMAGE)
        axis.set(xscale="log", xlabel=COSTS[cost])
        axis.xaxis.set_minor_formatter(NullFormatter())
        log_y(axis)
        if cost == "left":
            log_x(axis, {1 / c: f"1/{c:g}" if c > 1 else "1" for c in own.target_compression.unique()})
    black = {"color": "black", "linestyle": ""}
    used = {name: colour for name, colour in CRITERIA_COLOURS.items() if name in set(rows.criterion)}
    legend = {name: {"color": colour, "marker": "o", "linestyle": ""} for name, colour in used.items()}
    legend |= {name: black | {"marker": marker} for name, marker in (MARKERS | {"dense": "*"}).items()}
    legend["retrained"] = black | {"marker": "o", "markerfacecolor": "none"}
    legend["small dense, from scratch"] = {"color": SCRATCH_COLOUR, "marker": "*", "linestyle": ""}
    legend |= {"front": {"color": SCRATCH_COLOUR}, "one image, repeated": {"color": ONE_IMAGE["color"]}}
    legend_below(figure, legend, ncols=5)
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
        axis.set(title=f"{dataset}, {compression:g}× fewer parameters", xlim=(-0.2, len(places) - 0.8))
        log_y(axis)
    axes[0][0].set_ylabel(LABELS["frechet"])
    legend_below(figure, {"one image, repeated": ONE_IMAGE}, ncols=4)
    return figure
