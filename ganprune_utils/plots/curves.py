"""Figures of similarity to the dense generator."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ganprune_utils.plots.style import COLOURS, DENSE, LABELS, bands, legend_below, panels


def score_distributions(scores: pd.DataFrame) -> Figure:
    """One histogram per similarity score; `scores` is tidy with columns metric and value."""
    shown = [name for name in LABELS if name in set(scores.metric)]
    figure, axes = plt.subplots(1, len(shown), figsize=(2.6 * len(shown), 2.6), sharey=True, squeeze=False)
    for axis, name in zip(axes[0], shown, strict=True):
        values, bins = scores.value[scores.metric == name], np.linspace(-0.2, 1, 49)
        axis.hist(values, bins, color="#444444", histtype="stepfilled")
        axis.set(xlabel=LABELS[name], xlim=(-0.2, 1.0))
    axes[0][0].set_ylabel("images")
    return figure


def trade_off(curves: pd.DataFrame, chance_level: pd.DataFrame, metrics: list[str]) -> Figure:
    """Mean similarity to the dense generator against overall sparsity, one line per method, bands over seeds.

    `curves` has columns dataset, seed, label, sparsity, metric, value; one row of panels per data set. `chance_level`
    has dataset, metric, value: the score of unrelated images, drawn as a dotted line.
    """
    curves = of_every_seed(curves)
    levels = chance_level.set_index(["dataset", "metric"]).value
    figure, axes = panels(curves, metrics, (3.6, 2.9, 0), "mean score", sharex=True, sharey="row")
    for axis, dataset, own, metric in axes:
        bands(axis, own[own.metric == metric], "sparsity", "value", "label", COLOURS)
        axis.axhline(levels[dataset, metric], **DENSE)
        axis.set(xlabel="overall sparsity (fraction)", xlim=(0, 1), title=LABELS[metric])
    legend_below(figure, {"unrelated images": DENSE})
    return figure


def of_every_seed(rows: pd.DataFrame) -> pd.DataFrame:
    """The points of curves that every training seed of the data set has, sparsity to three digits: a mean over other
    seeds at every other point would zigzag."""
    seeds = rows.groupby("dataset").seed.transform("nunique")
    have = rows.groupby(["dataset", "label", "threshold"]).seed.transform("nunique")
    return rows[have == seeds].assign(sparsity=lambda points: points.sparsity.round(3))
