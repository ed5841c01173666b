"""A figure of a network: what each layer gives, as blocks from left to right."""

import math

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ganprune_utils.plots.style import short

BLOCK, NARROW = "#56B4E9", "#D55E00"


def network_diagram(layers: pd.DataFrame, title: str = "", dense: pd.DataFrame | None = None) -> Figure:
    """Blocks in the order of the layers, for tables of `metrics.cost.by_layer`.

    A block is as high as the layer's output has pixels, and as wide as the square root of its channels; a vector is a
    thin bar. With the table `dense`, of the same network before filters were removed, its blocks are outlined behind.
    """
    widest = math.sqrt((layers if dense is None else dense).query("side > 1").channels.max())
    figure, axis = plt.subplots(figsize=(1.9 * len(layers) + 0.6, 2.7))
    for place, row in enumerate(layers.itertuples()):
        if dense is not None:
            before = dense.set_index("layer").loc[row.layer]
            axis.add_patch(_block(place, before, widest, fill=False, edgecolor="black", linestyle=":"))
        axis.add_patch(_block(place, row, widest, facecolor=BLOCK if dense is None else NARROW, edgecolor="black"))
        if place:
            axis.annotate("", (place - 0.36, 0), (place - 0.64, 0), arrowprops={"arrowstyle": "->"})
        size = f"{row.channels} × {row.side} × {row.side}" if row.side > 1 else f"{row.channels}"
        axis.text(place, 23, f"{short(row.layer)}\n{size}", ha="center", va="bottom", fontsize=9)
        axis.text(place, -23, f"{row.weights:,} weights", ha="center", va="top", fontsize=8)
    axis.set(xlim=(-0.6, len(layers) - 0.4), ylim=(-32, 38), title=title)
    axis.set_axis_off()
    return figure


def _block(place: int, row, widest: float, **look) -> Rectangle:
    width, height = (0.66 * math.sqrt(row.channels) / widest, row.side) if row.side > 1 else (0.06, 32)
    return Rectangle((place - width / 2, -height / 2), width, height, **look)
