"""Figures of cut U-Nets."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

import ganprune_utils.plots  # noqa: F401  (the style of all figures)
from ganprune_utils.unet_statistics import astray, is_narrow, shares_saved
from ganprune_utils.unets import COSTS, short

WAYS = {
    "levels out": ("#000000", "D"),
    "inner": ("#0072B2", "o"),
    "outer": ("#D55E00", "s"),
    "uniform": ("#009E73", "^"),
    "global": ("#CC79A7", "v"),
    "lamp": ("#E69F00", "<"),
    "random": ("#666666", "x"),
    "narrow": ("#56B4E9", "*"),  # each of them
}
SHORT = {"macs": "MACs", "parameters": "parameters"}
AXES = COSTS | {"time": "time, one thread"}
TICKS = [-10, -1, 0, 1, 3, 10, 30, 100, 300]  # percent


def scan(scan: pd.DataFrame, reference: pd.DataFrame, metric: str = "l1") -> Figure:
    """Rise of a metric in percent of the dense network's, layers down the network and up again in rows, the share of
    their filters that went in columns; left as they were cut, right after fine-tuning. Colours are logarithmic beyond
    1 %; with a question mark what is `unet_statistics.astray`."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 0.38 * scan.layer.nunique() + 1.2), sharey=True)
    tables = {}
    for tuned in (False, True):
        dense = reference[metric][reference.tuned == tuned].item()
        rows = scan[scan.tuned == tuned]
        table = rows.assign(rise=100 * (rows[metric] / dense - 1)).pivot(index="layer", columns="ratio", values="rise")
        tables[tuned] = table.loc[list(dict.fromkeys(scan.layer))].rename(index=short).round(1) + 0.0  # no "-0.0"
    most = max(10.0, *(table.abs().max().max() for table in tables.values()))
    for axis, (tuned, table) in zip(axes, tables.items(), strict=True):
        said = table.map("{:.1f}".format) + (astray(table) & tuned).map({True: " ?", False: ""}.get)
        seaborn.heatmap(
            table, ax=axis, annot=said, fmt="", cmap="vlag", norm=SymLogNorm(1, vmin=-most, vmax=most), cbar=False,
            linewidths=0.5,
        )  # fmt: skip
        axis.set(xlabel="share of one layer's filters removed", ylabel="")
        axis.grid(False)
        axis.tick_params(length=0, rotation=0)
        axis.set_title("after fine-tuning" if tuned else "as it was cut")
    figure.suptitle(f"rise of {metric.upper()} over the dense network's, percent", fontsize=10)
    return figure


def equal(rows: pd.DataFrame, margin: float, gain: float, metric: str = "l1") -> Figure:
    """Rise of a metric at each cost that all ways were brought to: a row of panels a measure, ways in their rows, a dot
    a run, a bar at their mean, "not reached" where a way cannot come down so far.

    The rise is over the dense network, which got the same steps, in percent: linear up to 1, logarithmic beyond.
    `margin` is a dotted line, and `gain`, what the best answer without a network is worse, a dashed one. `rows` has
    way, measure, target, macs, parameters and the metric.
    """
    costs, rows = shares_saved(rows), _rises(rows, metric)
    names = [way for way in WAYS if way in set(rows.way)]
    measures = list(dict.fromkeys(measure for measure, _ in costs))
    columns = max(sum(measure == own for own, _ in costs) for measure in measures)
    size = (2.9 * columns + 1.2, (0.26 * len(names) + 0.9) * len(measures) + 0.3)
    figure, axes = plt.subplots(len(measures), columns, figsize=size, sharex=True, sharey=True, squeeze=False)
    for own_axes, measure in zip(axes, measures, strict=True):
        shares = [(target, share) for (own, target), share in costs.items() if own == measure]
        for axis in own_axes[len(shares) :]:
            axis.set_visible(False)
        for axis, (target, share) in zip(own_axes, shares, strict=False):
            own = rows[rows.measure.isin([measure, "both"]) & (rows.target == target)]
            for y, way in enumerate(names):
                rises = own.rise[own.way == way]
                if len(rises):
                    axis.plot(rises, [y] * len(rises), "o", color=WAYS[way][0], markersize=4, alpha=0.7)
                    axis.plot(rises.mean(), y, "|", color=WAYS[way][0], markersize=13, markeredgewidth=2)
                elif way != "narrow":
                    place = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "center"}
                    box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
                    axis.annotate("not reached", (0.99, y), fontsize=7, color="grey", bbox=box, **place)
            axis.axvline(0, color="black", linewidth=0.8)
            axis.axvline(100 * margin, color="black", linestyle=":", linewidth=1.2)
            axis.axvline(100 * gain, color="black", linestyle="--", linewidth=0.8)
            saved = f"{100 * share:.{1 if share > 0.95 else 0}f} %"
            axis.set(title=f"{saved} of the {SHORT[measure]} saved", yticks=range(len(names)), yticklabels=names)
            axis.tick_params(axis="x", labelsize=8)
    _logarithmic(axes[0, 0], "x", [*rows.rise, 100 * gain])
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
    figure.supxlabel(f"rise of {metric.upper()}, percent (linear up to 1, logarithmic beyond)", fontsize=10)
    return figure


def ways(rows: pd.DataFrame, latency: pd.DataFrame, margin: float, gain: float, metric: str = "l1") -> Figure:
    """Rise of a metric over multiply-accumulates and over parameters left, of what was brought to so many, and over
    time, of all; mean and range over runs, a marker and a line a way.

    The rise is over the dense network, which got the same steps, in percent: linear up to 1, logarithmic beyond. `rows`
    has way, measure, target, macs, parameters and the metric, `latency` the median by way, measure and target; `margin`
    is a dotted line, and `gain`, what the best answer without a network is worse, a dashed one.
    """
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.4), sharey=True)
    times = latency.set_index(["way", "measure", "target"])["median"]
    rows = rows.join(times.rename("time"), on=["way", "measure", "target"])
    dense, rows = rows[rows.way == "dense"], _rises(rows, metric)
    for axis, (cost, label) in zip(axes, AXES.items(), strict=True):
        for way, (colour, marker) in WAYS.items():
            own = rows[(rows.way == way) & (rows.measure.isin([cost, "both"]) | (cost == "time") | (way == "narrow"))]
            points = own.groupby(["measure", "target"]).agg({cost: "mean", "rise": ["mean", "min", "max"]})
            if len(points):
                points = points.sort_values((cost, "mean"))
                x, y = points[cost, "mean"] / dense[cost].mean(), points["rise"]
                spread, size = [y["mean"] - y["min"], y["max"] - y["mean"]], 9 if marker == "*" else 5
                line = f"{marker}{'' if marker == '*' or cost == 'time' else '-'}"
                axis.errorbar(
                    x, y["mean"], spread, fmt=line, color=colour, label=way, capsize=2, markersize=size, linewidth=0.8
                )
        axis.plot(1, 0, "o", color="black", markersize=6, label="dense")
        axis.axhline(0, color="black", linewidth=0.8)
        axis.axhline(100 * margin, color="black", linestyle=":", linewidth=1.2, label="margin of no loss")
        axis.axhline(100 * gain, color="black", linestyle="--", linewidth=0.8, label="no network")
        axis.set(xlabel=f"{label}, share left", xlim=(0, None))
    _logarithmic(axes[0], "y", [*rows.rise, 100 * gain])
    axes[0].set_ylabel(f"rise of {metric.upper()}, percent")
    lines = {name: line for axis in axes for line, name in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(lines.values(), lines, loc="outside lower center", ncols=6, fontsize=9)
    return figure


def _rises(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """`rows` with the rise over the dense network in percent; all narrow networks are one way."""
    dense = rows[metric][rows.way == "dense"].mean()
    return rows.assign(rise=100 * (rows[metric] / dense - 1), way=rows.way.mask(rows.way.map(is_narrow), "narrow"))


def _logarithmic(axis, side: str, shown: list[float]) -> None:
    """Beyond 1 %; below zero as much room as is needed."""
    own = axis.xaxis if side == "x" else axis.yaxis
    limits = min(-0.5, 1.5 * min(shown)), max(1, 1.5 * max(shown))
    axis.set(**{f"{side}scale": "symlog", f"{side}lim": limits})
    own.set_major_locator(FixedLocator(TICKS))
    own.set_major_formatter("{x:g}")
