"""Figures of the layer scan and of the allocation that is derived from it."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from ganprune_utils.plots.style import COLOURS, DENSE, LABELS, bands, legend_below, panels, short, titled

LAYER_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666")
ALLOCATIONS = {
    "allocation": "#009E73",
    "global": COLOURS["percentage"],
    "layer": COLOURS["percentage (layer)"],
    "global, last layer dense": "#E69F00",
    "layer, last layer dense": "#F0E442",
}


def layer_heat_maps(scan: pd.DataFrame, metrics: list[str]) -> Figure:
    """One heat map per metric: layers in rows, percent of the layer removed in columns; by percentage only.

    `scan` has columns layer, method, threshold and the metrics, one row per (layer, threshold).
    """
    rows = scan[scan.method == "percentage"]
    figure, axes = plt.subplots(1, len(metrics), figsize=(4.6 * len(metrics), 2.6), squeeze=False)
    for axis, metric in zip(axes[0], metrics, strict=True):
        table = rows.pivot(index="layer", columns="threshold", values=metric).rename(index=short, columns="{:g}".format)
        # Distances grow with damage, all other scores fall: dark is damage in both.
        colours = "rocket_r" if metric in ("frechet", "kid") else "rocket"
        seaborn.heatmap(table, annot=True, fmt=".2f", cmap=colours, ax=axis, cbar=False)
        axis.set(xlabel="percent of the layer removed", ylabel="", title=LABELS[metric])
        axis.tick_params(axis="y", rotation=0)
        axis.grid(False)
    return figure


def layer_curves(scan: pd.DataFrame, reference: pd.DataFrame, metrics: list[str]) -> Figure:
    """One panel per metric: a line per layer over its sparsity, dashed where BatchNorm was recalibrated.

    Points by percentage are round, by s square. `reference` has the dense generator's values.
    """
    figure, axes = plt.subplots(1, len(metrics), figsize=(3.7 * len(metrics), 3.3), squeeze=False)
    colours = _colours(scan.layer)
    for axis, metric in zip(axes[0], metrics, strict=True):
        for (layer, recalibrated), rows in scan.groupby(["layer", "recalibrated"], sort=False):
            rows, colour = rows.sort_values("sparsity"), colours[short(layer)]
            start = reference[metric][reference.recalibrated == recalibrated].item()
            label, style = (None, ":") if recalibrated else (short(layer), "-")
            axis.plot([0, *rows.sparsity], [start, *rows[metric]], style, color=colour, label=label, linewidth=1.4)
            for method, marker in (("percentage", "o"), ("sensitivity", "s")):
                chosen = rows[rows.method == method]
                axis.plot(chosen.sparsity, chosen[metric], marker, color=colour, markersize=3.5)
        axis.set(xlabel="sparsity of the layer (fraction)", xlim=(0, 1), title=LABELS[metric])
        if metric == "frechet":
            axis.set_yscale("log")
    legend_below(figure, {"as it is": {"color": "black"}, "recalibrated": {"color": "black", "linestyle": ":"}})
    return figure


def allocation_comparison(compared: pd.DataFrame, dense: pd.DataFrame) -> Figure:
    """Fréchet distance by overall sparsity, a bar per method, without and with recalibration; dotted: the dense one."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
    for axis, (recalibrated, rows) in zip(axes, compared.groupby("recalibrated"), strict=True):
        table = rows.pivot(index="percent", columns="method", values="frechet").rename("{:g} %".format)
        look = {"width": 0.8, "color": ALLOCATIONS, "legend": False, "rot": 0}
        table[list(ALLOCATIONS)].plot.bar(ax=axis, title="recalibrated" if recalibrated else "as it is", **look)
        axis.axhline(dense.frechet[dense.recalibrated == recalibrated].item(), **DENSE)
        axis.set(xlabel="overall sparsity", yscale="log")
    axes[0].set_ylabel(LABELS["frechet"])
    axes[0].legend()
    return figure


def why_the_last_layer(shares: pd.DataFrame, ranking: pd.DataFrame) -> Figure:
    """Left: how much of the last layer each criterion removes; right: what a thousand weights of each layer are worth.

    Args:
        shares: columns dataset, label, overall and last, in percent; one row per pruned generator.
        ranking: columns dataset, layer and damage (rise of the Fréchet distance per thousand weights), a row per seed.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.8))
    styles = dict(zip(shares.dataset.unique(), ("-", "--"), strict=False))
    mean = shares.groupby(["label", "dataset", "overall"], sort=False)["last"].mean().reset_index()
    for (label, dataset), rows in mean.groupby(["label", "dataset"], sort=False):
        rows = rows.sort_values("overall")
        left.plot(rows.overall, rows["last"], styles[dataset], color=COLOURS[label], linewidth=1.6)
    left.set(xlabel="weights removed, of all layers (%)", ylabel="removed of the last layer (%)")
    left.set(xlim=(0, 100), ylim=(0, 100), title="What is removed of the last layer")
    criteria = {label: {"color": COLOURS[label]} for label in COLOURS if label in set(mean.label)}
    handles = criteria | {dataset: {"color": "black", "linestyle": style} for dataset, style in styles.items()}
    left.legend([plt.Line2D([], [], **look) for look in handles.values()], map(titled, handles), fontsize=8)
    for (dataset, rows), marker in zip(ranking.groupby("dataset", sort=False), "os", strict=False):
        rows = rows.assign(layer=rows.layer.map(short)).groupby("layer").damage.mean()
        right.plot(rows, rows.index, marker, color="black", markerfacecolor="black" if marker == "o" else "white")
        right.lines[-1].set_label(titled(dataset))
    right.invert_yaxis()
    right.set(xlabel="rise of the Fréchet distance", xscale="log", title="What 1,000 weights of a layer are worth")
    right.legend(fontsize=8)
    return figure


def layer_bands(scan: pd.DataFrame, dense: pd.DataFrame, metrics: list[str]) -> Figure:
    """One row of panels per data set: each metric over the sparsity of one layer, as pruned, bands over training seeds.

    `scan` has columns dataset, seed, layer, method, threshold, recalibrated, sparsity and the metrics; by percentage
    only, because the s of one seed is another sparsity in the next. `dense` has the same columns without a layer.
    """
    colours = _colours(scan.layer)
    rows = scan[(scan.method == "percentage") & ~scan.recalibrated].assign(layer=lambda table: table.layer.map(short))
    rows = pd.concat([rows, *(dense[~dense.recalibrated].assign(layer=layer, threshold=0.0) for layer in colours)])
    figure, axes = panels(rows, metrics, (3.7, 2.9, 0.4), sharex=True)
    for axis, _, own, metric in axes:
        bands(axis, own, "threshold", metric, "layer", colours, markersize=4)
        axis.set(xlabel="percent of the layer removed", xlim=(0, 100))
        axis.set_title(f"{LABELS[metric]}, as pruned", fontsize=10)
        if metric == "frechet":
            axis.set_yscale("log")
            axis.yaxis.set_minor_locator(LogLocator(subs=(2, 4, 6)))
            axis.yaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_minor_formatter("{x:g}")
        else:
            axis.set_ylim(0, 1.02)
    legend_below(figure, {})
    return figure


def _colours(layers: pd.Series) -> dict[str, str]:
    """Short name -> colour, in the order of the layers."""
    names = layers.map(short).unique()
    return {name: LAYER_COLOURS[i % len(LAYER_COLOURS)] for i, name in enumerate(names)}
