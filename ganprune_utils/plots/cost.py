"""Figures of cost."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import ganprune_utils.plots.style  # noqa: F401  (the style of all figures)

RUNNERS = {"eager": "#0072B2", "torch.compile": "#009E73", "ONNX Runtime": "#D55E00"}


def ratios(latency: pd.DataFrame, macs: pd.Series) -> Figure:
    """How many times faster than dense, on one thread: one panel per batch size, one group of bars per network,
    one bar per runner.

    A black line over each group: how many times fewer multiplications, the most that can be hoped for.

    Args:
        latency: columns runner, threads, batch, network, ratio.
        macs: network -> dense over its multiply-accumulates.
    """
    networks = [name for name in macs.index if name != "dense"]
    batches = sorted(latency.batch.unique())
    figure, axes = plt.subplots(1, len(batches), figsize=(5.6 * len(batches), 3.6), sharey=True, squeeze=False)
    for axis, batch in zip(axes[0], batches, strict=True):
        rows = latency[(latency.batch == batch) & (latency.threads == 1)].set_index(["runner", "network"]).ratio
        runners = [name for name in RUNNERS if name in rows.index.get_level_values(0)]
        width = 0.8 / len(runners)
        for i, runner in enumerate(runners):
            heights = [rows.get((runner, network), np.nan) for network in networks]
            axis.bar(
                np.arange(len(networks)) + (i + 0.5) * width - 0.4, heights, width, color=RUNNERS[runner], label=runner
            )
        for x, network in enumerate(networks):
            axis.hlines(macs[network], x - 0.42, x + 0.42, color="black", linewidth=2)
        axis.plot([], [], color="black", linewidth=2, label="multiplications")
        axis.set_xticks(
            range(len(networks)), [name.replace(" the ", "\n", 1).replace(", ", ",\n") for name in networks]
        )
        axis.tick_params(axis="x", labelsize=8)
        axis.grid(axis="x")
        axis.set_title(f"batch {batch}, one thread")
    axes[0][0].set_ylabel("times less than dense")
    axes[0][0].legend(fontsize=8, loc="upper left")
    return figure
