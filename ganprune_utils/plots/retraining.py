"""Figures of retraining: what happens to a pair, round by round."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ganprune_utils.plots.style import LABELS, plain_ticks

PANELS = ("d_real", "d_fake", "balance", "frechet", "coverage", "classes")
TITLES = LABELS | {"d_real": "D(x)", "d_fake": "D(G(z))", "balance": "balance ratio"}


def rounds(history: pd.DataFrame, before: dict) -> Figure:
    """Six panels over rounds, one line per target compression; dotted: the dense generator before retraining.

    `history` has columns target_compression, round and those of PANELS; `before` the quality of the dense generator.
    """
    figure, axes = plt.subplots(2, 3, figsize=(10, 5), sharex=True)
    shades = plt.get_cmap("viridis")
    targets = list(dict.fromkeys(history.target_compression))
    for axis, name in zip(axes.flat, PANELS, strict=True):
        for i, target in enumerate(targets):
            rows = history[history.target_compression == target]
            colour = shades(0.85 * i / max(1, len(targets) - 1))
            label = f"compression {target:g}×" if target > 1 else "dense"
            axis.plot(rows["round"], rows[name], "o-", color=colour, markersize=3.5, label=label)
        if name in before:
            axis.axhline(before[name], color="black", linestyle=":", linewidth=1.2)
        if name == "balance":
            axis.axhspan(0.45, 0.55, color="#009E73", alpha=0.15, linewidth=0)
        if name == "frechet":
            axis.set_yscale("log")
            plain_ticks(axis)
        axis.set_title(TITLES[name])
    for axis in axes[1]:
        axis.set_xlabel("round")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0][0].legend(fontsize=8)
    return figure
