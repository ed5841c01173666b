"""Figures of the audit: pairs of images under the scores that they get."""

import matplotlib.pyplot as plt
import pandas as pd
import torch
from matplotlib.figure import Figure

COLOURS = ("#A84300", "#0072B2")  # the misleading score, the right one


def scored_pairs(above: torch.Tensor, below: torch.Tensor, scores: pd.DataFrame, title: str) -> Figure:
    """A column for each pair of images, uint8 (N, C, H, W): two scores, and below them the two images.

    `scores` has one row per pair and two columns, the misleading score first; their names stand on the left.
    """
    figure, axes = plt.subplots(3, len(above), figsize=(1.05 * len(above) + 0.9, 3.1), height_ratios=(0.55, 1, 1))
    figure.get_layout_engine().set(h_pad=0.02, w_pad=0.04, hspace=0, wspace=0)
    for column, pair in zip(axes.T, zip(above, below, strict=True), strict=True):
        for axis, image in zip(column[1:], pair, strict=True):
            axis.imshow(image.permute(1, 2, 0).numpy(), vmin=0, vmax=255, interpolation="nearest")
        for axis in column:
            axis.set_axis_off()
    for place, (name, colour) in enumerate(zip(scores, COLOURS, strict=True)):
        look = {"color": colour, "va": "center", "fontsize": 12, "weight": ("bold", "normal")[place]}
        height = 0.8 - 0.6 * place
        axes[0, 0].text(0, height, name, ha="right", transform=axes[0, 0].transAxes, **look | {"fontsize": 10})
        for axis, score in zip(axes[0], scores[name], strict=True):
            text = f"{score:z.2f}".replace("-", "−")
            axis.text(0.5, height, text, ha="center", transform=axis.transAxes, **look)
    figure.suptitle(title, fontsize=11)
    return figure
