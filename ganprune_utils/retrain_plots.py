"""Figures of retraining: what happens to a pair, round by round."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from ganprune_utils.plots import LABELS

PANELS = ("d_real", "d_fake", "balance", "frechet", "coverage", "classes")
TITLES = LABELS | {"d_real": "D(x)", "d_fake": "D(G(z))", "balance": "balance ratio"}


def rounds(history: pd.DataFrame, before: dict) -> Figure:
    """Six panels over rounds, a line a compression aimed at; dotted: the dense generator before retraining.

    `history` has columns aimed_at, round and those of PANELS; `before` the quality of the dense generator.
    """
    figure, axes = plt.subplots(2, 3, figsize=(10, 5), sharex=True)
    shades = plt.get_cmap("viridis")
    targets = list(dict.fromkeys(history.aimed_at))
    for axis, name in zip(axes.flat, PANELS, strict=True):
        for i, target in enumerate(targets):
            rows = history[history.aimed_at == target]
            colour = shades(0.85 * i / max(1, len(targets) - 1))
            label = f"{target:g} times smaller" if target > 1 else "dense"
            axis.plot(rows["round"], rows[name], "o-", color=colour, markersize=3.5, label=label)
        if name in before:
            axis.axhline(before[name], color="black", linestyle=":", linewidth=1.2)
        if name == "balance":
            axis.axhspan(0.45, 0.55, color="#009E73", alpha=0.15, linewidth=0)
        if name == "frechet":
            axis.set_yscale("log")
        axis.set_title(TITLES[name])
    for axis in axes[1]:
        axis.set_xlabel("round")
    axes[0][0].legend(fontsize=8)
    return figure
