"""Figures. Every function takes images or a tidy table and returns a matplotlib Figure; nothing is computed here."""

from importlib import resources

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

plt.style.use(str(resources.files("ganprune_utils") / "study.mplstyle"))

# Okabe and Ito's colour-blind-safe colours; one method has one colour in every figure.
COLOURS = {
    "percentage": "#0072B2",
    "percentage (layer)": "#56B4E9",
    "sensitivity": "#D55E00",
    "random": "#666666",
    "random (shuffled)": "#CC79A7",
}
LABELS = {
    "uqi": "UQI",
    "uqi_no_flat": "UQI without flat windows",
    "uqi_sewar": "UQI as in sewar",
    "ssim": "SSIM",
    "ms_ssim": "MS-SSIM",
    "frechet": "Fréchet classifier distance",
    "kid": "kernel distance (KID)",
    "score": "classifier score",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
    "entropy": "class entropy (nats)",
    "classes": "classes covered",
    "rank_correlation": "rank correlation with the dense one",
    "judged_real": "share judged real",
}


def sample_grid(images: torch.Tensor, title: str = "", columns: int = 8) -> Figure:
    """A grid of images: uint8, or float in [-1, 1]; (N, C, H, W)."""
    figure, axis = plt.subplots(figsize=(5, 5 * (len(images) // columns) / columns + 0.3))
    _draw_grid(axis, images, columns)
    axis.set_title(title)
    return figure


def grid_series(grids: dict[str, torch.Tensor], columns: int = 6) -> Figure:
    """Several grids of images side by side, each under its title."""
    figure, axes = plt.subplots(1, len(grids), figsize=(3.1 * len(grids), 3.4), squeeze=False)
    for axis, (title, images) in zip(axes[0], grids.items(), strict=True):
        _draw_grid(axis, images[: columns * columns], columns)
        axis.set_title(title)
    return figure


def _draw_grid(axis, images, columns) -> None:
    from torchvision.utils import make_grid  # takes seconds to import, and not every notebook draws grids

    values = images.float() / 255 if images.dtype == torch.uint8 else images.add(1).div(2).clamp(0, 1)
    axis.imshow(make_grid(values, columns, padding=1, pad_value=1.0).permute(1, 2, 0).numpy(), interpolation="nearest")
    axis.set_axis_off()


def rows_of_pictures(rows: dict[str, torch.Tensor]) -> Figure:
    """Pictures (N, C, H, W), uint8, a row each under one another: column i of all rows belongs together."""
    n = len(next(iter(rows.values())))
    figure, axes = plt.subplots(len(rows), n, figsize=(0.95 * n, 0.98 * len(rows)), squeeze=False)
    for line, (title, images) in zip(axes, rows.items(), strict=True):
        for axis, image in zip(line, images, strict=True):
            axis.imshow(image.permute(1, 2, 0).numpy(), vmin=0, vmax=255, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            axis.grid(False)
            axis.spines[:].set_visible(False)
        line[0].set_ylabel(title)
    return figure


def before_after(before: torch.Tensor, after: torch.Tensor, scores: pd.Series, n: int = 10) -> Figure:
    """Rows: dense, pruned, absolute difference (0 to 255), same noise; each column's SSIM above it. uint8."""
    n = min(n, len(before))
    difference = (after[:n].int() - before[:n].int()).abs().to(torch.uint8)
    rows = {"dense": before[:n], "pruned": after[:n], "|difference|": difference}
    figure = rows_of_pictures(rows)
    for axis, score in zip(figure.axes[:n], scores, strict=False):
        axis.set_title(f"SSIM {score:.2f}", fontsize=8)
    return figure


def training_curves(history: pd.DataFrame) -> Figure:
    """Losses, and the discriminator's mean verdict on real and generated images, by epoch."""
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
    """Training loss and held-out accuracy of a classifier by epoch; the epoch that is kept is marked."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.0))
    best = history.loc[history.held_out.idxmax()]
    left.plot(history.epoch, history.loss, color="#56B4E9")
    left.set(xlabel="epoch", ylabel="cross-entropy loss (nats)", ylim=(0, None))
    right.plot(history.epoch, history.held_out, color="#009E73")
    right.plot(best.epoch, best.held_out, "o", color="black", label=f"kept: epoch {best.epoch:.0f}")
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


def layer_sparsity(table: pd.DataFrame, method: str, scope: str) -> Figure:
    """Sparsity by layer (bars) with the overall sparsity and the mean of the layers (lines).

    `table` has columns network, layer and sparsity, one row a layer and one "overall" a network.
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
        axis.hist(values, bins=np.linspace(-limit, limit, 81), color="#666666")
        if thresholds[name] is not None:
            axis.axvspan(-thresholds[name], thresholds[name], color="black", alpha=0.2, lw=0)
            axis.set_title(f"{short(name)}: |w| < {thresholds[name]:.4f}", fontsize=10)
        else:
            axis.set_title(f"{short(name)}: no threshold", fontsize=10)
        axis.set(xlabel="weight")
        axis.tick_params(axis="y", labelsize=7)
    axes[0][0].set_ylabel("count")
    return figure


def score_distributions(scores: pd.DataFrame) -> Figure:
    """One histogram a likeness score; `scores` is tidy with columns metric and value."""
    shown = [name for name in LABELS if name in set(scores.metric)]
    figure, axes = plt.subplots(1, len(shown), figsize=(2.6 * len(shown), 2.6), sharey=True)
    for axis, name in zip(np.atleast_1d(axes), shown, strict=True):
        axis.hist(scores.value[scores.metric == name], bins=np.linspace(-0.2, 1, 49), color="#444444")
        axis.set(xlabel=LABELS[name], xlim=(-0.2, 1.0))
    np.atleast_1d(axes)[0].set_ylabel("images")
    return figure


def trade_off(curves: pd.DataFrame, floor: pd.DataFrame, metrics: list[str]) -> Figure:
    """Mean likeness to the dense generator against overall sparsity, one line a method, bands over seeds.

    `curves` has columns dataset, seed, label, sparsity, metric, value; one row of panels a data set. `floor` has
    dataset, metric, value: the score of unrelated images, drawn as a dotted line.
    """
    import seaborn as sns

    curves = of_every_seed(curves)
    names = list(dict.fromkeys(curves.dataset))
    figure, axes = plt.subplots(
        len(names),
        len(metrics),
        figsize=(3.6 * len(metrics), 2.9 * len(names)),
        squeeze=False,
        sharex=True,
        sharey="row",
    )
    for line, dataset in zip(axes, names, strict=True):
        for axis, metric in zip(line, metrics, strict=True):
            rows = curves[(curves.dataset == dataset) & (curves.metric == metric)]
            sns.lineplot(
                rows,
                x="sparsity",
                y="value",
                hue="label",
                palette=COLOURS,
                marker="o",
                errorbar="sd",
                ax=axis,
                legend=axis is axes[0][0],
            )
            unrelated = floor[(floor.dataset == dataset) & (floor.metric == metric)].value.item()
            axis.axhline(unrelated, color="black", linestyle=":", linewidth=1.2)
            axis.set(
                xlabel="overall sparsity (fraction)",
                ylabel=f"{dataset}\nmean score" if axis is line[0] else "",
                xlim=(0, 1),
            )
            axis.set_title(LABELS[metric])
    handles, labels = axes[0][0].get_legend_handles_labels()
    axes[0][0].get_legend().remove()
    handles.append(plt.Line2D([], [], color="black", linestyle=":"))
    figure.legend(handles, [*labels, "unrelated images"], loc="outside lower center", ncols=len(handles), fontsize=9)
    return figure


def of_every_seed(rows: pd.DataFrame) -> pd.DataFrame:
    """The points of curves that every training seed of the data set has, sparsity to three digits: a mean over other
    seeds at every other point would zigzag."""
    seeds = rows.groupby("dataset").seed.transform("nunique")
    have = rows.groupby(["dataset", "label", "threshold"]).seed.transform("nunique")
    return rows[have == seeds].assign(sparsity=lambda kept: kept.sparsity.round(3))


def short(layer: str) -> str:
    return layer.removeprefix("layers.")
