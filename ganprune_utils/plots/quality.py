"""Figures of quality at equal sparsity: over sparsity, and over similarity."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ganprune_utils.plots.curves import of_every_seed
from ganprune_utils.plots.style import COLOURS, DENSE, LABELS, bands, legend_below, log_y, panels

COLLAPSED = {"color": "#666666", "linestyle": "-.", "linewidth": 1}


def quality_curves(generators: pd.DataFrame, metrics: list[str], collapsed: pd.Series) -> Figure:
    """A row of panels a data set: each metric over overall sparsity, as pruned and recalibrated, bands over seeds.

    `generators` has columns dataset, seed, label, recalibrated, threshold, sparsity and the metrics.
    Dotted: the dense one; dash-dotted: `collapsed`, the Fréchet distance of one image repeated, data set by data set.
    """
    generators = of_every_seed(generators[generators.label.notna()])
    dense = generators[generators.threshold == 0]  # where every curve starts
    starts = [dense.assign(label=label) for label in generators.label.unique()]
    generators = pd.concat([generators[generators.threshold > 0], *starts])
    columns = list(itertools.product(metrics, (False, True)))
    figure, axes = panels(generators, columns, (3.0, 2.9, 0.5), sharex=True)
    for axis, dataset, own, (metric, recalibrated) in axes:
        rows = own[own.recalibrated == recalibrated]
        bands(axis, rows, "sparsity", metric, "label", COLOURS, hue_order=list(COLOURS), markersize=4)
        axis.axhline(rows[metric][rows.threshold == 0].mean(), **DENSE)
        axis.set(xlabel="overall sparsity (fraction)", xlim=(0, 1))
        axis.set_title(LABELS[metric] + ("\nrecalibrated" if recalibrated else "\nas pruned"), fontsize=10)
        if metric == "frechet":
            axis.set_yscale("log")
            axis.axhline(collapsed[dataset], **COLLAPSED)
        else:
            axis.set_ylim(0, 1)
    for pair in np.reshape(figure.axes, (-1, 2)):  # a pair of panels has one scale
        limits = np.array([axis.get_ylim() for axis in pair])
        plt.setp(pair, ylim=(limits.min(), limits.max()))
    legend_below(figure, {"dense": DENSE, "one image, repeated": COLLAPSED})
    return figure


def last_layer_curves(generators: pd.DataFrame, collapsed: float) -> Figure:
    """Fréchet distance of one data set over overall sparsity, as pruned: the last layer pruned too, and kept dense.

    `generators` are the rows of `by_last_layer`, one line a method, bands over seeds; dash-dotted: `collapsed`, the
    distance of one image repeated.
    """
    titles = {"pruned": "Every layer pruned:\nthe criterion matters", "dense": "Last layer dense:\nthe criteria agree"}
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.8), sharey=True)
    rows = generators[~generators.recalibrated].assign(percent=100 * generators.sparsity.round(3))
    for axis, (last_layer, title) in zip(axes, titles.items(), strict=True):
        chosen = rows[rows.last_layer == last_layer]
        shown = [label for label in COLOURS if label in set(rows.label)]
        bands(axis, chosen, "percent", "frechet", "label", COLOURS, hue_order=shown, markersize=4)
        axis.axhline(collapsed, **COLLAPSED)
        axis.set(xlabel="weights removed (%)", xlim=(0, 100), title=title)
        log_y(axis)
    axes[0].set_ylabel(LABELS["frechet"])
    legend_below(figure, {"one image, repeated": COLLAPSED}, ncols=3)
    return figure


def similarity_and_quality(generators: pd.DataFrame) -> Figure:
    """One panel a data set: Fréchet distance over SSIM, a point a pruned generator; hollow where recalibrated."""
    names = generators.dataset.unique()
    figure, axes = plt.subplots(1, len(names), figsize=(4.6 * len(names), 3.8), squeeze=False)
    generators = generators[generators.last_layer == "pruned"]
    generators = generators.assign(label=generators.label.fillna("sensitivity"))
    for axis, dataset in zip(axes[0], names, strict=True):
        rows = generators[generators.dataset == dataset]
        for label, colour in COLOURS.items():
            for recalibrated, face in ((False, colour), (True, "none")):
                chosen = rows[(rows.label == label) & (rows.recalibrated == recalibrated)]
                look = {"markeredgecolor": colour, "markerfacecolor": face, "markersize": 4.5}
                name = None if recalibrated or chosen.empty else label
                axis.plot(chosen.ssim, chosen.frechet, "o", label=name, **look)
        axis.set(xlabel="SSIM to the dense generator", yscale="log", title=dataset)
    axes[0][0].set_ylabel(LABELS["frechet"])
    hollow = {"color": "black", "marker": "o", "markerfacecolor": "none", "linestyle": ""}
    legend_below(figure, {"recalibrated": hollow})
    return figure
