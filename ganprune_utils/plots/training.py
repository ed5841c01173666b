"""Figures of a training: losses and accuracies by epoch, and what a classifier confuses."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import ganprune_utils.plots.style  # noqa: F401  (the style of all figures)


def training_curves(history: pd.DataFrame) -> Figure:
    """Losses, and the discriminator's mean probability of “real” for real and generated images, by epoch."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
    left.plot(history.epoch, history.loss_generator, label="generator", color="#56B4E9")
    left.plot(history.epoch, history.loss_discriminator, label="discriminator", color="#CC79A7")
    left.set(xlabel="epoch", ylabel="cross-entropy loss (nats)", ylim=(0, None))
    right.plot(history.epoch, history.d_real, label="D(x), real", color="#009E73")
    right.plot(history.epoch, history.d_fake, label="D(G(z)), generated", color="#56B4E9")
    right.axhline(0.5, color="#666666", linewidth=0.8, linestyle=":")
    right.set(xlabel="epoch", ylabel="mean probability of “real”", ylim=(0, 1))
    for axis in (left, right):
        axis.legend()
        axis.xaxis.get_major_locator().set_params(integer=True)
    return figure


def learning_curve(history: pd.DataFrame) -> Figure:
    """Training loss and held-out accuracy of a classifier by epoch; the epoch that is chosen is marked."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.0))
    best = history.loc[history.held_out.idxmax()]
    left.plot(history.epoch, history.loss, color="#56B4E9")
    left.set(xlabel="epoch", ylabel="cross-entropy loss (nats)", ylim=(0, None))
    right.plot(history.epoch, history.held_out, color="#009E73")
    right.plot(best.epoch, best.held_out, "o", color="black", label=f"chosen: epoch {best.epoch:.0f}")
    right.set(xlabel="epoch", ylabel="held-out accuracy")
    right.legend()
    return figure


def confusion(shares: pd.DataFrame, classes) -> Figure:
    """Heat map of the share of each class (rows) that is taken for each class (columns)."""
    import seaborn as sns

    figure, axis = plt.subplots(figsize=(6, 5))
    names = [classes[i] for i in shares.index], [classes[i] for i in shares.columns]
    percent = shares.to_numpy() * 100
    labels = np.where(np.round(percent) > 0, np.round(percent).astype(int).astype(str), "")
    sns.heatmap(percent, annot=labels, fmt="", cmap="Blues", vmin=0, vmax=100, ax=axis, cbar_kws={"label": "%"})
    axis.set(xlabel="taken for", ylabel="class")
    axis.grid(False)
    axis.set_xticklabels(names[1], rotation=45, ha="right")
    axis.set_yticklabels(names[0], rotation=0)
    return figure
