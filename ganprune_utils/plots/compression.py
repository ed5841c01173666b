"""Figures of generators of every compression: what is best at a cost, and what retraining wins back."""

import itertools

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from ganprune_utils.analysis.compression import front, is_mean
from ganprune_utils.parameters import GRANULARITIES
from ganprune_utils.plots.style import CRITERIA_COLOURS, DENSE, LABELS, legend_below, log_x, log_y, panels

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
COSTS = {"left": "share of the parameters left", "packed": "bytes, packed", "macs": "multiply-accumulates an image"}
COLLAPSED = {"color": "#999999", "linewidth": 1}
DENSE_TRAINED = DENSE | {"linestyle": "-."}


def fronts(rows: pd.DataFrame, collapsed: dict[str, float]) -> Figure:
    """Fréchet distance over remaining parameters, packed bytes and MACs; a row of panels for each data set.

    `rows` are of `analysis.compression.cells` with `packed`; drawn is each data set's first seed, the one that was
    retrained. What is on the front, a line, was chosen by `frechet_validation`, and is drawn where `frechet` says.
    Filled: without retraining; hollow: retrained. Grey line: `collapsed`, one image repeated.
    """
    rows = _first_seeds(rows).assign(left=1 / rows.compression)
    figure, axes = panels(rows, COSTS, (4, 3.4, 0), LABELS["frechet"], sharey="row")
    for axis, dataset, own, cost in axes:
        for point in own.itertuples():
            scratch = point.training == "scratch"
            marker = "*" if scratch else MARKERS.get(point.granularity, "*")  # a star for all that is dense
            colour = SCRATCH_COLOUR if scratch else CRITERIA_COLOURS.get(point.criterion, "black")
            face = colour if scratch or point.training == "none" else "none"
            look = {"markersize": 9 if marker == "*" else 5, "markeredgecolor": colour, "markerfacecolor": face}
            axis.plot(getattr(point, cost), point.frechet, marker, **look)
        best = front(own[~is_mean(own)], cost, "frechet_validation")
        axis.step(best[cost], best.frechet, where="post", color=SCRATCH_COLOUR, linewidth=1.2, zorder=0)
        axis.axhline(collapsed[dataset], zorder=0, **COLLAPSED)
        axis.set(xscale="log", xlabel=COSTS[cost])
        axis.xaxis.set_minor_formatter(NullFormatter())
        log_y(axis)
        if cost == "left":
            log_x(axis, {1 / c: f"1/{c:g}" if c > 1 else "1" for c in own.target_compression.unique()})
    black = {"color": "black", "linestyle": ""}
    legend = {name: {"color": colour, "marker": "o", "linestyle": ""} for name, colour in CRITERIA_COLOURS.items()}
    legend |= {name: black | {"marker": marker} for name, marker in (MARKERS | {"dense": "*"}).items()}
    legend["retrained"] = black | {"marker": "o", "markerfacecolor": "none"}
    legend["small dense, from scratch"] = {"color": SCRATCH_COLOUR, "marker": "*", "linestyle": ""}
    legend |= {"front": {"color": SCRATCH_COLOUR}, "one image, repeated": {"color": COLLAPSED["color"]}}
    legend_below(figure, legend, ncols=5)
    return figure


def retrained(rows: pd.DataFrame, collapsed: dict[str, float]) -> Figure:
    """Fréchet distance over the compression ratio, a line for each configuration; a panel for each granularity and
    pruned network.

    `rows` are of `analysis.compression.cells`. Crosses: without retraining. Dotted line: the dense generator;
    dash-dotted: the dense pair trained as long; grey: `collapsed`, one image repeated; star: a small dense generator
    trained from scratch. A row of panels for each data set that has retrained pairs.
    """
    slower = rows.pruned_network.str.startswith("generator, D")
    training = rows.training.mask(slower, rows.training + ", slower D")
    trained = rows.dataset[training.isin(["one-shot", "iterative"])]
    rows = rows.assign(training=training, pruned_network=rows.pruned_network.mask(slower, "generator"))
    rows = _first_seeds(rows[rows.dataset.isin(trained)])
    columns = list(itertools.product(GRANULARITIES, PRUNED))
    figure, axes = panels(rows, columns, (3, 3.3, 0.7), LABELS["frechet"], sharey="row", sharex=True)
    for axis, dataset, own, (granularity, network) in axes:
        here = own[own.granularity == granularity]
        axis.set(title=f"{granularity}, {PRUNED[network]}", xlabel="compression ratio")
        if not ((here.training != "none") & (here.pruned_network == network)).any():
            axis.text(0.5, 0.5, "not run", transform=axis.transAxes, ha="center", color="#666666")
            continue
        _draw_configurations(axis, here, network)
        controls = own[own.granularity == "dense"].set_index("training").frechet
        for control, look in {"none": DENSE, "dense": DENSE_TRAINED}.items():
            if control in controls:
                axis.axhline(controls[control], **look)
        axis.axhline(collapsed[dataset], zorder=0, **COLLAPSED)
        log_x(axis, {c: f"{c:g}" for c in here.target_compression.unique()})
        log_y(axis)
        axis.minorticks_off()
    legend = {name: {"color": colour, "linewidth": 3} for name, colour in CRITERIA_COLOURS.items()}
    for name, (marker, style) in TRAINED.items():
        legend[name.replace("none", "not retrained")] = {"color": "black", "marker": marker, "linestyle": style}
    legend["small dense, from scratch"] = {"color": SCRATCH_COLOUR, "marker": "*", "linestyle": ""}
    legend |= {"dense": DENSE, "dense, trained as long": DENSE_TRAINED, "one image, repeated": COLLAPSED}
    legend_below(figure, legend, ncols=6)
    return figure


def _first_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows.seed == rows.groupby("dataset").seed.transform("min")]


def _draw_configurations(axis, rows: pd.DataFrame, network: str) -> None:
    """The configurations of one granularity, `network` pruned."""
    for (training, criterion), own in rows.groupby(["training", "criterion"], sort=False):
        if training == "scratch" and network == "generator":
            axis.plot(own.compression, own.frechet, "*", color=SCRATCH_COLOUR, markersize=11)
        if training in TRAINED:
            # Without retraining it makes no difference to the generator what becomes of the discriminator.
            same = own.pruned_network == ("generator" if training == "none" else network)
            points, look = own[same].sort_values("compression"), "".join(TRAINED[training])
            axis.plot(points.compression, points.frechet, look, color=CRITERIA_COLOURS[criterion], markersize=5)
