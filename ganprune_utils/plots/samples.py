"""Figures of images: grids of samples, and rows of images that belong together."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from ganprune_utils.plots.style import titled


def sample_grid(images: torch.Tensor, title: str = "", columns: int = 8) -> Figure:
    """A grid of images: uint8, or float in [-1, 1]; (N, C, H, W)."""
    figure, axis = plt.subplots(figsize=(5, 5 * (len(images) // columns) / columns + 0.3))
    _draw_grid(axis, images, columns)
    axis.set_title(titled(title))
    return figure


def grid_series(grids: dict[str, torch.Tensor], columns: int = 6) -> Figure:
    """Several grids of images side by side, each under its title."""
    figure, axes = plt.subplots(1, len(grids), figsize=(3.1 * len(grids), 3.4), squeeze=False)
    for axis, (title, images) in zip(axes[0], grids.items(), strict=True):
        _draw_grid(axis, images[: columns * columns], columns)
        axis.set_title(titled(title))
    return figure


def _draw_grid(axis, images, columns) -> None:
    from torchvision.utils import make_grid  # takes seconds to import, and not every notebook draws grids

    values = images.float() / 255 if images.dtype == torch.uint8 else images.add(1).div(2).clamp(0, 1)
    axis.imshow(make_grid(values, columns, padding=1, pad_value=1.0).permute(1, 2, 0).numpy(), interpolation="nearest")
    axis.set_axis_off()


def image_rows(rows: dict[str, torch.Tensor], titles: list[str] = ()) -> Figure:
    """Images (N, C, H, W), uint8, a row each under one another: what is in one column belongs together."""
    n, _, height, width = next(iter(rows.values())).shape
    gap = max(1, width // 14)
    canvas = np.full((len(rows), height + gap, n, width + gap, 3), 255, np.uint8)
    for line, images in zip(canvas, rows.values(), strict=True):
        line[:height, :, :width] = images.permute(2, 0, 3, 1)
    height, width = height + gap, width + gap
    canvas = canvas.reshape(len(rows) * height, n * width, 3)[:-gap, :-gap]
    # One axis for all: with one an image, drawing them took longer than making the images.
    figure, axis = plt.subplots(figsize=(0.95 * n, 0.98 * len(rows)))
    axis.imshow(canvas, interpolation="nearest")
    axis.set_yticks([(i + 0.5) * height for i in range(len(rows))], rows, rotation=90, va="center")
    axis.set_xticks([(j + 0.5) * width for j in range(len(titles))], titles, fontsize=8)
    axis.tick_params(length=0, labeltop=True, labelbottom=False)
    axis.grid(False)
    axis.spines[:].set_visible(False)
    return figure


def before_after(before: torch.Tensor, after: torch.Tensor, scores: pd.Series, name: str = "pruned") -> Figure:
    """Rows: ten dense, `name`, absolute difference (0 to 255), same noise; each column's SSIM above it. uint8."""
    before, after = before[:10], after[:10]
    difference = (after.int() - before.int()).abs().to(torch.uint8)
    titles = [f"SSIM {score:.2f}" for score in list(scores)[: len(before)]]
    return image_rows({"dense": before, name: after, "|difference|": difference}, titles)


def blocks(images: dict[str, dict[str, torch.Tensor]], captions: pd.DataFrame, title: str, note: str = "") -> Figure:
    """Rows of blocks of four images: row name -> column name -> uint8 (4, C, H, W), a caption beneath each block.

    `captions` is a table of texts with the same rows and columns. Row names stand above their blocks, so that the
    figure stays legible on a telephone.
    """
    columns, inches = next(iter(images.values())), 1.42
    height = inches * len(images) + 1.05
    figure, axes = plt.subplots(len(images), len(columns), figsize=(5, height), squeeze=False, layout="none")
    figure.subplots_adjust(0.01, 0.21 / height, 0.99, 1 - 1.2 / height, 0.04, 0.55)
    for axis, column in zip(axes[0], columns, strict=True):
        axis.text(0.5, 1.27, column, ha="center", va="bottom", weight="bold", transform=axis.transAxes)
    for line, (row, cells) in zip(axes, images.items(), strict=True):
        line[0].text(0, 1.03, row, ha="left", va="bottom", transform=line[0].transAxes)
        for axis, (column, four) in zip(line, cells.items(), strict=True):
            _draw_grid(axis, four, columns=2)
            axis.text(0.5, -0.04, captions.loc[row, column], ha="center", va="top", transform=axis.transAxes)
    figure.suptitle(titled(title), fontsize=11, y=1 - 0.08 / height, va="top")
    figure.text(0.5, 1 - 0.5 / height, note, ha="center", va="top", fontsize=9)
    return figure
