"""Methods compared at the same overall sparsity, with their spread over training seeds, and likeness beside quality."""

import pandas as pd
from scipy.stats import spearmanr

from ganprune_utils.metrics.statistics import crossing

CELL = ["dataset", "seed", "part", "method", "scope", "threshold"]
QUALITY = ["frechet", "kid", "score", "precision", "recall", "density", "coverage", "entropy", "classes"]
# The curves: all of these exist at the same overall sparsities. "sensitivity" with its own s does not; it is matched.
CURVES = {
    ("percentage", "global"): "percentage",
    ("percentage", "layer"): "percentage (layer)",
    ("sensitivity", "matched"): "sensitivity",
    ("random", "uniform"): "random",
    ("random", "shuffled"): "random (shuffled)",
}


def curve_label(rows: pd.DataFrame) -> pd.Series:
    """The curve that a cell belongs to; missing for sensitivity by its own s, which has no sparsity in common."""
    return pd.Series([CURVES.get(pair) for pair in zip(rows.method, rows.scope, strict=True)], index=rows.index)


def cells(quality: pd.DataFrame, means: pd.DataFrame) -> pd.DataFrame:
    """One row a pruned generator: its cell, `recalibrated`, `sparsity`, every quality metric, mean `ssim` and `uqi`."""
    keys = [*CELL, "recalibrated"]
    likeness = means[means.metric.isin(["ssim", "uqi"])]
    likeness = likeness.pivot(index=[*keys, "sparsity"], columns="metric", values="value").reset_index()
    joined = quality.merge(likeness, on=keys, validate="one_to_one")
    return joined.assign(label=curve_label(joined))


def spread(rows: pd.DataFrame, by: list[str], values: list[str]) -> pd.DataFrame:
    """Mean and standard deviation (n - 1) over training seeds, and n: columns (value, "mean" | "std") and n."""
    grouped = rows.groupby(by, sort=False)
    table = grouped[values].agg(["mean", "std"])
    table["n", ""] = grouped.seed.nunique()
    return table


def written(mean: float, std: float, digits: int = 3) -> str:
    """ "0.863 ± 0.004"; the mean alone where there is one seed."""
    return f"{mean:.{digits}f}" if pd.isna(std) else f"{mean:.{digits}f} ± {std:.{digits}f}"


def matched_table(cells: pd.DataFrame, metric: str, thresholds: list[float], digits: int = 2) -> pd.DataFrame:
    """Curves in rows, overall sparsities (percent) in columns, "mean ± std" over seeds, n in the last column."""
    rows = cells[cells.label.notna() & cells.threshold.isin(thresholds)]
    table = spread(rows, ["dataset", "recalibrated", "label", "threshold"], [metric])
    text = table.apply(lambda row: written(row[metric, "mean"], row[metric, "std"], digits), axis=1)
    wide = text.unstack("threshold").rename(columns=lambda q: f"{q:g} %").reindex(CURVES.values(), level="label")
    return wide.assign(n=table["n"].groupby(["dataset", "recalibrated", "label"]).min())


def tolerated_sparsity(cells: pd.DataFrame, rise: float = 1.5) -> pd.DataFrame:
    """The overall sparsity at which the Fréchet distance is `rise` times that of the dense generator as it ships.

    One row a (dataset, seed, label, recalibrated). NaN where it stays below that within the curve.
    """
    found = []
    dense = cells[(cells.method == "percentage") & (cells.threshold == 0)].set_index(
        ["dataset", "seed", "recalibrated"]
    )
    for (dataset, seed, label, recalibrated), rows in cells[cells.label.notna()].groupby(
        ["dataset", "seed", "label", "recalibrated"], sort=False
    ):
        start = dense.frechet[dataset, seed, recalibrated]
        rows = rows[rows.threshold > 0]
        level = rise * dense.frechet[dataset, seed, False]
        at = crossing([0, *rows.sparsity], [start, *rows.frechet], level)
        found.append((dataset, seed, label, recalibrated, at))
    return pd.DataFrame(found, columns=["dataset", "seed", "label", "recalibrated", "tolerated"])


def correlations(cells: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rank correlation of likeness with quality over the pruned generators of a data set."""
    pruned = cells[cells.sparsity > 0]
    selections = {
        "all": pruned,
        "as it is": pruned[~pruned.recalibrated],
        "recalibrated": pruned[pruned.recalibrated],
        "sparsity up to 60 %": pruned[pruned.sparsity <= 0.6],
    }
    found = []
    for name, rows in selections.items():
        for dataset, group in rows.groupby("dataset"):
            entry = {"dataset": dataset, "cells": name, "n": len(group)}
            for likeness in ("ssim", "uqi"):
                for quality in ("frechet", "coverage"):
                    entry[f"{likeness} and {quality}"] = float(spearmanr(group[likeness], group[quality]).statistic)
            found.append(entry)
    return pd.DataFrame(found).sort_values(["dataset"], kind="stable").set_index(["dataset", "cells"])


def partings(cells: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Per data set the two generators where likeness and quality part most, by the difference of their ranks.

    `says` is "likeness" where SSIM ranks it far better than the Fréchet distance does, "quality" for the opposite.
    """
    found = []
    for _, rows in cells[(cells.seed == seed) & (cells.sparsity > 0)].groupby("dataset"):
        gap = rows.ssim.rank() - rows.frechet.rank(ascending=False)
        found += [rows.loc[[gap.idxmax()]].assign(says="likeness"), rows.loc[[gap.idxmin()]].assign(says="quality")]
    return pd.concat(found)
