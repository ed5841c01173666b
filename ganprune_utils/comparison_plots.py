"""Figures that compare methods: quality over sparsity, and quality over likeness."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from ganprune_utils.plots import COLOURS, LABELS, of_every_seed

CRITERIA = {"magnitude": "#0072B2", "activation": "#D55E00", "random": "#666666"}
PRUNED = {"generator": "generator pruned", "both": "both pruned"}
TRAINED = {"none": ("x", ":"), "one-shot": ("o", "-"), "iterative": ("^", "--")}


def quality_curves(cells: pd.DataFrame, metrics: list[str], ruined: pd.Series) -> Figure:
    """A row of panels a data set: each metric over overall sparsity, as pruned and recalibrated, bands over seeds.

    `cells` has columns dataset, seed, label, recalibrated, threshold, sparsity and the metrics. Dotted: the dense one.
    `ruined`: data set -> Fréchet distance of one image repeated, beyond which differences mean nothing; dash-dotted.
    """
    import seaborn as sns

    cells = of_every_seed(cells[cells.label.notna()])
    dense = cells[cells.threshold == 0]  # where every curve starts
    cells = pd.concat([cells[cells.threshold > 0], *(dense.assign(label=label) for label in cells.label.unique())])
    names = list(dict.fromkeys(cells.dataset))
    size = (3.0 * 2 * len(metrics), 2.9 * len(names) + 0.5)
    figure, axes = plt.subplots(len(names), 2 * len(metrics), figsize=size, squeeze=False, sharex=True)
    for line, dataset in zip(axes, names, strict=True):
        for i, axis in enumerate(line):
            metric, recalibrated = metrics[i // 2], bool(i % 2)
            rows = cells[(cells.dataset == dataset) & (cells.recalibrated == recalibrated)]
            dense = rows[(rows.threshold == 0)][metric].mean()
            sns.lineplot(
                rows,
                x="sparsity",
                y=metric,
                hue="label",
                hue_order=list(COLOURS),
                palette=COLOURS,
                marker="o",
                markersize=4,
                errorbar="sd",
                ax=axis,
                legend=axis is axes[0][0],
            )
            axis.axhline(dense, color="black", linestyle=":", linewidth=1.2)
            axis.set(xlabel="overall sparsity (fraction)", ylabel=f"{dataset}" if i == 0 else "", xlim=(0, 1))
            if metric == "frechet":
                axis.set_yscale("log")
                axis.axhline(ruined[dataset], color="#666666", linestyle="-.", linewidth=1)
            else:
                axis.set_ylim(0, 1)
            axis.set_title(LABELS[metric] + ("\nrecalibrated" if recalibrated else "\nas pruned"), fontsize=10)
        for i in range(0, len(line), 2):  # a pair of panels has one scale
            limits = [
                f(pair)
                for f, pair in zip(
                    (min, max), zip(line[i].get_ylim(), line[i + 1].get_ylim(), strict=True), strict=True
                )
            ]
            line[i].set_ylim(limits)
            line[i + 1].set_ylim(limits)
    handles, labels = axes[0][0].get_legend_handles_labels()
    axes[0][0].get_legend().remove()
    handles.append(plt.Line2D([], [], color="black", linestyle=":"))
    handles.append(plt.Line2D([], [], color="#666666", linestyle="-."))
    figure.legend(
        handles, [*labels, "dense", "one image, repeated"], loc="outside lower center", ncols=len(handles), fontsize=9
    )
    return figure


def likeness_and_quality(cells: pd.DataFrame) -> Figure:
    """One panel a data set: Fréchet distance over SSIM, a point a pruned generator; hollow where recalibrated."""
    names = list(dict.fromkeys(cells.dataset))
    figure, axes = plt.subplots(1, len(names), figsize=(4.6 * len(names), 3.8), squeeze=False)
    cells = cells.assign(label=cells.label.fillna("sensitivity"))
    for axis, dataset in zip(axes[0], names, strict=True):
        rows = cells[cells.dataset == dataset]
        for label, colour in COLOURS.items():
            for recalibrated, face in ((False, colour), (True, "none")):
                chosen = rows[(rows.label == label) & (rows.recalibrated == recalibrated)]
                axis.plot(
                    chosen.ssim,
                    chosen.frechet,
                    "o",
                    markeredgecolor=colour,
                    markerfacecolor=face,
                    markersize=4.5,
                    label=None if recalibrated or chosen.empty else label,
                )
        axis.set(xlabel="SSIM to the dense generator", yscale="log", title=dataset)
    axes[0][0].set_ylabel(LABELS["frechet"])
    handles, labels = axes[0][0].get_legend_handles_labels()
    handles += [plt.Line2D([], [], color="black", marker="o", markerfacecolor="none", linestyle="")]
    figure.legend(handles, [*labels, "recalibrated"], loc="outside lower center", ncols=len(handles), fontsize=9)
    return figure


def fronts(rows: pd.DataFrame) -> Figure:
    """Fréchet distance over remaining parameters and over MACs; a row of panels a data set, the front as a line.

    `rows` are of `smaller.cells`; drawn is each data set's first seed, which has all ways. What is on the front was
    chosen by `frechet_choose`, and is drawn where `frechet` says. Filled: without retraining; hollow: retrained;
    squares filters, circles masks.
    """
    from ganprune_utils.smaller import front

    names = list(dict.fromkeys(rows.dataset))
    rows = rows.assign(left=1 / rows.compression)
    figure, axes = plt.subplots(len(names), 2, figsize=(9, 3.4 * len(names)), squeeze=False, sharey="row")
    colours = CRITERIA | {"none": "#000000"}
    for line, dataset in zip(axes, names, strict=True):
        own = rows[(rows.dataset == dataset) & (rows.seed == rows[rows.dataset == dataset].seed.min())]
        for axis, cost in zip(line, ("left", "macs"), strict=True):
            for point in own.itertuples():
                colour = colours[point.criterion]
                axis.plot(
                    getattr(point, cost), point.frechet, {"filters": "s", "masks": "o", "dense": "*"}[point.kind],
                    markersize=9 if point.kind == "dense" else 5, markeredgecolor=colour,
                    markerfacecolor=colour if point.training == "none" else "none",
                )  # fmt: skip
            best = front(own, cost, "frechet_choose")
            axis.step(best[cost], best.frechet, where="post", color="#009E73", linewidth=1.2, zorder=0)
            axis.set(xscale="log", yscale="log")
            axis.set_xlabel("share of the parameters left" if cost == "left" else "multiply-accumulates an image")
            if cost == "left":
                ticks = [1 / c for c in sorted(set(rows.aimed_at))]
                axis.set_xticks(ticks, [f"1/{1 / tick:g}" if tick < 1 else "1" for tick in ticks])
                axis.minorticks_off()
        line[0].set_ylabel(f"{dataset}\n{LABELS['frechet']}")
    marks = [plt.Line2D([], [], color=c, marker="o", linestyle="") for c in list(colours.values())[:3]]
    shapes = [plt.Line2D([], [], color="black", marker=m, linestyle="") for m in ("o", "s", "*")]
    hollow = plt.Line2D([], [], color="black", marker="o", markerfacecolor="none", linestyle="")
    front_line = plt.Line2D([], [], color="#009E73")
    labels = [*list(colours)[:3], "masks", "filters", "dense", "retrained", "front"]
    figure.legend([*marks, *shapes, hollow, front_line], labels, loc="outside lower center", ncols=8, fontsize=9)
    return figure


def retrained(rows: pd.DataFrame) -> Figure:
    """Fréchet distance over the compression, a line an arm; a panel for each of masks, filters and what is pruned.

    `rows` are of `smaller.cells`. Crosses: without retraining. Dotted: the dense generator; dash-dotted: the dense pair
    trained as long; star: a narrow pair from scratch. A row of panels for each data set that has retrained pairs.
    """
    rows = rows[rows.training.isin([*TRAINED, "dense", "narrow"]) & rows.parts.isin(["generator", "both"])]
    names = list(dict.fromkeys(rows[rows.training.isin(["one-shot", "iterative"])].dataset))
    panels = [(kind, parts) for kind in ("masks", "filters") for parts in ("generator", "both")]
    figure, axes = plt.subplots(
        len(names), 4, figsize=(12, 3.3 * len(names) + 0.5), sharey="row", sharex=True, squeeze=False
    )
    for line, dataset in zip(axes, names, strict=True):
        own = rows[rows.dataset == dataset]
        own = own[own.seed == own.seed.min()]
        controls = own[own.kind == "dense"].set_index("training").frechet
        for axis, (kind, parts) in zip(line, panels, strict=True):
            for (training, criterion), arm in own[own.kind == kind].groupby(["training", "criterion"], sort=False):
                if training not in TRAINED:
                    axis.plot(arm.compression, arm.frechet, "*", color="#009E73", markersize=11)
                    continue
                marker, style = TRAINED[training]
                # Without retraining it makes no difference to the generator what becomes of the discriminator.
                arm = arm[arm.parts == (parts if training != "none" else "generator")].sort_values("compression")
                axis.plot(arm.compression, arm.frechet, marker + style, color=CRITERIA[criterion], markersize=5)
            for training, style in (("none", ":"), ("dense", "-.")):
                if training in controls:
                    axis.axhline(controls[training], color="black", linestyle=style, linewidth=1.2)
            ticks = sorted(set(own[own.kind == kind].aimed_at))
            axis.set(xscale="log", yscale="log", title=f"{kind}, {PRUNED[parts]}", xlabel="times smaller")
            axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            axis.minorticks_off()
        line[0].set_ylabel(f"{dataset}\n{LABELS['frechet']}")
    handles = [plt.Line2D([], [], color=colour, linewidth=3) for colour in CRITERIA.values()]
    handles += [plt.Line2D([], [], color="black", marker=marker, linestyle=style) for marker, style in TRAINED.values()]
    handles.append(plt.Line2D([], [], color="#009E73", marker="*", linestyle=""))
    labels = [*CRITERIA, "not retrained", "one-shot", "iterative", "narrow, from scratch"]
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9)
    return figure
