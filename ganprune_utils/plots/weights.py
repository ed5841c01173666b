"""Figures of what pruning takes: sparsity by layer, and where a threshold cuts the weights."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from ganprune_utils.plots.style import COLOURS, short


def layer_sparsity(table: pd.DataFrame, method: str, scope: str) -> Figure:
    """Sparsity by layer (bars) with the overall sparsity and the mean of the layers (lines).

    `table` has columns network, layer and sparsity, one row per layer and one "overall" per network.
    """
    networks = list(dict.fromkeys(table.network))
    colour = COLOURS.get(f"{method} ({scope})", COLOURS[method])
    figure, axes = plt.subplots(1, len(networks), figsize=(4.5 * len(networks) + 1, 3), squeeze=False, sharey=True)
    for axis, network in zip(axes[0], networks, strict=True):
        rows = table[table.network == network]
        layers, overall = rows[rows.layer != "overall"], rows[rows.layer == "overall"].sparsity.item()
        axis.bar([short(name) for name in layers.layer], layers.sparsity, color=colour, width=0.6)
        axis.axhline(overall, color="black", linewidth=1.2, label=f"overall {overall:.3f}")
        mean = layers.sparsity.mean()
        axis.axhline(mean, color="black", linewidth=1.2, linestyle="--", label=f"mean of layers {mean:.3f}")
        axis.set(ylabel="sparsity (fraction)", ylim=(0, 1), title=network)
        axis.legend(loc="upper right")
    return figure


def weight_histograms(weights: dict[str, torch.Tensor], thresholds: dict[str, float | None]) -> Figure:
    """Dense weights by layer, with the band that the threshold removes shaded (none for random masks)."""
    figure, axes = plt.subplots(1, len(weights), figsize=(2.6 * len(weights) + 0.6, 2.8), squeeze=False)
    for axis, (name, values) in zip(axes[0], weights.items(), strict=True):
        values = values.detach().flatten().float().numpy()
        limit = np.quantile(np.abs(values), 0.999)
        axis.hist(values, bins=np.linspace(-limit, limit, 81), color="#666666", histtype="stepfilled")
        cut, title = thresholds[name], "no threshold"
        if cut is not None:
            axis.axvspan(-cut, cut, color="black", alpha=0.2, lw=0)
            title = f"|w| < {cut:.4f}"
        axis.set_title(f"{short(name)}: {title}", fontsize=10)
        axis.set(xlabel="weight")
        axis.tick_params(axis="y", labelsize=7)
    axes[0][0].set_ylabel("count")
    return figure
