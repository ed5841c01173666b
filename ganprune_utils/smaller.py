"""The one table: every way to a smaller generator, with and without retraining, at the compressions aimed at."""

import pandas as pd

from ganprune_utils.comparison import written
from ganprune_utils.errors import DataError

# How a row of the table was made.
WAY = ["training", "parts", "kind", "criterion"]
TOLERANCE = 1.05  # of the dense Fréchet distance


def cells(compressed: pd.DataFrame, retrained: pd.DataFrame) -> pd.DataFrame:
    """Both sources in one tidy table: a row for each data set, seed, way and compression aimed at, all recalibrated.

    `compressed` has the rows of notebook 10 (several draws of what is random become their mean), `retrained` those of
    notebook 7, may be empty. Columns: dataset, seed, training ("none", "one-shot", "iterative", "dense", "narrow"),
    parts, kind, criterion, aimed_at, compression, and what was measured.

    Raises DataError where there is nothing, where a cell is there twice, or a seed has no dense generator.
    """
    if compressed.empty:
        raise DataError("results: have no compression.csv; run notebook 10 first")
    key = ["dataset", "seed", *WAY, "aimed_at"]
    pruned = compressed[compressed.recalibrated].assign(training="none", parts="generator")
    numbers = pruned.select_dtypes("number").columns.difference([*key, "draw"])
    pruned = pruned.groupby(key, sort=False).agg(dict.fromkeys(numbers, "mean") | {"widths": "first"}).reset_index()
    if not retrained.empty:
        pruned = pd.concat([pruned, _retrained(retrained)], ignore_index=True)
    twice = pruned[pruned.duplicated(key)]
    if len(twice):
        raise DataError(f"results: {', '.join(map(str, twice.iloc[0][key]))} was run twice, in different ways")
    missing = set(zip(pruned.dataset, pruned.seed, strict=True)) - {
        (row.dataset, row.seed) for row in pruned[pruned.training == "none"].itertuples()
    }
    if missing:
        raise DataError(f"results: {', '.join(map(str, min(missing)))} has no run of notebook 10")
    return pruned


def _retrained(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows[rows.recalibrated].reset_index(drop=True)
    rows["training"] = rows.arm.str.replace("_", "-")
    rows.loc[rows.rewind, "training"] += ", rewound"
    for arm, kind in (("dense", "dense"), ("narrow", "filters")):
        rows.loc[rows.arm == arm, WAY[1:]] = ["generator", kind, "none"]
    other = rows.discriminator_rate != 1
    rows.loc[other, "parts"] += ", D at " + rows.discriminator_rate.map("{:g}".format) + " of its rate"
    return rows


def one_table(rows: pd.DataFrame, metric: str = "frechet", digits: int = 2) -> pd.DataFrame:
    """The metric, "mean ± std (n)" over training seeds; ways in rows, (data set, compression aimed at) in columns.

    What was not run is blank.
    """
    grouped = rows.groupby(["dataset", *WAY, "aimed_at"], sort=False)[metric]
    text = grouped.agg(lambda values: f"{written(values.mean(), values.std(), digits)} ({values.count()})")
    wide = text.unstack(["dataset", "aimed_at"]).sort_index(axis=1)
    order = rows.drop_duplicates(WAY)[WAY]
    return wide.loc[pd.MultiIndex.from_frame(order)].fillna("")


def best_within(rows: pd.DataFrame, tolerance: float = TOLERANCE) -> pd.DataFrame:
    """For each data set the networks of most compression and of fewest MACs that stay within the tolerance.

    Of its first seed, the one that was retrained. Chosen by `frechet_choose`, against that of the dense generator
    without training; the row then shows `frechet`, of images and noise that had no part in the choice, and how far that
    lies above the dense generator's (rise) and above that of the dense pair trained on (rise_control). What is a mean
    of random draws is no network, and one that has as many MACs as the dense one saves none.
    """
    found = []
    for _, own in rows.groupby("dataset", sort=False):
        own = own[own.seed == own.seed.min()]
        dense = own[(own.kind == "dense") & (own.training == "none")].iloc[0]
        control = own[(own.kind == "dense") & (own.training == "dense")].frechet
        allowed = own[(own.frechet_choose <= tolerance * dense.frechet_choose) & ~is_mean(own)]
        fewer = allowed[allowed.macs < dense.macs]
        # Of two that are as small, the better; no two compressions are the same to the last digit.
        smallest = allowed.assign(rank=-allowed.compression.round(1)).sort_values(["rank", "frechet_choose"])
        for goal, ranked in (("parameters", smallest), ("MACs", fewer.sort_values(["macs", "frechet_choose"]))):
            row = (ranked.iloc[0] if len(ranked) else dense).to_dict() | {
                "fewest": goal,
                "frechet_dense": dense.frechet,
            }
            row |= {"times_fewer_macs": dense.macs / row["macs"], "rise": row["frechet"] / dense.frechet - 1}
            row["rise_control"] = row["frechet"] / control.iloc[0] - 1 if len(control) else float("nan")
            if "ms, batch 64" in row:
                row["times_faster"] = dense["ms, batch 64"] / row["ms, batch 64"]
            found.append(row)
    names = ["dataset", "seed", "fewest", *WAY, "compression", "times_fewer_macs", "times_faster"]
    return pd.DataFrame(found).reindex(columns=[*names, "frechet", "frechet_dense", "rise", "rise_control"])


def is_mean(rows: pd.DataFrame) -> pd.Series:
    """Whether a row is the mean of several random draws, and no one network."""
    return (rows.criterion == "random") & (rows.training == "none")


def front(rows: pd.DataFrame, cost: str, metric: str = "frechet") -> pd.DataFrame:
    """The Pareto front: rows that no other row beats in both `cost` and `metric`, lower being better, by cost."""
    ordered = rows.sort_values([cost, metric])
    return ordered[ordered[metric] < ordered[metric].cummin().shift(fill_value=float("inf"))]
