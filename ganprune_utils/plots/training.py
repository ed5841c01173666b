"""Figures of a training: losses and accuracies by epoch, and what a classifier confuses."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn
from matplotlib.figure import Figure

LOSSES = {"loss_generator": ("generator", "#56B4E9"), "loss_discriminator": ("discriminator", "#CC79A7")}
PROBABILITIES = {"d_real": ("D(x), real", "#009E73"), "d_fake": ("D(G(z)), generated", "#56B4E9")}


def training_curves(history: pd.DataFrame) -> Figure:
    """Losses, and the discriminator's mean probability of “real” for real and generated images, by epoch."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2))
    for axis, lines in zip(axes, (LOSSES, PROBABILITIES), strict=True):
        for column, (label, colour) in lines.items():
            axis.plot(history.epoch, history[column], label=label, color=colour)
        axis.legend()
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set(xlabel="epoch", ylabel="cross-entropy loss (nats)", ylim=(0, None))
    axes[1].axhline(0.5, color="#666666", linewidth=0.8, linestyle=":")
    axes[1].set(xlabel="epoch", ylabel="mean probability of “real”", ylim=(0, 1))
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
    figure, axis = plt.subplots(figsize=(6, 5))
    percent = 100 * shares.rename(index=dict(enumerate(classes)), columns=dict(enumerate(classes)))
    labels = percent.map("{:.0f}".format).replace("0", "")
    seaborn.heatmap(percent, annot=labels, fmt="", cmap="Blues", vmin=0, vmax=100, ax=axis, cbar_kws={"label": "%"})
    axis.set(xlabel="taken for", ylabel="class")
    axis.grid(False)
    axis.tick_params(axis="y", rotation=0)
    axis.set_xticks(axis.get_xticks(), axis.get_xticklabels(), rotation=45, ha="right")
    return figure
