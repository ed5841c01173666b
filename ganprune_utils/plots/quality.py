"""Figures of quality at equal sparsity: over sparsity, and over similarity."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from ganprune_utils.plots.curves import of_every_seed
from ganprune_utils.plots.style import COLOURS, DENSE, LABELS, bands, legend_below, log_y, titled

COLLAPSED = {"color": "#666666", "linestyle": "-.", "linewidth": 1}


def quality_curves(generators: pd.DataFrame, metric: str, collapsed: float) -> Figure:
    """A metric of one data set over overall sparsity: as pruned, and recalibrated; a line per method, bands over seeds.

    `generators` has columns dataset, seed, label, recalibrated, threshold, sparsity and the metric. Dotted: the dense
    generator; dash-dotted: `collapsed`, the metric of one image repeated.
    """
    generators = of_every_seed(generators[generators.label.notna()])
    dense = generators[generators.threshold == 0]  # where every curve starts
    starts = [dense.assign(label=label) for label in generators.label.unique()]
    rows = pd.concat([generators[generators.threshold > 0], *starts])
    rows["percent"] = 100 * rows.sparsity.round(3)
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.8), sharey=True)
    for axis, recalibrated in zip(axes, (False, True), strict=True):
        own = rows[rows.recalibrated == recalibrated]
        bands(axis, own, "percent", metric, "label", COLOURS, hue_order=list(COLOURS), markersize=4)
        axis.axhline(own[metric][own.threshold == 0].mean(), **DENSE)
        axis.axhline(collapsed, **COLLAPSED)
        title = f"{titled(rows.dataset.iloc[0])}, {'recalibrated' if recalibrated else 'as pruned'}"
        axis.set(xlabel="weights removed (%)", xlim=(0, 100), title=title)
        if metric == "frechet":
            log_y(axis)
    axes[0].set_ylabel(LABELS[metric])
    legend_below(figure, {"dense": DENSE, "one image, repeated": COLLAPSED}, ncols=4)
    return figure


def last_layer_curves(generators: pd.DataFrame, collapsed: float) -> Figure:
    """Fréchet distance of one data set over overall sparsity, as pruned: the last layer pruned too, and kept dense.

    `generators` are the rows of `by_last_layer`, one line per method, bands over seeds; dash-dotted: `collapsed`, the
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


def similarity_and_quality(correlations: pd.DataFrame) -> Figure:
    """Rank correlation of SSIM with the Fréchet distance among generators of one sparsity: a line for each data set.

    At −1, SSIM ranks them as the distance does. `correlations` is the table of `equal_sparsity.correlations`;
    drawn are sparsities that every training seed has, without random masks.
    """
    figure, axis = plt.subplots(figsize=(5, 3.6))
    looks = zip(("o-", "s--", "^:", "v-."), COLOURS.values(), strict=False)
    for (dataset, rows), (style, colour) in zip(correlations.groupby(level="dataset"), looks, strict=False):
        rows = rows.loc[dataset][rows.n.to_numpy() == rows.n.max()]["ssim, no random masks"].dropna()
        axis.plot(rows.index, rows, style, color=colour, label=titled(dataset))
    axis.axhline(0, color="black", linewidth=0.8)
    axis.set(xlabel="weights removed (%)", ylabel="rank correlation of SSIM\nwith the Fréchet distance")
    axis.set(xlim=(0, 100), ylim=(-1.05, 1.05), title="At low sparsity SSIM does not rank quality")
    axis.legend()
    return figure
