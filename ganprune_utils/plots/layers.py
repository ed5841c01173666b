"""Figures of the layer scan and of the allocation that is derived from it."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from ganprune_utils.plots.style import COLOURS, LABELS, short

LAYER_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666")


def layer_heat_maps(scan: pd.DataFrame, metrics: list[str]) -> Figure:
    """One heat map a metric: layers in rows, percent of the layer removed in columns; by percentage only.

    `scan` has columns layer, method, threshold and the metrics, one row a (layer, threshold).
    """
    import seaborn as sns

    rows = scan[scan.method == "percentage"]
    figure, axes = plt.subplots(1, len(metrics), figsize=(4.6 * len(metrics), 2.6), squeeze=False)
    for axis, metric in zip(axes[0], metrics, strict=True):
        table = rows.pivot(index="layer", columns="threshold", values=metric)
        table.index, table.columns = map(short, table.index), [f"{percent:g}" for percent in table.columns]
        # Distances grow with damage, all other scores fall: dark is damage in both.
        colours = "rocket_r" if metric in ("frechet", "kid") else "rocket"
        sns.heatmap(table, annot=True, fmt=".2f", cmap=colours, ax=axis, cbar=False)
        axis.set(xlabel="percent of the layer removed", ylabel="", title=LABELS[metric])
        axis.tick_params(axis="y", rotation=0)
        axis.grid(False)
    return figure


def layer_curves(scan: pd.DataFrame, reference: pd.DataFrame, metrics: list[str]) -> Figure:
    """One panel a metric: a line a layer over its sparsity, dashed where BatchNorm was recalibrated.

    Points by percentage are round, by s square. `reference` has the dense generator's values.
    """
    figure, axes = plt.subplots(1, len(metrics), figsize=(3.7 * len(metrics), 3.3), squeeze=False)
    for axis, metric in zip(axes[0], metrics, strict=True):
        for (layer, recalibrated), rows in scan.groupby(["layer", "recalibrated"], sort=False):
            colour = LAYER_COLOURS[list(dict.fromkeys(scan.layer)).index(layer) % len(LAYER_COLOURS)]
            rows = rows.sort_values("sparsity")
            start = reference[metric][reference.recalibrated == recalibrated].item()
            label = None if recalibrated else short(layer)
            line = ":" if recalibrated else "-"
            axis.plot([0, *rows.sparsity], [start, *rows[metric]], line, color=colour, label=label, linewidth=1.4)
            for method, marker in (("percentage", "o"), ("sensitivity", "s")):
                chosen = rows[rows.method == method]
                axis.plot(chosen.sparsity, chosen[metric], marker, color=colour, markersize=3.5)
        axis.set(xlabel="sparsity of the layer (fraction)", xlim=(0, 1), title=LABELS[metric])
        if metric == "frechet":
            axis.set_yscale("log")
    handles, labels = axes[0][0].get_legend_handles_labels()
    handles += [plt.Line2D([], [], color="black"), plt.Line2D([], [], color="black", linestyle=":")]
    labels += ["as it is", "recalibrated"]
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9)
    return figure


def allocation_comparison(compared: pd.DataFrame, dense: pd.DataFrame) -> Figure:
    """Fréchet distance by overall sparsity, a bar a method, without and with recalibration; dotted: the dense one."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
    colours = {"allocation": "#009E73", "global": COLOURS["percentage"], "layer": COLOURS["percentage (layer)"]}
    for axis, (recalibrated, rows) in zip(axes, compared.groupby("recalibrated"), strict=True):
        percents = sorted(set(rows.percent))
        for i, (method, colour) in enumerate(colours.items()):
            values = rows[rows.method == method].set_index("percent").frechet.reindex(percents)
            positions = np.arange(len(percents)) + (i - 1) * 0.27
            axis.bar(positions, values, 0.25, color=colour, label=method)
        axis.axhline(dense.frechet[dense.recalibrated == recalibrated].item(), color="black", linestyle=":")
        axis.set_xticks(range(len(percents)), [f"{percent:g} %" for percent in percents])
        axis.set(xlabel="overall sparsity", title="recalibrated" if recalibrated else "as it is", yscale="log")
    axes[0].set_ylabel(LABELS["frechet"])
    axes[0].legend()
    return figure


def layer_bands(scan: pd.DataFrame, dense: pd.DataFrame, metrics: list[str]) -> Figure:
    """A row of panels a data set: each metric over the sparsity of one layer, as pruned, bands over training seeds.

    `scan` has columns dataset, seed, layer, method, threshold, recalibrated, sparsity and the metrics; by percentage
    only, because the s of one seed is another sparsity in the next. `dense` has the same columns without a layer.
    """
    import seaborn as sns

    names = list(dict.fromkeys(scan.dataset))
    layers = list(dict.fromkeys(scan.layer))
    size = (3.7 * len(metrics), 2.9 * len(names) + 0.4)
    figure, axes = plt.subplots(len(names), len(metrics), figsize=size, squeeze=False, sharex=True)
    rows = scan[(scan.method == "percentage") & ~scan.recalibrated]
    start = [dense[~dense.recalibrated].assign(layer=layer, threshold=0.0) for layer in layers]
    rows = pd.concat([*start, rows]).assign(layer=lambda table: table.layer.map(short))
    colours = dict(zip(map(short, layers), LAYER_COLOURS, strict=False))
    for line, dataset in zip(axes, names, strict=True):
        for axis, metric in zip(line, metrics, strict=True):
            shown = dict(x="threshold", y=metric, hue="layer", palette=colours, marker="o", errorbar="sd")
            first = axis is axes[0][0]
            sns.lineplot(rows[rows.dataset == dataset], **shown, markersize=4, ax=axis, legend=first)
            axis.set(xlabel="percent of the layer removed", ylabel=dataset if axis is line[0] else "", xlim=(0, 100))
            axis.set_title(f"{LABELS[metric]}, as pruned", fontsize=10)
            if metric == "frechet":
                axis.set_yscale("log")
                axis.yaxis.set_minor_locator(LogLocator(subs=(2, 4, 6)))
                for place in (axis.yaxis.set_major_formatter, axis.yaxis.set_minor_formatter):
                    place(FuncFormatter(lambda value, _: f"{value:g}"))
            else:
                axis.set_ylim(0, 1.02)
    handles, labels = axes[0][0].get_legend_handles_labels()
    axes[0][0].get_legend().remove()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9)
    return figure
