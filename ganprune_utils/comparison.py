"""Methods compared at the same overall sparsity, with their spread over training seeds, and likeness beside quality."""

import pandas as pd

from ganprune_utils.errors import DataError
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
    """One row a pruned generator: its cell, `recalibrated`, `sparsity`, every quality metric, mean `ssim` and `uqi`.

    Cells that prune both networks are left out: their generator is that of another cell.
    """
    keys = [*CELL, "recalibrated"]
    likeness = means[means.metric.isin(["ssim", "uqi"])]
    likeness = likeness.pivot(index=[*keys, "sparsity"], columns="metric", values="value").reset_index()
    joined = quality[quality.part == "generator"].merge(likeness, on=keys, validate="one_to_one")
    return joined.assign(label=curve_label(joined))


def common(cells: pd.DataFrame) -> pd.DataFrame:
    """The points of the curves at overall sparsities (thresholds) that every curve and seed of a data set has, and 0.

    Interpolation between points depends on where they are: only curves on the same points compare.
    """
    curves = cells[cells.label.notna()]
    kept = []
    for _, rows in curves.groupby("dataset", sort=False):
        grids = [set(group.threshold) for _, group in rows.groupby(["seed", "label"])]
        shared = set.intersection(*grids) | {0.0}
        kept.append(rows[rows.threshold.isin(shared)])
    return pd.concat(kept)


def dense_of(cells: pd.DataFrame) -> pd.DataFrame:
    """The dense generators, indexed by (dataset, seed, recalibrated). DataError where a curve has none."""
    dense = cells[(cells.label == "percentage") & (cells.threshold == 0)]
    dense = dense.set_index(["dataset", "seed", "recalibrated"])
    for key in cells[["dataset", "seed", "recalibrated"]].drop_duplicates().itertuples(index=False, name=None):
        if key not in dense.index:
            raise DataError(
                f"results of {key[0]} seed {key[1]}: have no dense generator; "
                "the study needs a cell with method percentage, scope global and threshold 0"
            )
    return dense


def spread(rows: pd.DataFrame, by: list[str], values: list[str]) -> pd.DataFrame:
    """Mean and standard deviation (n - 1) over training seeds: columns (value, "mean" | "std"), and n, the number of
    seeds with a value, the first of `values`."""
    grouped = rows.groupby(by, sort=False)
    table = grouped[values].agg(["mean", "std"])
    table["n", ""] = grouped[values[0]].count()
    return table


def paired(cells: pd.DataFrame, metric: str, baseline: str = "percentage") -> pd.DataFrame:
    """Each curve minus the `baseline` curve, generator by generator: mean, std and n of the differences over seeds.

    The pairs have the training seed, the noise and the sparsity in common, so their spread says what the method does.
    """
    keys = ["dataset", "recalibrated", "threshold", "seed"]
    rows = cells[cells.label.notna() & (cells.threshold > 0)]
    base = rows[rows.label == baseline].set_index(keys)[metric].rename("base")
    joined = rows[rows.label != baseline].join(base, on=keys, how="inner")
    joined = joined.assign(difference=joined[metric] - joined.base)
    return spread(joined, ["dataset", "recalibrated", "label", "threshold"], ["difference"])


def written(mean: float, std: float, digits: int = 3) -> str:
    """ "0.863 ± 0.004"; the mean alone where there is one seed."""
    return f"{mean:.{digits}f}" if pd.isna(std) else f"{mean:.{digits}f} ± {std:.{digits}f}"


def ruined(quality: pd.DataFrame, checks: pd.DataFrame) -> set[tuple]:
    """The points of curves, as pruned, where a seed's Fréchet distance is beyond that of one image repeated.

    Returns (data set, label, threshold). `checks` has columns dataset, images and frechet.
    """
    limits = checks[checks.images == "one image"].set_index("dataset").frechet
    rows = quality[(quality.part == "generator") & ~quality.recalibrated]
    rows = rows.assign(label=curve_label(rows))
    rows = rows[rows.label.notna() & (rows.frechet > rows.dataset.map(limits))]
    return set(zip(rows.dataset, rows.label, rows.threshold, strict=True))


def in_columns(table: pd.DataFrame, value: str, thresholds: list[float], digits: int = 2) -> pd.DataFrame:
    """A `spread` by (dataset, recalibrated, label, threshold) as text: thresholds (percent) in columns, and n."""
    table = table[table.index.get_level_values("threshold").isin(thresholds)]
    text = table.apply(lambda row: written(row[value, "mean"], row[value, "std"], digits), axis=1)
    wide = text.unstack("threshold").rename(columns=lambda q: f"{q:g} %").reindex(CURVES.values(), level="label")
    return wide.assign(n=table["n"].groupby(["dataset", "recalibrated", "label"]).min())


def matched_table(cells: pd.DataFrame, metric: str, thresholds: list[float], digits: int = 2) -> pd.DataFrame:
    """Curves in rows, overall sparsities (percent) in columns, "mean ± std" over seeds, n in the last column."""
    table = spread(cells[cells.label.notna()], ["dataset", "recalibrated", "label", "threshold"], [metric])
    return in_columns(table, metric, thresholds, digits)


def tolerated_sparsity(cells: pd.DataFrame, rise: float = 1.5) -> pd.DataFrame:
    """The overall sparsity at which the Fréchet distance is `rise` times that of the dense generator.

    One row a (dataset, seed, label, recalibrated); recalibrated curves start from the recalibrated dense generator. NaN
    where the distance stays below that within the curve. All curves are taken on the points that they have in common.
    """
    found, dense = [], dense_of(cells)
    curves = common(cells)
    for key, rows in curves[curves.threshold > 0].groupby(["dataset", "seed", "label", "recalibrated"], sort=False):
        dataset, seed, label, recalibrated = key
        start = dense.frechet[dataset, seed, recalibrated]
        found.append((*key, crossing([0, *rows.sparsity], [start, *rows.frechet], rise * start)))
    return pd.DataFrame(found, columns=["dataset", "seed", "label", "recalibrated", "tolerated"])


def allocation_gain(allocation: pd.DataFrame) -> pd.DataFrame:
    """Fréchet distance of each way to allocate, and its difference to one global threshold, over seeds.

    `allocation` has columns dataset, seed, recalibrated, percent, method ("allocation", "global", "layer"), frechet.
    """
    keys = ["dataset", "recalibrated", "percent", "seed"]
    base = allocation[allocation.method == "global"].set_index(keys).frechet.rename("base")
    joined = allocation.join(base, on=keys)
    joined = joined.assign(difference=joined.frechet - joined.base)
    return spread(joined, ["dataset", "recalibrated", "percent", "method"], ["frechet", "difference"])


def flat(spread: pd.DataFrame) -> pd.DataFrame:
    """A `spread` with plain columns, to be written."""
    table = spread.copy()
    table.columns = [" ".join(filter(None, column)) for column in table.columns]
    return table.reset_index()


def correlations(cells: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rank correlation of likeness with quality over the pruned generators of a data set.

    Sparsity drives both, so that they agree over the whole range says little of two generators of the same size. The
    rows "at one sparsity" are the mean of the correlations within each seed and overall sparsity of the curves, with
    and without random masks; n counts those groups there, and pruned networks (not independent ones) elsewhere.
    """
    pruned = cells[cells.threshold > 0]  # of 16-bit weights one or another is 0 in the dense generator too
    selections = {"all": pruned, "as it is": pruned[~pruned.recalibrated], "recalibrated": pruned[pruned.recalibrated]}
    found = []
    for name, rows in selections.items():
        for dataset, group in rows.groupby("dataset"):
            found.append({"dataset": dataset, "cells": name, "n": len(group), **_rank_correlations(group)})
    curves = common(cells)
    curves = curves[curves.threshold > 0]
    selections = {"at one sparsity": curves, "at one sparsity, no random masks": curves[curves.method != "random"]}
    for name, chosen in selections.items():
        for dataset, rows in chosen.groupby("dataset"):
            groups = pd.DataFrame([_rank_correlations(group) for _, group in rows.groupby(["seed", "threshold"])])
            found.append({"dataset": dataset, "cells": name, "n": len(groups), **groups.mean()})
    return pd.DataFrame(found).sort_values(["dataset"], kind="stable").set_index(["dataset", "cells"])


def _rank_correlations(rows: pd.DataFrame) -> dict[str, float]:
    pairs = [(likeness, quality) for likeness in ("ssim", "uqi") for quality in ("frechet", "coverage")]
    return {f"{a} and {b}": float(rows[a].corr(rows[b], method="spearman")) for a, b in pairs}


def partings(cells: pd.DataFrame) -> pd.DataFrame:
    """Per data set, of its first seed, the two generators where likeness and quality part most, by their ranks.

    Among those pruned by a criterion: what random masks leave is noise, however it ranks. `ranked_higher_by` is
    "likeness" where SSIM ranks it better than the Fréchet distance does, or "quality".
    """
    found = []
    first = cells.groupby("dataset").seed.transform("min")
    chosen = cells[(cells.seed == first) & (cells.threshold > 0) & (cells.method != "random")]
    for _, rows in chosen.groupby("dataset"):
        gap = rows.ssim.rank() - rows.frechet.rank(ascending=False)
        found += [
            rows.loc[[gap.idxmax()]].assign(ranked_higher_by="likeness"),
            rows.loc[[gap.idxmin()]].assign(ranked_higher_by="quality"),
        ]
    return pd.concat(found)
