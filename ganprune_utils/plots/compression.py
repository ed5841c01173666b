"""Figures of generators of every compression: what is best at a cost, and what retraining wins back."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from ganprune_utils.analysis.compression import front, is_mean
from ganprune_utils.parameters import GRANULARITIES
from ganprune_utils.plots.style import CRITERIA_COLOURS, LABELS, plain_ticks

SCRATCH_COLOUR = "#009E73"
MARKERS = {"unstructured": "o", "structured": "s"}
PRUNED = {"generator": "generator pruned", "both": "both pruned"}
TRAINED = {
    "none": ("x", ":"),
    "one-shot": ("o", "-"),
    "iterative": ("^", "--"),
    "iterative, rewound": ("v", ""),
    "one-shot, slower D": ("s", "-."),
}
COSTS = {
    "left": "share of the parameters left",
    "packed": "bytes, packed",
    "macs": "multiply-accumulates an image",
}


def fronts(rows: pd.DataFrame, collapsed: dict[str, float]) -> Figure:
    """Fréchet distance over remaining parameters, packed bytes and MACs; a row of panels for each data set.

    `rows` are of `analysis.compression.cells` with `packed`; drawn is each data set's first seed, the one that was
    retrained. What is on the front, a line, was chosen by `frechet_validation`, and is drawn where `frechet` says.
    Filled: without retraining; hollow: retrained. Grey line: `collapsed`, one image repeated.
    """
    names = list(dict.fromkeys(rows.dataset))
    rows = rows.assign(left=1 / rows.compression)
    figure, axes = plt.subplots(len(names), 3, figsize=(12, 3.4 * len(names)), squeeze=False, sharey="row")
    colours = CRITERIA_COLOURS | {"none": "#000000"}
    for line, dataset in zip(axes, names, strict=True):
        own = rows[rows.dataset == dataset]
        own = own[own.seed == own.seed.min()]
        for axis, cost in zip(line, COSTS, strict=True):
            for point in own.itertuples():
                scratch = point.training == "scratch"
                star = point.granularity == "dense" or scratch
                colour = SCRATCH_COLOUR if scratch else colours[point.criterion]
                axis.plot(
                    getattr(point, cost), point.frechet, "*" if star else MARKERS[point.granularity],
                    markersize=9 if star else 5, markeredgecolor=colour,
                    markerfacecolor=colour if point.training == "none" or scratch else "none",
                )  # fmt: skip
            best = front(own[~is_mean(own)], cost, "frechet_validation")
            axis.step(best[cost], best.frechet, where="post", color=SCRATCH_COLOUR, linewidth=1.2, zorder=0)
            axis.axhline(collapsed[dataset], color="#999999", linewidth=1, zorder=0)
            axis.set(xscale="log", yscale="log", xlabel=COSTS[cost])
            plain_ticks(axis)
            axis.xaxis.set_minor_formatter(NullFormatter())
            if cost == "left":
                share_ticks(axis, sorted(set(own.target_compression)))
        line[0].set_ylabel(f"{dataset}\n{LABELS['frechet']}")
    entries = {name: dict(color=colour, marker="o", linestyle="") for name, colour in CRITERIA_COLOURS.items()}
    entries |= {name: dict(color="black", marker=marker, linestyle="") for name, marker in MARKERS.items()}
    entries["dense"] = dict(color="black", marker="*", linestyle="")
    entries["retrained"] = dict(color="black", marker="o", markerfacecolor="none", linestyle="")
    entries["small dense, from scratch"] = dict(color=SCRATCH_COLOUR, marker="*", linestyle="")
    entries["front"], entries["one image, repeated"] = dict(color=SCRATCH_COLOUR), dict(color="#999999")
    _legend(figure, entries, ncols=5)
    return figure


def share_ticks(axis, compressions: list[float]) -> None:
    ticks = [1 / c for c in compressions]
    axis.set_xticks(ticks, [f"1/{1 / tick:g}" if tick < 1 else "1" for tick in ticks])
    axis.minorticks_off()


def retrained(rows: pd.DataFrame, collapsed: dict[str, float]) -> Figure:
    """Fréchet distance over the compression ratio, a line for each configuration; a panel for each granularity and
    pruned network.

    `rows` are of `analysis.compression.cells`. Crosses: without retraining. Dotted line: the dense generator;
    dash-dotted: the dense pair trained as long; grey: `collapsed`, one image repeated; star: a small dense generator
    trained from scratch. A row of panels for each data set that has retrained pairs.
    """
    slower = rows.pruned_network.str.startswith("generator, D")
    rows = rows.assign(
        training=rows.training.mask(slower, rows.training + ", slower D"),
        pruned_network=rows.pruned_network.mask(slower, "generator"),
    )
    names = list(dict.fromkeys(rows[rows.training.isin(["one-shot", "iterative"])].dataset))
    panels = [(granularity, network) for granularity in GRANULARITIES for network in PRUNED]
    size = (12, 3.3 * len(names) + 0.7)
    figure, axes = plt.subplots(len(names), 4, figsize=size, sharey="row", sharex=True, squeeze=False)
    for line, dataset in zip(axes, names, strict=True):
        own = rows[rows.dataset == dataset]
        own = own[own.seed == own.seed.min()]
        controls = own[own.granularity == "dense"].set_index("training").frechet
        for axis, (granularity, network) in zip(line, panels, strict=True):
            _panel(axis, own[own.granularity == granularity], network)
            axis.set(title=f"{granularity}, {PRUNED[network]}", xlabel="compression ratio")
            if axis.texts:
                continue  # not run
            for training, style in (("none", ":"), ("dense", "-.")):
                if training in controls:
                    axis.axhline(controls[training], color="black", linestyle=style, linewidth=1.2)
            axis.axhline(collapsed[dataset], color="#999999", linewidth=1, zorder=0)
            ticks = sorted(set(own[own.granularity == granularity].target_compression))
            axis.set(xscale="log", yscale="log")
            axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            axis.minorticks_off()
            plain_ticks(axis)
        line[0].set_ylabel(f"{dataset}\n{LABELS['frechet']}")
    entries = {name: dict(color=colour, linewidth=3) for name, colour in CRITERIA_COLOURS.items()}
    for name, (marker, style) in TRAINED.items():
        label = "not retrained" if name == "none" else name
        entries[label] = dict(color="black", marker=marker, linestyle=style)
    entries["small dense, from scratch"] = dict(color=SCRATCH_COLOUR, marker="*", linestyle="")
    entries["dense"] = dict(color="black", linestyle=":", linewidth=1.2)
    entries["dense, trained as long"] = dict(color="black", linestyle="-.", linewidth=1.2)
    entries["one image, repeated"] = dict(color="#999999", linewidth=1)
    _legend(figure, entries, ncols=6)
    return figure


def _panel(axis, rows: pd.DataFrame, network: str) -> None:
    """The configurations of one granularity, `network` pruned."""
    if not (rows.training.isin([*list(TRAINED)[1:], "scratch"]) & (rows.pruned_network == network)).any():
        axis.text(0.5, 0.5, "not run", transform=axis.transAxes, ha="center", color="#666666")
        return
    for (training, criterion), own in rows.groupby(["training", "criterion"], sort=False):
        if training == "scratch" and network == "generator":
            axis.plot(own.compression, own.frechet, "*", color=SCRATCH_COLOUR, markersize=11)
        if training in TRAINED:
            # Without retraining it makes no difference to the generator what becomes of the discriminator.
            same = own.pruned_network == ("generator" if training == "none" else network)
            points, (marker, style) = own[same].sort_values("compression"), TRAINED[training]
            colour = CRITERIA_COLOURS[criterion]
            axis.plot(points.compression, points.frechet, marker + style, color=colour, markersize=5)


def _legend(figure: Figure, entries: dict[str, dict], ncols: int) -> None:
    """A legend below the panels: label -> how its line looks."""
    handles = [plt.Line2D([], [], **look) for look in entries.values()]
    figure.legend(handles, entries, loc="outside lower center", ncols=ncols, fontsize=9)
