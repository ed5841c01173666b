"""Figures of retraining: what happens to a pair, round by round."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ganprune_utils.plots.style import DENSE, LABELS, log_y

PANELS = {"d_real": "D(x)", "d_fake": "D(G(z))", "balance": "balance ratio"}
PANELS |= {name: LABELS[name] for name in ("frechet", "coverage", "classes")}


def rounds(history: pd.DataFrame, before: dict) -> Figure:
    """Six panels over rounds, one line per target compression; dotted: the dense generator before retraining.

    `history` has columns target_compression, round and those of PANELS; `before` the quality of the dense generator.
    """
    figure, axes = plt.subplots(2, 3, figsize=(10, 5), sharex=True)
    targets = history.groupby("target_compression", sort=False)
    colours = plt.get_cmap("viridis")(np.linspace(0, 0.85, len(targets)))
    for axis, (name, title) in zip(axes.flat, PANELS.items(), strict=True):
        for colour, (target, rows) in zip(colours, targets, strict=True):
            label = f"compression {target:g}×" if target > 1 else "dense"
            axis.plot(rows["round"], rows[name], "o-", color=colour, markersize=3.5, label=label)
        if name in before:
            axis.axhline(before[name], **DENSE)
        if name == "balance":
            axis.axhspan(0.45, 0.55, color="#009E73", alpha=0.15, linewidth=0)
        if name == "frechet":
            log_y(axis)
        axis.set_title(title)
    for axis in axes[1]:
        axis.set_xlabel("round")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0][0].legend(fontsize=8)
    return figure
