"""One look for all figures: colours, names, axes and legends; the style sheet is set by the package."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator, StrMethodFormatter

from ganprune_utils.analysis.formatting import LABELS as LABELS  # what a metric is called
from ganprune_utils.analysis.formatting import titled as titled  # what a data set or a method is called

# Okabe and Ito's colour-blind-safe colours; one method has one colour in every figure.
COLOURS = {
    "percentage": "#0072B2",
    "percentage (layer)": "#56B4E9",
    "sensitivity": "#D55E00",
    "random": "#666666",
    "random (shuffled)": "#CC79A7",
}
CRITERIA_COLOURS = {
    "magnitude": "#0072B2",
    "activation": "#D55E00",
    "wanda": "#CC79A7",
    "bn_scale": "#009E73",
    "taylor": "#E69F00",
    "taylor_adversarial": "#56B4E9",
    "random": "#666666",
}
DENSE = {"color": "black", "linestyle": ":", "linewidth": 1.2}  # the line of the dense network


def short(layer: str) -> str:
    """ "convt1" for "layers.convt1"."""
    return layer.removeprefix("layers.")


def panels(rows: pd.DataFrame, columns, size: tuple[float, float, float], ylabel: str = "", **sharing):
    """A row of panels for each data set of `rows`, named on its left, a panel for each of `columns`.

    `size` is the width and height of a panel and the height of the legend, in inches. Returns the figure, and for each
    panel (axis, data set, the rows of it, column).
    """
    names, (width, height, legend) = rows.dataset.unique(), size
    size = (width * len(columns), height * len(names) + legend)
    figure, axes = plt.subplots(len(names), len(columns), figsize=size, squeeze=False, **sharing)
    for axis, name in zip(axes[:, 0], names, strict=True):
        axis.set_ylabel(f"{titled(name)}\n{ylabel}".strip())
    own = [(name, rows[rows.dataset == name], column) for name in names for column in columns]
    return figure, [(axis, *panel) for axis, panel in zip(axes.flat, own, strict=True)]


def bands(axis, rows: pd.DataFrame, x: str, y: str, hue: str, colours: dict[str, str], **options) -> None:
    """One line per `hue` and one point per `x`, the mean over seeds, in a band of their standard deviation."""
    import seaborn  # brings SciPy's statistics along: not where nothing needs them

    ylabel = axis.get_ylabel()
    seaborn.lineplot(rows, x=x, y=y, hue=hue, ax=axis, palette=colours, marker="o", errorbar="sd", **options)
    axis.set_ylabel(ylabel)


def log_y(axis) -> None:
    """A logarithmic y axis, with numbers as they are and not as powers of ten."""
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())


def log_x(axis, ticks: dict[float, str]) -> None:
    """A logarithmic x axis with these ticks alone: place -> label."""
    axis.set_xscale("log")
    axis.set_xticks(list(ticks), ticks.values())
    axis.xaxis.set_minor_locator(NullLocator())


def legend_below(figure: Figure, extra: dict[str, dict], **options) -> None:
    """One legend of all panels, below them: what has a label there, then `extra`, label -> how its line looks."""
    entries = {}
    for axis in figure.axes:
        entries |= zip(*reversed(axis.get_legend_handles_labels()), strict=True)
        if axis.get_legend():
            axis.get_legend().remove()
    entries |= {label: plt.Line2D([], [], **look) for label, look in extra.items()}
    options = {"ncols": len(entries), "fontsize": 9} | options
    figure.legend(entries.values(), map(titled, entries), loc="outside lower center", **options)
