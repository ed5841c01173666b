"""Figures of quality at equal sparsity: over sparsity, and over similarity."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from ganprune_utils.plots.curves import of_every_seed
from ganprune_utils.plots.style import COLOURS, LABELS


def quality_curves(generators: pd.DataFrame, metrics: list[str], collapsed: pd.Series) -> Figure:
    """A row of panels a data set: each metric over overall sparsity, as pruned and recalibrated, bands over seeds.

    `generators` has columns dataset, seed, label, recalibrated, threshold, sparsity and the metrics.
    Dotted: the dense one; dash-dotted: `collapsed`, the Fréchet distance of one image repeated, data set by data set.
    """
    import seaborn as sns

    generators = of_every_seed(generators[generators.label.notna()])
    dense = generators[generators.threshold == 0]  # where every curve starts
    generators = pd.concat(
        [generators[generators.threshold > 0], *(dense.assign(label=label) for label in generators.label.unique())]
    )
    names = list(dict.fromkeys(generators.dataset))
    size = (3.0 * 2 * len(metrics), 2.9 * len(names) + 0.5)
    figure, axes = plt.subplots(len(names), 2 * len(metrics), figsize=size, squeeze=False, sharex=True)
    for line, dataset in zip(axes, names, strict=True):
        for i, axis in enumerate(line):
            metric, recalibrated = metrics[i // 2], bool(i % 2)
            rows = generators[(generators.dataset == dataset) & (generators.recalibrated == recalibrated)]
            dense = rows[(rows.threshold == 0)][metric].mean()
            sns.lineplot(
                rows,
                x="sparsity",
                y=metric,
                hue="label",
                hue_order=list(COLOURS),
                palette=COLOURS,
                marker="o",
                markersize=4,
                errorbar="sd",
                ax=axis,
                legend=axis is axes[0][0],
            )
            axis.axhline(dense, color="black", linestyle=":", linewidth=1.2)
            axis.set(xlabel="overall sparsity (fraction)", ylabel=f"{dataset}" if i == 0 else "", xlim=(0, 1))
            if metric == "frechet":
                axis.set_yscale("log")
                axis.axhline(collapsed[dataset], color="#666666", linestyle="-.", linewidth=1)
            else:
                axis.set_ylim(0, 1)
            axis.set_title(LABELS[metric] + ("\nrecalibrated" if recalibrated else "\nas pruned"), fontsize=10)
        for i in range(0, len(line), 2):  # a pair of panels has one scale
            limits = [
                f(pair)
                for f, pair in zip(
                    (min, max), zip(line[i].get_ylim(), line[i + 1].get_ylim(), strict=True), strict=True
                )
            ]
            line[i].set_ylim(limits)
            line[i + 1].set_ylim(limits)
    handles, labels = axes[0][0].get_legend_handles_labels()
    axes[0][0].get_legend().remove()
    handles.append(plt.Line2D([], [], color="black", linestyle=":"))
    handles.append(plt.Line2D([], [], color="#666666", linestyle="-."))
    figure.legend(
        handles, [*labels, "dense", "one image, repeated"], loc="outside lower center", ncols=len(handles), fontsize=9
    )
    return figure


def similarity_and_quality(generators: pd.DataFrame) -> Figure:
    """One panel a data set: Fréchet distance over SSIM, a point a pruned generator; hollow where recalibrated."""
    names = list(dict.fromkeys(generators.dataset))
    figure, axes = plt.subplots(1, len(names), figsize=(4.6 * len(names), 3.8), squeeze=False)
    generators = generators.assign(label=generators.label.fillna("sensitivity"))
    for axis, dataset in zip(axes[0], names, strict=True):
        rows = generators[generators.dataset == dataset]
        for label, colour in COLOURS.items():
            for recalibrated, face in ((False, colour), (True, "none")):
                chosen = rows[(rows.label == label) & (rows.recalibrated == recalibrated)]
                axis.plot(
                    chosen.ssim,
                    chosen.frechet,
                    "o",
                    markeredgecolor=colour,
                    markerfacecolor=face,
                    markersize=4.5,
                    label=None if recalibrated or chosen.empty else label,
                )
        axis.set(xlabel="SSIM to the dense generator", yscale="log", title=dataset)
    axes[0][0].set_ylabel(LABELS["frechet"])
    handles, labels = axes[0][0].get_legend_handles_labels()
    handles += [plt.Line2D([], [], color="black", marker="o", markerfacecolor="none", linestyle="")]
    figure.legend(handles, [*labels, "recalibrated"], loc="outside lower center", ncols=len(handles), fontsize=9)
    return figure
