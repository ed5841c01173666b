"""Figures of pruned U-Nets. Rises are in percent over the dense network, which got the same steps."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from ganprune_utils.analysis.equal_cost import SHORT
from ganprune_utils.plots.style import LABELS, legend_below

METHODS = {
    "depth reduction": ("#000000", "D"),
    "inner": ("#0072B2", "o"),
    "outer": ("#D55E00", "s"),
    "uniform": ("#009E73", "^"),
    "global": ("#CC79A7", "v"),
    "lamp": ("#E69F00", "<"),
    "random": ("#666666", "x"),
    "small dense": ("#56B4E9", "*"),
}
ONE_SMALL_DENSE = {r"^small dense.*": "small dense"}  # each of them, for `replace`
AXES = {name: LABELS[name] for name in SHORT} | {"time": "time, one thread"}
TICKS = [-10, -1, 0, 1, 3, 10, 30, 100, 300]  # percent


def scan(rises: dict[bool, pd.DataFrame], doubtful: pd.DataFrame) -> Figure:
    """Rises of L1, layers down the network and up again in rows, the share of their filters that went in columns.

    Left as they were pruned, right after fine-tuning. Colours are logarithmic beyond 1 %; with a question mark what is
    `doubtful`, a table of True and False.

    Args:
        rises: fine_tuned -> table, as of `analysis.unet_layers.rises`.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 0.38 * len(doubtful) + 1.2), sharey=True)
    tables = {fine_tuned: table.round(1) + 0.0 for fine_tuned, table in rises.items()}  # no "-0.0"
    most = max(10.0, *(table.abs().max().max() for table in tables.values()))
    for axis, (fine_tuned, table) in zip(axes, tables.items(), strict=True):
        text = table.map("{:.1f}".format) + (doubtful & fine_tuned).map({True: " ?", False: ""}.get)
        norm = SymLogNorm(1, vmin=-most, vmax=most)
        seaborn.heatmap(table, ax=axis, annot=text, fmt="", cmap="vlag", norm=norm, cbar=False, linewidths=0.5)
        title = "after fine-tuning" if fine_tuned else "as pruned"
        axis.set(xlabel="share of one layer's filters removed", ylabel="", title=title)
        axis.grid(False)
        axis.tick_params(length=0, rotation=0)
    figure.suptitle("rise of L1 over the dense network's, percent", fontsize=10)
    return figure


def equal_cost(rows: pd.DataFrame, saved: dict, margin: float, trivial: float) -> Figure:
    """Rise of L1 at each cost that all methods were brought to: one row of panels per measure, methods in their rows,
    one dot per run, a bar at their mean, "not reached" where a method cannot reach the cost.

    Linear up to 1, logarithmic beyond. `margin` is a dotted line, and `trivial`, the rise of the best baseline without
    a network, a dashed one, both shares.

    Args:
        rows: method, measure, target and rise of each run.
        saved: (measure, target) -> share saved, as of `analysis.equal_cost.shares_saved`.
    """
    rows = rows.replace({"method": ONE_SMALL_DENSE}, regex=True)
    names = [method for method in METHODS if method in set(rows.method)]
    measures = list(dict.fromkeys(measure for measure, _ in saved))
    columns = max(sum(measure == other for other, _ in saved) for measure in measures)
    size = (2.9 * columns + 1.2, (0.26 * len(names) + 0.9) * len(measures) + 0.3)
    figure, axes = plt.subplots(len(measures), columns, figsize=size, sharex=True, sharey=True, squeeze=False)
    for line, measure in zip(axes, measures, strict=True):
        shares = {target: share for (other, target), share in saved.items() if other == measure}
        for axis in line[len(shares) :]:
            axis.set_visible(False)
        for axis, (target, share) in zip(line, shares.items(), strict=False):
            here = rows[rows.measure.isin([measure, "both"]) & (rows.target == target)]
            _methods_in_rows(axis, names, here)
            _reference_lines(axis.axvline, margin, trivial)
            percent = f"{100 * share:.{1 if share > 0.95 else 0}f} %"
            axis.set(title=f"{percent} of the {SHORT[measure]} saved", yticks=range(len(names)), yticklabels=names)
            axis.tick_params(axis="x", labelsize=8)
    _logarithmic(axes[0, 0], "x", [*rows.rise, 100 * trivial])
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
    figure.supxlabel("rise of L1, percent (linear up to 1, logarithmic beyond)", fontsize=10)
    return figure


def trade_off(rows: pd.DataFrame, latency: pd.DataFrame, margin: float, trivial: float) -> Figure:
    """Rise of L1 over multiply-accumulates and over parameters left, of what was brought to so many, and over time, of
    all; mean and range over runs, one marker and one line per method. Scales and lines as in `equal_cost`.

    Args:
        rows: method, measure, target, macs, parameters and rise of each run.
        latency: the median by method, measure and target.
    """
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.4), sharey=True)
    times = latency.set_index(["method", "measure", "target"])["median"]
    rows = rows.join(times.rename("time"), on=["method", "measure", "target"])
    dense, rows = rows[rows.method == "dense"], rows.replace({"method": ONE_SMALL_DENSE}, regex=True)
    for axis, (cost, label) in zip(axes, AXES.items(), strict=True):
        for method, (colour, marker) in METHODS.items():
            everywhere = cost == "time" or method == "small dense"
            here = rows[(rows.method == method) & (rows.measure.isin([cost, "both"]) | everywhere)]
            points = here.groupby(["measure", "target"]).agg({cost: "mean", "rise": ["mean", "min", "max"]})
            if len(points):
                points = points.sort_values((cost, "mean"))
                x, y = points[cost, "mean"] / dense[cost].mean(), points["rise"]
                spread, size = [y["mean"] - y["min"], y["max"] - y["mean"]], 9 if marker == "*" else 5
                style = {"color": colour, "capsize": 2, "markersize": size, "linewidth": 0.8, "label": method}
                axis.errorbar(x, y["mean"], spread, fmt=marker if everywhere else f"{marker}-", **style)
        axis.plot(1, 0, "o", color="black", markersize=6, label="dense")
        _reference_lines(axis.axhline, margin, trivial)
        axis.set(xlabel=f"{label}, share left", xlim=(0, None))
    _logarithmic(axes[0], "y", [*rows.rise, 100 * trivial])
    axes[0].set_ylabel("rise of L1, percent")
    legend_below(figure, {}, ncols=6)
    return figure


def _methods_in_rows(axis, names: list[str], rows: pd.DataFrame) -> None:
    for y, method in enumerate(names):
        rises, colour = rows.rise[rows.method == method], METHODS[method][0]
        if len(rises):
            axis.plot(rises, [y] * len(rises), "o", color=colour, markersize=4, alpha=0.7)
            axis.plot(rises.mean(), y, "|", color=colour, markersize=13, markeredgewidth=2)
        elif method != "small dense":
            place = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "center"}
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
            axis.annotate("not reached", (0.99, y), fontsize=7, color="grey", bbox=box, **place)


def _reference_lines(draw, margin: float, trivial: float) -> None:
    draw(0, color="black", linewidth=0.8)
    draw(100 * margin, color="black", linestyle=":", linewidth=1.2, label="margin of no loss")
    draw(100 * trivial, color="black", linestyle="--", linewidth=0.8, label="no network")


def _logarithmic(axis, side: str, shown: list[float]) -> None:
    """Beyond 1 %; below zero as much room as is needed."""
    line = axis.xaxis if side == "x" else axis.yaxis
    limits = min(-0.5, 1.5 * min(shown)), max(1, 1.5 * max(shown))
    axis.set(**{f"{side}scale": "symlog", f"{side}lim": limits})
    line.set_major_locator(FixedLocator(TICKS))
    line.set_major_formatter("{x:g}")
