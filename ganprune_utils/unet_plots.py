"""Figures of cut U-Nets."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn
from matplotlib.figure import Figure

import ganprune_utils.plots  # noqa: F401  (the style of all figures)
from ganprune_utils.unets import short

WAYS = {
    "levels out": ("#000000", "D"),
    "inner": ("#0072B2", "o"),
    "outer": ("#D55E00", "s"),
    "uniform": ("#009E73", "^"),
    "global": ("#CC79A7", "v"),
    "lamp": ("#E69F00", "<"),
    "random": ("#666666", "x"),
}
AXES = {"macs": "multiply-accumulates", "parameters": "parameters"}


def scan(scan: pd.DataFrame, reference: pd.DataFrame, metric: str = "l1") -> Figure:
    """Rise of a metric in percent of the dense network's, layers down the network and up again in rows, the share of
    their filters that went in columns; left as they were cut, right after fine-tuning."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 0.38 * scan.layer.nunique() + 1.2), sharey=True)
    for axis, tuned in zip(axes, (False, True), strict=True):
        dense = reference[metric][reference.tuned == tuned].item()
        rows = scan[scan.tuned == tuned]
        table = rows.assign(rise=100 * (rows[metric] / dense - 1)).pivot(index="layer", columns="ratio", values="rise")
        table = table.loc[list(dict.fromkeys(scan.layer))].rename(index=short)
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


def ways(rows: pd.DataFrame, metric: str = "l1") -> Figure:
    """A metric over cost, a panel for each cost that was made equal; mean and range over runs, a marker a way.

    `rows` has way, measure, macs, parameters and the metric; the line is the dense network, which got the same steps.
    """
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), sharey=True)
    dense = rows[rows.way == "dense"]
    for axis, (measure, label) in zip(axes, AXES.items(), strict=True):
        own = rows[rows.measure.isin([measure, "both"])]
        for way, (colour, marker) in WAYS.items():
            points = own[own.way == way].groupby("levels").agg({measure: "mean", metric: ["mean", "min", "max"]})
            if len(points):
                x, y = points[measure, "mean"] / dense[measure].mean(), points[metric]
                spread = [y["mean"] - y["min"], y["max"] - y["mean"]]
                axis.errorbar(x, y["mean"], spread, fmt=marker + "-", color=colour, label=way, capsize=2, markersize=5)
        for row in rows[rows.way.str.startswith("narrow")].itertuples():
            x = getattr(row, measure) / dense[measure].mean()
            axis.plot(x, getattr(row, metric), "*", color="#56B4E9", markersize=11, label=row.way)
        axis.axhline(dense[metric].mean(), color="black", linestyle=":", linewidth=1.2, label="dense, trained on")
        axis.set(xlabel=f"{label} left, share", title=f"equal {label}", xlim=(0, 1))
    axes[0].set_ylabel(f"{metric.upper()} to the truth")
    lines = {line: name for axis in axes for line, name in zip(*axis.get_legend_handles_labels(), strict=True)}
    named = {name: line for line, name in lines.items()}
    figure.legend(named.values(), named, loc="outside lower center", ncols=min(len(named), 9), fontsize=9)
    return figure
