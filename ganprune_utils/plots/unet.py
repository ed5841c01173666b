"""Figures of pruned U-Nets. Rises are in percent over the dense network, which was trained on for as long."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from ganprune_utils.analysis.equal_cost import cost_name
from ganprune_utils.plots.style import legend_below, titled
from ganprune_utils.pruning.at_cost import METHODS

COLOURS = ("#56B4E9", "#0072B2", "#D55E00", "#000000")  # of the costs, the highest first
MARKERS = "o^sD"
PANELS = {"rise": "rise of L1 over dense, percent", "frechet": "Fréchet distance", "ssim": "SSIM"}
TICKS = [-10, -1, 0, 1, 3, 10, 30, 100, 300]  # percent


def scan(rises: dict[bool, pd.DataFrame], doubtful: pd.DataFrame, network: str = "") -> Figure:
    """Rises of L1, layers down the network and up again in rows, the share of their filters that went in columns.

    Left as they were pruned, right after fine-tuning. Colours are logarithmic beyond 1 %; with a question mark what is
    `doubtful`, a table of True and False.

    Args:
        rises: fine_tuned -> table, as of `analysis.unet_layers.rises`.
        network: its name, for the title.
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
    figure.suptitle(f"{network}: rise of L1 over dense, percent".removeprefix(": "), fontsize=10)
    return figure


def equal_cost(rows: pd.DataFrame, margin: float, network: str = "") -> Figure:
    """The rise of L1 and, beside it, the Fréchet distance, or SSIM where there is none: methods in rows, a colour and a
    marker for each cost, one for each run. The dense network is a line, dotted where its L1 is a `margin` higher.

    The rise is linear up to 1 %, logarithmic beyond.

    Args:
        rows: of one network after one fine-tuning: method, measure, target, rise and the metrics of each run.
        network: its name, for the title.
    """
    dense, pruned = rows[rows.measure == "-"], rows[rows.measure != "-"]
    names = [name for name in METHODS if name in set(pruned.method)]
    figure, axes = plt.subplots(1, 2, figsize=(7, 0.42 * len(names) + 1.4), sharey=True)
    shown = ["rise", "frechet" if "frechet" in rows else "ssim"]
    for axis, metric in zip(axes, shown, strict=True):
        for i, (cost, own) in enumerate(pruned.groupby(["measure", "target"], sort=False)):
            look = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)], "label": cost_name(*cost)}
            axis.plot(own[metric], own.method.map(names.index), linestyle="", markersize=4.5, alpha=0.8, **look)
        axis.axvline(dense[metric].mean(), color="black", linewidth=0.8)
        axis.set(xlabel=PANELS[metric], yticks=range(len(names)), yticklabels=map(titled, names))
    axes[0].axvline(100 * margin, color="black", linestyle=":", linewidth=1)
    limits = min(-0.5, 1.5 * pruned.rise.min()), max(1, 1.5 * pruned.rise.max())
    axes[0].set(xscale="symlog", xlim=limits, ylim=(len(names) - 0.5, -0.5))
    axes[0].xaxis.set_major_locator(FixedLocator(TICKS))
    axes[0].xaxis.set_major_formatter("{x:g}")
    figure.suptitle(f"{network}: every method at equal cost".removeprefix(": "), fontsize=10)
    legend_below(figure, {}, ncols=3)
    return figure
