"""Figures that compare methods: quality over sparsity, and quality over likeness."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from ganprune_utils.plots import COLOURS, LABELS, of_every_seed

NARROW = "#009E73"
CRITERIA = {"magnitude": "#0072B2", "activation": "#D55E00", "random": "#666666"}
PRUNED = {"generator": "generator pruned", "both": "both pruned"}
TRAINED = {
    "none": ("x", ":"),
    "one-shot": ("o", "-"),
    "iterative": ("^", "--"),
    "iterative, rewound": ("v", ""),
    "one-shot, slower D": ("s", "-."),
}
COSTS = {
    "left": "share of the parameters left",
    "packed": "bytes, packed",
    "macs": "multiply-accumulates an image",
}


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


def fronts(rows: pd.DataFrame, ruined: dict[str, float]) -> Figure:
    """Fréchet distance over remaining parameters, packed bytes and MACs; a row of panels a data set.

    `rows` are of `smaller.cells` with `packed`; drawn is each data set's first seed, the one that was retrained. What
    is on the front, a line, was chosen by `frechet_choose`, and is drawn where `frechet` says. Filled: without
    retraining; hollow: retrained; squares filters, circles masks. Grey line: `ruined`, one image repeated.
    """
    from ganprune_utils.smaller import front, is_mean

    names = list(dict.fromkeys(rows.dataset))
    rows = rows.assign(left=1 / rows.compression)
    figure, axes = plt.subplots(len(names), 3, figsize=(12, 3.4 * len(names)), squeeze=False, sharey="row")
    colours = CRITERIA | {"none": "#000000", "narrow": NARROW}
    for line, dataset in zip(axes, names, strict=True):
        own = rows[(rows.dataset == dataset) & (rows.seed == rows[rows.dataset == dataset].seed.min())]
        for axis, cost in zip(line, COSTS, strict=True):
            for point in own.itertuples():
                star = point.kind == "dense" or point.training == "narrow"
                colour = colours["narrow" if point.training == "narrow" else point.criterion]
                axis.plot(
                    getattr(point, cost), point.frechet, "*" if star else {"filters": "s", "masks": "o"}[point.kind],
                    markersize=9 if star else 5, markeredgecolor=colour,
                    markerfacecolor=colour if point.training in ("none", "narrow") else "none",
                )  # fmt: skip
            best = front(own[~is_mean(own)], cost, "frechet_choose")
            axis.step(best[cost], best.frechet, where="post", color="#009E73", linewidth=1.2, zorder=0)
            axis.axhline(ruined[dataset], color="#999999", linewidth=1, zorder=0)
            axis.set(xscale="log", yscale="log", xlabel=COSTS[cost])
            plain_ticks(axis)
            axis.xaxis.set_minor_formatter(NullFormatter())
            if cost == "left":
                share_ticks(axis, sorted(set(own.aimed_at)))
        line[0].set_ylabel(f"{dataset}\n{LABELS['frechet']}")
    handles = [plt.Line2D([], [], color=c, marker="o", linestyle="") for c in CRITERIA.values()]
    handles += [plt.Line2D([], [], color="black", marker=m, linestyle="") for m in ("o", "s", "*")]
    handles.append(plt.Line2D([], [], color="black", marker="o", markerfacecolor="none", linestyle=""))
    handles.append(plt.Line2D([], [], color=NARROW, marker="*", linestyle=""))
    handles += [plt.Line2D([], [], color=colour) for colour in ("#009E73", "#999999")]
    labels = [
        *CRITERIA,
        "masks",
        "filters",
        "dense",
        "retrained",
        "narrow, from scratch",
        "front",
        "one image, repeated",
    ]
    figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=9)
    return figure


def share_ticks(axis, compressions: list[float]) -> None:
    ticks = [1 / c for c in compressions]
    axis.set_xticks(ticks, [f"1/{1 / tick:g}" if tick < 1 else "1" for tick in ticks])
    axis.minorticks_off()


def plain_ticks(axis) -> None:
    """Numbers as they are, and not as powers of ten, up a logarithmic axis."""
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())


def retrained(rows: pd.DataFrame, ruined: dict[str, float]) -> Figure:
    """Fréchet distance over the compression, a line an arm; a panel for each of masks, filters and what is pruned.

    `rows` are of `smaller.cells`. Crosses: without retraining. Dotted line: the dense generator; dash-dotted: the dense
    pair trained as long; grey: `ruined`, one image repeated; star: a narrow generator from scratch. A row of panels for
    each data set that has retrained pairs.
    """
    slower = rows.parts.str.startswith("generator, D")
    rows = rows.assign(
        training=rows.training.mask(slower, rows.training + ", slower D"), parts=rows.parts.mask(slower, "generator")
    )
    names = list(dict.fromkeys(rows[rows.training.isin(["one-shot", "iterative"])].dataset))
    panels = [(kind, parts) for kind in ("masks", "filters") for parts in ("generator", "both")]
    figure, axes = plt.subplots(
        len(names), 4, figsize=(12, 3.3 * len(names) + 0.7), sharey="row", sharex=True, squeeze=False
    )
    for line, dataset in zip(axes, names, strict=True):
        own = rows[rows.dataset == dataset]
        own = own[own.seed == own.seed.min()]
        controls = own[own.kind == "dense"].set_index("training").frechet
        for axis, (kind, parts) in zip(line, panels, strict=True):
            if not (
                own.training.isin([*list(TRAINED)[1:], "narrow"]) & (own.kind == kind) & (own.parts == parts)
            ).any():
                axis.text(0.5, 0.5, "not run", transform=axis.transAxes, ha="center", color="#666666")
                axis.set(title=f"{kind}, {PRUNED[parts]}", xlabel="times smaller")
                continue
            for (training, criterion), arm in own[own.kind == kind].groupby(["training", "criterion"], sort=False):
                if training == "narrow" and parts == "generator":
                    axis.plot(arm.compression, arm.frechet, "*", color=NARROW, markersize=11)
                if training not in TRAINED:
                    continue
                marker, style = TRAINED[training]
                # Without retraining it makes no difference to the generator what becomes of the discriminator.
                arm = arm[arm.parts == (parts if training != "none" else "generator")].sort_values("compression")
                axis.plot(arm.compression, arm.frechet, marker + style, color=CRITERIA[criterion], markersize=5)
            for training, style in (("none", ":"), ("dense", "-.")):
                if training in controls:
                    axis.axhline(controls[training], color="black", linestyle=style, linewidth=1.2)
            axis.axhline(ruined[dataset], color="#999999", linewidth=1, zorder=0)
            ticks = sorted(set(own[own.kind == kind].aimed_at))
            axis.set(xscale="log", yscale="log", title=f"{kind}, {PRUNED[parts]}", xlabel="times smaller")
            axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            axis.minorticks_off()
            plain_ticks(axis)
        line[0].set_ylabel(f"{dataset}\n{LABELS['frechet']}")
    handles = [plt.Line2D([], [], color=colour, linewidth=3) for colour in CRITERIA.values()]
    handles += [plt.Line2D([], [], color="black", marker=marker, linestyle=style) for marker, style in TRAINED.values()]
    handles.append(plt.Line2D([], [], color=NARROW, marker="*", linestyle=""))
    handles += [plt.Line2D([], [], color="black", linestyle=style, linewidth=1.2) for style in (":", "-.")]
    handles.append(plt.Line2D([], [], color="#999999", linewidth=1))
    labels = [*CRITERIA, "not retrained", *list(TRAINED)[1:], "narrow, from scratch", "dense", "dense, trained as long"]
    figure.legend(handles, [*labels, "one image, repeated"], loc="outside lower center", ncols=6, fontsize=9)
    return figure
