"""Figures of cut U-Nets."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

import ganprune_utils.plots  # noqa: F401  (the style of all figures)
from ganprune_utils.unets import COSTS, short

WAYS = {
    "levels out": ("#000000", "D"),
    "inner": ("#0072B2", "o"),
    "outer": ("#D55E00", "s"),
    "uniform": ("#009E73", "^"),
    "global": ("#CC79A7", "v"),
    "lamp": ("#E69F00", "<"),
    "random": ("#666666", "x"),
    "narrow, from scratch": ("#56B4E9", "*"),
}
AXES = COSTS | {"time": "time, one thread"}


def scan(scan: pd.DataFrame, reference: pd.DataFrame, metric: str = "l1") -> Figure:
    """Rise of a metric in percent of the dense network's, layers down the network and up again in rows, the share of
    their filters that went in columns; left as they were cut, right after fine-tuning."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 0.38 * scan.layer.nunique() + 1.2), sharey=True)
    for axis, tuned in zip(axes, (False, True), strict=True):
        dense = reference[metric][reference.tuned == tuned].item()
        rows = scan[scan.tuned == tuned]
        table = rows.assign(rise=100 * (rows[metric] / dense - 1)).pivot(index="layer", columns="ratio", values="rise")
        table = table.loc[list(dict.fromkeys(scan.layer))].rename(index=short).round(1) + 0.0  # no "-0.0"
        seaborn.heatmap(
            table, ax=axis, annot=True, fmt=".1f", cmap="vlag", center=0, vmin=-20, vmax=20, cbar=False,
            linewidths=0.5,
        )  # fmt: skip
        axis.set(xlabel="share of one layer's filters removed", ylabel="")
        axis.grid(False)
        axis.tick_params(length=0, rotation=0)
        axis.set_title("after fine-tuning" if tuned else "as it was cut")
    figure.suptitle(f"rise of {metric.upper()} over the dense network's, percent", fontsize=10)
    return figure


def ways(rows: pd.DataFrame, latency: pd.DataFrame, metric: str = "l1") -> Figure:
    """Rise of a metric over multiply-accumulates, parameters and time left; mean and range over runs, a marker a way.

    The rise is over the dense network, which got the same steps, in percent: linear up to 1, logarithmic beyond. The
    first two panels show what was brought to the same share of that cost, the third all. `rows` has way, measure,
    target, macs, parameters and the metric, `latency` the median by way, measure and target.
    """
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), sharey=True)
    times = latency.set_index(["way", "measure", "target"])["median"]
    rows = rows.join(times.rename("time"), on=["way", "measure", "target"])
    dense = rows[rows.way == "dense"]
    rows = rows.assign(rise=100 * (rows[metric] / dense[metric].mean() - 1))
    for axis, (cost, label) in zip(axes, AXES.items(), strict=True):
        own = rows[rows.measure.isin([cost, "both"]) | (cost == "time")]
        for way, (colour, marker) in WAYS.items():
            points = (
                own[own.way == way].groupby(["measure", "target"]).agg({cost: "mean", "rise": ["mean", "min", "max"]})
            )
            points = points.sort_values((cost, "mean"))
            if len(points):
                x, y = points[cost, "mean"] / dense[cost].mean(), points["rise"]
                spread = [y["mean"] - y["min"], y["max"] - y["mean"]]
                style = marker if cost == "time" else marker + "-"
                axis.errorbar(x, y["mean"], spread, fmt=style, color=colour, label=way, capsize=2, markersize=5)
        axis.axhline(0, color="black", linestyle=":", linewidth=1.2, label="dense, trained on")
        axis.set(xlabel=f"{label}, share left", title=label if cost == "time" else f"equal {label}", xlim=(0, None))
    axes[0].set_yscale("symlog", linthresh=1)
    axes[0].set_ylim(min(-0.5, 1.5 * rows.rise.min()), max(1, 1.5 * rows.rise.max()))
    axes[0].yaxis.set_major_locator(FixedLocator([-2, -1, 0, 1, 2, 5, 10, 20, 50, 100, 200, 500]))
    axes[0].yaxis.set_major_formatter("{x:g}")
    axes[0].set_ylabel(f"rise of {metric.upper()}, percent")
    lines = {name: line for axis in axes for line, name in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(lines.values(), lines, loc="outside lower center", ncols=min(len(lines), 9), fontsize=9)
    return figure
