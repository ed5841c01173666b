"""Figures of similarity to the dense generator."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ganprune_utils.plots.style import COLOURS, LABELS


def score_distributions(scores: pd.DataFrame) -> Figure:
    """One histogram per similarity score; `scores` is tidy with columns metric and value."""
    shown = [name for name in LABELS if name in set(scores.metric)]
    figure, axes = plt.subplots(1, len(shown), figsize=(2.6 * len(shown), 2.6), sharey=True)
    for axis, name in zip(np.atleast_1d(axes), shown, strict=True):
        axis.hist(scores.value[scores.metric == name], bins=np.linspace(-0.2, 1, 49), color="#444444")
        axis.set(xlabel=LABELS[name], xlim=(-0.2, 1.0))
    np.atleast_1d(axes)[0].set_ylabel("images")
    return figure


def trade_off(curves: pd.DataFrame, chance_level: pd.DataFrame, metrics: list[str]) -> Figure:
    """Mean similarity to the dense generator against overall sparsity, one line a method, bands over seeds.

    `curves` has columns dataset, seed, label, sparsity, metric, value; one row of panels a data set. `chance_level` has
    dataset, metric, value: the score of unrelated images, drawn as a dotted line.
    """
    import seaborn as sns

    curves = of_every_seed(curves)
    names = list(dict.fromkeys(curves.dataset))
    figure, axes = plt.subplots(
        len(names),
        len(metrics),
        figsize=(3.6 * len(metrics), 2.9 * len(names)),
        squeeze=False,
        sharex=True,
        sharey="row",
    )
    for line, dataset in zip(axes, names, strict=True):
        for axis, metric in zip(line, metrics, strict=True):
            rows = curves[(curves.dataset == dataset) & (curves.metric == metric)]
            sns.lineplot(
                rows,
                x="sparsity",
                y="value",
                hue="label",
                palette=COLOURS,
                marker="o",
                errorbar="sd",
                ax=axis,
                legend=axis is axes[0][0],
            )
            level = chance_level[(chance_level.dataset == dataset) & (chance_level.metric == metric)]
            axis.axhline(level.value.item(), color="black", linestyle=":", linewidth=1.2)
            axis.set(
                xlabel="overall sparsity (fraction)",
                ylabel=f"{dataset}\nmean score" if axis is line[0] else "",
                xlim=(0, 1),
            )
            axis.set_title(LABELS[metric])
    handles, labels = axes[0][0].get_legend_handles_labels()
    axes[0][0].get_legend().remove()
    handles.append(plt.Line2D([], [], color="black", linestyle=":"))
    figure.legend(handles, [*labels, "unrelated images"], loc="outside lower center", ncols=len(handles), fontsize=9)
    return figure


def of_every_seed(rows: pd.DataFrame) -> pd.DataFrame:
    """The points of curves that every training seed of the data set has, sparsity to three digits: a mean over other
    seeds at every other point would zigzag."""
    seeds = rows.groupby("dataset").seed.transform("nunique")
    have = rows.groupby(["dataset", "label", "threshold"]).seed.transform("nunique")
    return rows[have == seeds].assign(sparsity=lambda points: points.sparsity.round(3))
