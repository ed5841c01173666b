"""Figures of cost."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

RUNNERS = {"eager": "#0072B2", "torch.compile": "#009E73", "ONNX Runtime": "#D55E00"}


def ratios(latency: pd.DataFrame, macs: pd.Series) -> Figure:
    """How many times faster than dense, on one thread: one panel per batch size, one group of bars per network,
    one bar per runner.

    A black line over each group: how many times fewer multiplications, the most that can be hoped for.

    Args:
        latency: columns runner, threads, batch, network, ratio.
        macs: network -> dense over its multiply-accumulates.
    """
    macs = macs.drop("dense")
    panels = latency[latency.threads == 1].groupby("batch")
    figure, axes = plt.subplots(1, len(panels), figsize=(5.6 * len(panels), 3.6), sharey=True, squeeze=False)
    for axis, (batch, rows) in zip(axes[0], panels, strict=True):
        table = rows.pivot(index="network", columns="runner", values="ratio").reindex(macs.index)
        table = table[[name for name in RUNNERS if name in table]]
        table.plot.bar(ax=axis, width=0.8, color=RUNNERS, legend=False, xlabel="", title=f"batch {batch}, one thread")
        for x, ratio in enumerate(macs):
            axis.hlines(ratio, x - 0.42, x + 0.42, color="black", linewidth=2)
        axis.plot([], [], color="black", linewidth=2, label="multiplications")
        axis.set_xticklabels([name.replace(" the ", "\n", 1).replace(", ", ",\n") for name in macs.index])
        axis.tick_params(axis="x", labelsize=8, rotation=0)
        axis.grid(axis="x")
    axes[0][0].set_ylabel("times less than dense")
    axes[0][0].legend(fontsize=8, loc="upper left")
    return figure
