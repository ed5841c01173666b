"""One look for all figures: the style sheet, colours and the names of what is drawn."""

from importlib import resources

import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from ganprune_utils.analysis.formatting import LABELS

__all__ = ["COLOURS", "CRITERIA_COLOURS", "LABELS", "plain_ticks", "short"]

plt.style.use(str(resources.files("ganprune_utils.plots") / "study.mplstyle"))

# Okabe and Ito's colour-blind-safe colours; one method has one colour in every figure.
COLOURS = {
    "percentage": "#0072B2",
    "percentage (layer)": "#56B4E9",
    "sensitivity": "#D55E00",
    "random": "#666666",
    "random (shuffled)": "#CC79A7",
}
CRITERIA_COLOURS = {"magnitude": "#0072B2", "activation": "#D55E00", "random": "#666666"}


def short(layer: str) -> str:
    """ "convt1" for "layers.convt1"."""
    return layer.removeprefix("layers.")


def plain_ticks(axis) -> None:
    """Numbers as they are, and not as powers of ten, up a logarithmic axis."""
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())
