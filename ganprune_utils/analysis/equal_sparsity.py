"""Methods compared at equal overall sparsity, with their spread over training seeds, and similarity beside quality."""

import math

import pandas as pd

from ganprune_utils.analysis.formatting import mean_std
from ganprune_utils.analysis.paper import RUN, method_label
from ganprune_utils.errors import DataError
from ganprune_utils.statistics import crossing

CURVES = ["percentage", "percentage (layer)", "sensitivity", "random", "random (shuffled)"]  # in the order of tables


def curve_label(rows: pd.DataFrame) -> pd.Series:
    """The curve that a run belongs to; missing for sensitivity by its own s, which has no sparsity in common, and where
    the last layer stays dense, which `by_last_layer` compares."""
    return method_label(rows).mask(_by_own_s(rows) | (rows.last_layer == "dense"))


def _by_own_s(rows: pd.DataFrame) -> pd.Series:
    return (rows.method == "sensitivity") & (rows.scope == "layer")


def pruned_generators(quality: pd.DataFrame, means: pd.DataFrame) -> pd.DataFrame:
    """One row per pruned generator: its run, `recalibrated`, `sparsity`, every quality metric, mean `ssim` and `uqi`.

    Runs that prune both networks are left out: their generator is that of another run.
    """
    keys = [*RUN, "recalibrated"]
    similarity = means[means.metric.isin(["ssim", "uqi"])]
    similarity = similarity.pivot(index=[*keys, "sparsity"], columns="metric", values="value").reset_index()
    joined = quality[quality.pruned_network == "generator"].merge(similarity, on=keys, validate="one_to_one")
    return joined.assign(label=curve_label(joined))


def common_points(generators: pd.DataFrame) -> pd.DataFrame:
    """The points of the curves at overall sparsities (thresholds) that every curve and seed of a data set has, and 0.

    Interpolation between points depends on where they are: only curves on the same points compare.
    """
    rows = generators[generators.label.notna()]
    curve = rows.label + rows.seed.astype(str)
    in_all = curve.groupby(rows.dataset).transform("nunique")
    at_point = curve.groupby([rows.dataset, rows.threshold]).transform("nunique")
    return rows[(at_point == in_all) | (rows.threshold == 0)]


def spread(rows: pd.DataFrame, by: list[str], values: list[str]) -> pd.DataFrame:
    """Mean and standard deviation (n - 1) over training seeds: columns (value, "mean" | "std"), and n, the number of
    seeds with a value, the first of `values`."""
    grouped = rows.groupby(by, sort=False)
    table = grouped[values].agg(["mean", "std"])
    table["n", ""] = grouped[values[0]].count()
    return table


def _minus(rows: pd.DataFrame, base: pd.DataFrame, metric: str, keys: list[str]) -> pd.DataFrame:
    """`rows` with their `difference` in the metric to the row of `base` that has the same keys."""
    joined = rows.join(base.set_index(keys)[metric].rename("base"), on=keys, how="inner")
    return joined.assign(difference=joined[metric] - joined.base)


def paired(generators: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Each curve minus that of percentage, generator by generator: mean, std and n of the differences over seeds.

    The pairs have the training seed, the noise and the sparsity in common, so their spread says what the method does.
    """
    keys = ["dataset", "recalibrated", "threshold", "seed"]
    rows = generators[generators.label.notna() & (generators.threshold > 0)]
    is_base = rows.label == "percentage"
    differences = _minus(rows[~is_base], rows[is_base], metric, keys)
    return spread(differences, ["dataset", "recalibrated", "label", "threshold"], ["difference"])


def by_last_layer(generators: pd.DataFrame) -> pd.DataFrame:
    """The rows at overall sparsities where a method was run both ways: last layer pruned, and kept dense."""
    rows = generators[~_by_own_s(generators) & (generators.threshold > 0)]
    rows = rows.assign(label=method_label(rows))
    both = rows.groupby(["dataset", "seed", "recalibrated", "label", "threshold"]).last_layer.transform("nunique")
    return rows[both == 2]


def last_layer_gain(rows: pd.DataFrame, metric: str = "frechet") -> pd.DataFrame:
    """Of `by_last_layer`: the metric with the last layer kept dense, and its difference to pruning that layer as well.

    Pairs have data set, training seed, noise, method and overall sparsity in common. Columns as of `spread`.
    """
    kept = rows.last_layer == "dense"
    keys = ["dataset", "recalibrated", "label", "threshold", "seed"]
    differences = _minus(rows[kept], rows[~kept], metric, keys).dropna(subset="difference")
    return spread(differences.sort_values(keys), keys[:-1], [metric, "difference"])


def criteria_range(rows: pd.DataFrame, metric: str = "frechet") -> pd.DataFrame:
    """Of `by_last_layer`: how far apart the magnitude criteria are at one overall sparsity, the largest value minus the
    smallest, with the last layer pruned and kept dense; mean and std over training seeds."""
    keys = ["dataset", "recalibrated", "threshold", "last_layer", "seed"]
    rows = rows[(rows.method != "random") & rows[metric].notna()]
    grouped = rows.groupby(keys)[metric]
    ranges = (grouped.max() - grouped.min())[grouped.size() == rows.label.nunique()]  # where all of them were measured
    return spread(ranges.rename("range").reset_index(), keys[:-1], ["range"])


def shares_of_last_layer(sparsity: pd.DataFrame) -> pd.DataFrame:
    """What each magnitude criterion removes of all weights and of the last layer's, in percent.

    `sparsity` has one row per (run, network, layer). Returns columns dataset, label, overall, last.
    """
    rows = sparsity[(sparsity.pruned_network == "generator") & (sparsity.last_layer == "pruned")]
    rows = rows[(rows.method != "random") & ~_by_own_s(rows)]
    rows = rows.assign(label=method_label(rows))
    last = rows[rows.layer != "overall"].drop_duplicates([*RUN, "label"], keep="last")
    overall = rows[rows.layer == "overall"].set_index([*RUN, "label"]).sparsity.rename("overall")
    table = last.join(overall, on=[*RUN, "label"])[["dataset", "label", "overall", "sparsity"]]
    table = table.rename(columns={"sparsity": "last"})
    return table.assign(overall=(100 * table.overall).round(1), last=100 * table["last"]).reset_index(drop=True)


def collapsed(quality: pd.DataFrame, checks: pd.DataFrame) -> set[tuple]:
    """The points of curves, as pruned, where a seed's Fréchet distance is beyond that of one image repeated.

    Returns (data set, label, threshold). `checks` has columns dataset, images and frechet.
    """
    limits = checks[checks.images == "one image"].set_index("dataset").frechet
    rows = quality[(quality.pruned_network == "generator") & ~quality.recalibrated]
    rows = rows.assign(label=curve_label(rows))
    rows = rows[rows.label.notna() & (rows.frechet > rows.dataset.map(limits))]
    return set(zip(rows.dataset, rows.label, rows.threshold, strict=True))


def in_columns(table: pd.DataFrame, value: str, thresholds: list[float], digits: int = 2) -> pd.DataFrame:
    """A `spread` that has thresholds (percent) in its index as text: thresholds in columns, and n."""
    table = table[table.index.get_level_values("threshold").isin(thresholds)]
    text = table.apply(lambda row: mean_std(row[value, "mean"], row[value, "std"], digits), axis=1)
    wide = text.unstack("threshold").sort_index(axis=1).rename(columns=lambda q: f"{q:g} %")
    if "label" in wide.index.names:
        wide = wide.reindex(CURVES, level="label")
    return wide.assign(n=table["n"].groupby(wide.index.names).min())


def matched_table(generators: pd.DataFrame, metric: str, thresholds: list[float]) -> pd.DataFrame:
    """Curves in rows, overall sparsities (percent) in columns, "mean ± std" over seeds, n in the last column."""
    table = spread(generators[generators.label.notna()], ["dataset", "recalibrated", "label", "threshold"], [metric])
    return in_columns(table, metric, thresholds)


def critical_sparsity(generators: pd.DataFrame) -> pd.DataFrame:
    """The overall sparsity at which the Fréchet distance has risen by half over that of the dense generator, and by two
    standard deviations of the dense generators over training seeds (where there are at least two).

    One row per (rise, dataset, seed, label, recalibrated); recalibrated curves start from the recalibrated dense
    generator. NaN where the distance stays below that within the curve. All curves are taken on their common points.

    Raises DataError where a curve has no dense generator.
    """
    keys, rows_found = ["dataset", "seed", "recalibrated"], []
    dense = generators[(generators.label == "percentage") & (generators.threshold == 0)].set_index(keys).frechet
    if len(missing := pd.MultiIndex.from_frame(generators[keys]).difference(dense.index)):
        raise DataError(
            f"results of {missing[0][0]} seed {missing[0][1]}: have no dense generator; "
            "the study needs a run with method percentage, scope global and threshold 0"
        )
    spreads = dense.groupby(["dataset", "recalibrated"]).std()
    curves = common_points(generators)
    for key, rows in curves[curves.threshold > 0].groupby(["dataset", "seed", "label", "recalibrated"], sort=False):
        start, std = dense[key[0], key[1], key[3]], spreads[key[0], key[3]]
        for rise, level in (("by half", 1.5 * start), ("by 2 std", start + 2 * std)):
            if math.isfinite(level):
                rows_found.append((rise, *key, crossing([0, *rows.sparsity], [start, *rows.frechet], level)))
    columns = ["rise", "dataset", "seed", "label", "recalibrated", "critical_sparsity"]
    return pd.DataFrame(rows_found, columns=columns).sort_values("rise", kind="stable", ascending=False)


def allocation_gain(allocation: pd.DataFrame) -> pd.DataFrame:
    """Fréchet distance of each way to allocate, and its difference to one global threshold, over seeds.

    `allocation` has columns dataset, seed, recalibrated, percent, method ("allocation", "global", "layer"), frechet.
    """
    keys = ["dataset", "recalibrated", "percent", "seed"]
    differences = _minus(allocation, allocation[allocation.method == "global"], "frechet", keys)
    return spread(differences, ["dataset", "recalibrated", "percent", "method"], ["frechet", "difference"])


def flat(spread: pd.DataFrame) -> pd.DataFrame:
    """A `spread` with plain columns, to be written."""
    return spread.set_axis([" ".join(filter(None, column)) for column in spread.columns], axis=1).reset_index()


def correlations(generators: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rank correlation of similarity with the Fréchet distance among generators of one overall sparsity.

    Pooled over sparsities the two agree because sparsity drives both. So here: among all methods, as pruned and
    recalibrated, within one training seed, data set and sparsity; the mean over seeds, with and without random masks.
    With a distance -1 is perfect agreement. n is the number of seeds, `generators` how many a seed has.
    """
    rows = generators[~_by_own_s(generators) & (generators.threshold > 0)]
    table = []
    for (dataset, threshold), own in rows.groupby(["dataset", "threshold"]):
        row = {"dataset": dataset, "threshold": threshold}
        for suffix, chosen in (("", own), (", no random masks", own[own.method != "random"])):
            seeds = [group for _, group in chosen.groupby("seed") if len(group) > 2]
            for metric in ("ssim", "uqi"):
                found = [group[metric].corr(group.frechet, method="spearman") for group in seeds]
                row[metric + suffix] = pd.Series(found, dtype=float).mean()
        table.append(row | {"generators": len(own) / own.seed.nunique(), "n": own.seed.nunique()})
    return pd.DataFrame(table).set_index(["dataset", "threshold"])


def second_opinion(generators: pd.DataFrame) -> pd.DataFrame:
    """Kendall's tau between the Fréchet distances by the two classifiers, over the pruned generators of a data set.

    Over all of them, and only among those at one overall sparsity: the mean over (seed, sparsity), n of these groups.
    """
    if "frechet_plain" not in generators:  # a study from before, or a data set that has one classifier
        generators = generators.assign(frechet_plain=float("nan"))
    rows = generators[generators.threshold > 0].dropna(subset=["frechet_plain"])
    table = []
    for dataset, own in rows.groupby("dataset"):
        groups = [g for _, g in own[~_by_own_s(own)].groupby(["seed", "threshold"]) if len(g) > 2]
        for name, chosen in (("all", [own]), ("at one sparsity", groups)):
            taus = [g.frechet.corr(g.frechet_plain, method="kendall") for g in chosen]
            n = len(own) if name == "all" else len(groups)
            table.append({"dataset": dataset, "generators": name, "tau": pd.Series(taus, dtype=float).mean(), "n": n})
    return pd.DataFrame(table, columns=["dataset", "generators", "tau", "n"]).set_index(["dataset", "generators"])


def rank_disagreements(generators: pd.DataFrame) -> pd.DataFrame:
    """Per data set, of its first seed, the two generators that similarity and quality rank most differently.

    Among those pruned by a criterion: what random masks leave is noise, however it ranks. `ranked_higher_by` is
    "similarity" where SSIM ranks it better than the Fréchet distance does, or "quality".
    """
    disagreements = []
    first = generators.groupby("dataset").seed.transform("min")
    chosen = generators[(generators.seed == first) & (generators.threshold > 0) & (generators.method != "random")]
    for _, rows in chosen.groupby("dataset"):
        gap = rows.ssim.rank() - rows.frechet.rank(ascending=False)
        both = rows.loc[[gap.idxmax(), gap.idxmin()]]
        disagreements.append(both.assign(ranked_higher_by=["similarity", "quality"]))
    return pd.concat(disagreements)
