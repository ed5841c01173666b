"""Generators of every compression side by side, with and without retraining: the tables and numbers of one page."""

import numpy as np
import pandas as pd

from ganprune_utils.analysis.formatting import mean_std
from ganprune_utils.errors import DataError

PRUNING = ["granularity", "criterion", "allocation"]  # how a network was pruned, and then how it was trained:
CONFIGURATION = [*PRUNING, "training", "pruned_network", "distillation", "budget"]
SAME = ["dataset", "seed", *PRUNING, "target_compression"]  # what retraining does not change
CRITERIA = {  # what a method is called in the table, where that is another name
    ("structured", "magnitude"): "L2 norm",
    ("structured", "bn_scale"): "BatchNorm scale",
    ("structured", "taylor"): "Taylor (images)",
    ("structured", "taylor_adversarial"): "Taylor (adversarial loss)",
    ("unstructured", "wanda"): "Wanda",
}
ALLOCATIONS = {"own": "", "last_dense": ", last layer dense", "as_filters": ", allocation of filters"}
NEAR = 0.75  # of the Fréchet distance of one image repeated: from there on nothing is called better or worse


def cells(compressed: pd.DataFrame, retrained: pd.DataFrame, one_image: dict[str, float]) -> pd.DataFrame:
    """Both sources in one tidy table, recalibrated: one row per (data set, seed, configuration, target compression).

    `compressed` has the rows of notebook 7 (several draws of what is random become their mean), `retrained` those of
    notebook 8, may be empty; `one_image` the Fréchet distance of one image repeated, by data set. Columns: dataset,
    seed, granularity, criterion, allocation, training ("none", "one-shot", "iterative", "dense", "scratch"),
    pruned_network, distillation, budget (steps of retraining, 0: none), target_compression, compression, method (all of
    the configuration but the budget, in words), near (to one image), left (parameters), and what was measured.

    Raises DataError where there is nothing, where a cell is there twice, or a seed has no dense generator.
    """
    if compressed.empty:
        raise DataError("results: have no compression.csv; run notebook 7 first")
    key = ["dataset", "seed", *CONFIGURATION, "target_compression"]
    rows = compressed[compressed.recalibrated].assign(training="none", pruned_network="generator")
    rows = rows.assign(distillation=0.0, budget=0)
    numbers = rows.select_dtypes("number").columns.difference([*key, "draw"])
    rows = rows.groupby(key, sort=False).agg(dict.fromkeys(numbers, "mean") | {"widths": "first"}).reset_index()
    if not retrained.empty:
        trained = retrained[retrained.recalibrated].reset_index(drop=True).assign(allocation="own")
        rewound = trained.rewind.map({True: ", rewound", False: ""})
        trained["training"] = trained.schedule.str.replace("_", "-") + rewound
        for schedule, granularity in (("dense", "dense"), ("scratch", "structured")):
            pruned = ["granularity", "criterion", "pruned_network"]
            trained.loc[trained.schedule == schedule, pruned] = [granularity, "none", "generator"]
        rate = ", D at " + trained.discriminator_rate.map("{:g}".format) + " of its rate"
        trained["pruned_network"] += rate.where(trained.discriminator_rate != 1, "")
        rows = pd.concat([rows, trained], ignore_index=True)
    if len(twice := rows[rows.duplicated(key)]):
        raise DataError(f"results: {', '.join(map(str, twice.iloc[0][key]))} was run twice, in different ways")
    pairs, bare = ({*zip(part.dataset, part.seed, strict=True)} for part in (rows, rows[rows.training == "none"]))
    if missing := pairs - bare:
        raise DataError(f"results: {', '.join(map(str, min(missing)))} has no run of notebook 7")
    rows["method"] = [method(row) for row in rows.itertuples()]
    rows["near"] = rows.frechet >= NEAR * rows.dataset.map(one_image)
    rows["left"] = rows.parameters.where(rows.granularity != "unstructured", rows.nonzeros)
    return rows


def method(row) -> str:
    """A row's configuration but for its budget, as the table calls it."""
    if row.training == "scratch" or row.granularity == "dense":
        return "small dense, from scratch" if row.training == "scratch" else "dense"
    kind = "masks" if row.granularity == "unstructured" else "filters"
    name = CRITERIA.get((row.granularity, row.criterion), row.criterion)
    training = row.training.replace("none", "").replace("one-shot", "").replace("iterative", ", little by little")
    network = row.pruned_network.replace("both", ", D alike").removeprefix("generator")
    return f"{kind}: {name}{ALLOCATIONS[row.allocation]}{training}{network}" + ", distilled" * (row.distillation > 0)


def pruned_and_trained(rows: pd.DataFrame) -> pd.DataFrame:
    """Those of `cells` that were pruned and trained again; not the dense pair, nor what was trained from scratch."""
    return rows[rows.training.str.startswith(("one-shot", "iterative"))]


def with_unretrained(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` of `cells`, and for each method that was retrained what not retraining it gives, under its name."""
    bare, trained = rows[rows.training == "none"], rows[rows.training != "none"]
    again = trained[[*SAME, "method"]].drop_duplicates().merge(bare.drop(columns="method"), on=SAME)
    key = ["dataset", "seed", "target_compression", "method", "budget"]  # the plainest have the same name in both
    return pd.concat([bare, again, trained], ignore_index=True).drop_duplicates(key)


def is_plain(rows: pd.DataFrame) -> pd.Series:
    """Whether a method is of the table: the generator alone pruned, at once or not at all, D at its own rate."""
    tried = pruned_and_trained(rows)
    tried = tried[tried.training.str.startswith("iterative") | (tried.pruned_network != "generator")]
    return ~rows.method.isin(tried.method)


def one_table(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """For each data set a row per (compression, method): parameters, MACs and milliseconds, and the Fréchet distance
    without retraining and after each budget, "mean ± std (n)" over training seeds.

    `rows` are of `with_unretrained`, with `ms`. In brackets: near one image repeated; blank: not run.
    """
    tables = {}
    for dataset, own in rows.groupby("dataset", sort=False):
        groups = own.groupby(["target_compression", "method"])
        table = pd.DataFrame({"parameters": (groups.left.mean() / 1e3).map("{:,.0f}".format)})
        table["MACs"], table["ms"] = (
            values.map("{:.3g}".format) for values in (groups.macs.mean() / 1e6, groups.ms.mean())
        )
        for budget, part in sorted(own.groupby("budget")):
            cell = part.groupby(["target_compression", "method"])[["frechet", "near"]].apply(_cell)
            table[f"{budget:,} steps" if budget else "not retrained"] = cell
        table.index = table.index.set_levels([f"{c:g}×" for c in table.index.levels[0]], level=0)
        tables[dataset] = table.rename_axis(["compression", "method"]).fillna("")
    return tables


def _cell(values: pd.DataFrame) -> str:
    text = f"{mean_std(values.frechet.mean(), values.frechet.std(), 2)} ({len(values)})"
    return f"[{text}]" if values.near.any() else text


def is_mean(rows: pd.DataFrame) -> pd.Series:
    """Whether a row is the mean of several random draws, and no one network."""
    return (rows.criterion == "random") & (rows.training == "none")


def best_of_each(rows: pd.DataFrame) -> pd.DataFrame:
    """The best network of each way to be small at each compression: of each data set's first seed, chosen by
    `frechet_validation` among all criteria and lengths of retraining.

    Adds `way`: dense, masks, filters, each alone or retrained, or small dense, from scratch. Means of several random
    draws, which are no network, are left out.
    """
    rows = rows[(rows.seed == rows.groupby("dataset").seed.transform("min")) & ~is_mean(rows)]
    way = rows.granularity.map({"dense": "dense", "unstructured": "masks", "structured": "filters"})
    way += np.where(rows.training.isin(["none", "dense", "scratch"]), "", ", retrained")
    rows = rows.assign(way=way.mask(rows.training == "scratch", "small dense, from scratch"))
    rows = rows.dropna(subset=["frechet_validation"])
    best = rows.groupby(["dataset", "way", "target_compression"], sort=False).frechet_validation.idxmin()
    return rows.loc[best].sort_values(["dataset", "way", "macs"])


def saving(cost: pd.DataFrame, latency: pd.DataFrame) -> pd.DataFrame:
    """Dense over each network of notebook 9: parameters that are not zero, MACs, time a runner, memory, bytes."""
    if cost.empty:
        return cost
    columns = {"nonzeros": "weights that are not zero", "MACs": "multiplications"}
    columns |= {"memory": "memory", "zipped": "bytes, zipped", "sparse": "bytes, sparse"}
    ratios = {}
    for dataset, own in cost.groupby("dataset", sort=False):
        own = own.set_index("network")[list(columns)]
        fewer = (own.loc["dense"] / own).rename(columns=columns)
        timed = latency[latency.dataset == dataset]
        for (runner, threads, batch), rows in timed.groupby(["runner", "threads", "batch"], sort=False):
            setting = "" if threads == 1 else f", {threads} threads"
            fewer[f"time, {runner}{setting}" + (", batch 1" if batch == 1 else "")] = rows.set_index("network").ratio
        ratios[dataset] = fewer
    return pd.concat(ratios, names=["dataset"]).astype(float).round(2)


def whole_filters(filters: pd.DataFrame, guided: pd.DataFrame) -> pd.DataFrame:
    """Fréchet distance, recalibrated: (scope, criterion) in rows, (data set, share of the filters) in columns."""
    if filters.empty:
        return filters
    index = ["scope", "criterion"]
    rows = pd.concat([filters, guided[guided.method == "guided"].assign(scope="guided", criterion="l2")])
    rows = rows[rows.recalibrated]
    wide = rows.pivot_table(index=index, columns=["dataset", "ratio"], values="frechet")
    wide = wide.loc[pd.MultiIndex.from_frame(rows[index].drop_duplicates())]
    shares = wide.rename(columns=lambda ratio: f"{100 * ratio:g} %", level="ratio")
    return shares.map(lambda value: "" if pd.isna(value) else f"{value:.2f}")


def findings(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The numbers of the page's first section, a small table each; those that were not measured are empty.

    `rows` are of `cells`. What is near one image repeated has no part in any comparison. without_retraining: the best
    method at the lowest target compression, beside the dense generator. allocation: masks by magnitude as they are, and
    at the allocation of filters, beside filters by L2 norm. made_worse: how many retrained networks are worse than
    before, the lowest compression at which one is (NaN: none), and how many were left out. distilled, both_pruned: in
    how many pairs of configurations that differ in it alone the images were better for it, or worse.
    """
    everything, rows = rows, rows[~rows.near]
    bare, trained, found = rows[rows.training == "none"], pruned_and_trained(rows), {}

    means = bare.groupby(["dataset", "target_compression", *PRUNING, "method"], sort=False).frechet.mean().reset_index()
    pruned, dense = means[means.granularity != "dense"], means[means.granularity == "dense"]
    lowest = pruned[pruned.target_compression == pruned.groupby("dataset").target_compression.transform("min")]
    best = lowest.loc[lowest.groupby(["dataset", "granularity"], sort=False).frechet.idxmin()]
    found["without_retraining"] = best.assign(frechet_dense=best.dataset.map(dense.set_index("dataset").frechet))

    magnitude = pruned[(pruned.criterion == "magnitude") & (pruned.allocation != "last_dense")]
    names = magnitude.granularity + ", " + magnitude.allocation
    index = ["dataset", "target_compression"]
    beside = magnitude.assign(name=names).pivot(index=index, columns="name", values="frechet")
    names = ["unstructured, own", "unstructured, as_filters", "structured, own"]
    found["allocation"] = beside.reindex(columns=names).dropna().reset_index()

    both = trained.merge(bare, on=SAME, suffixes=("", "_before"))
    worse = both[both.frechet > both.frechet_before].groupby("dataset").target_compression
    worse = both.groupby("dataset").size().to_frame("networks").join(worse.agg(worse="size", lowest="min"))
    left_out = pruned_and_trained(everything).groupby("dataset").size() - worse.networks
    found["made_worse"] = worse.assign(left_out=left_out).fillna({"worse": 0}).reset_index()

    distilled = trained.assign(distilled=trained.distillation > 0).drop(columns="distillation")
    pairs = _beside(distilled, "distilled", [False, True])
    better = (pairs[True] < pairs[False]).groupby(["dataset", "granularity", "target_compression", "budget"])
    found["distilled"] = better.agg(pairs="size", better="sum").reset_index()

    pairs = _beside(trained, "pruned_network", ["generator", "both"])
    worse = (pairs["both"] > pairs["generator"]).groupby("dataset")
    found["both_pruned"] = worse.agg(pairs="size", worse="sum").reset_index()
    return found


def _beside(rows: pd.DataFrame, name: str, values: list) -> pd.DataFrame:
    """Fréchet distances of configurations that differ in `name` alone, its two values in columns."""
    key = ["dataset", "seed", *CONFIGURATION, "target_compression"]
    same = [column for column in key if column != name and column in rows]
    return rows.pivot_table(index=same, columns=name, values="frechet").reindex(columns=values).dropna()
