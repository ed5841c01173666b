"""Generators of every compression side by side, with and without retraining: the tables and numbers of one page."""

import pandas as pd

from ganprune_utils.analysis.formatting import mean_std
from ganprune_utils.errors import DataError

CONFIGURATION = ["training", "pruned_network", "granularity", "criterion"]  # how a network was made
TOLERANCE = 1.05  # of the dense Fréchet distance
COLLAPSED = 1.0001  # a classifier score below this: the same image whatever the noise
GOALS = {"half of the filters removed": 3.0, "3/4 of the filters removed": 6.0}  # times faster, set beforehand
ALARMS = {"classes": "classes covered", "coverage": "coverage ", "D wins": "discriminator wins"}


def cells(compressed: pd.DataFrame, retrained: pd.DataFrame) -> pd.DataFrame:
    """Both sources in one tidy table, recalibrated: one row per (data set, seed, configuration, target compression).

    `compressed` has the rows of notebook 7 (several draws of what is random become their mean), `retrained` those of
    notebook 8, may be empty. Columns: dataset, seed, training ("none", "one-shot", "iterative", "dense", "scratch"),
    pruned_network, granularity, criterion, target_compression, compression, and what was measured.

    Raises DataError where there is nothing, where a cell is there twice, or a seed has no dense generator.
    """
    if compressed.empty:
        raise DataError("results: have no compression.csv; run notebook 7 first")
    key = ["dataset", "seed", *CONFIGURATION, "target_compression"]
    rows = compressed[compressed.recalibrated].assign(training="none", pruned_network="generator")
    numbers = rows.select_dtypes("number").columns.difference([*key, "draw"])
    rows = rows.groupby(key, sort=False).agg(dict.fromkeys(numbers, "mean") | {"widths": "first"}).reset_index()
    if not retrained.empty:
        rows = pd.concat([rows, _named_by_training(retrained)], ignore_index=True)
    twice = rows[rows.duplicated(key)]
    if len(twice):
        raise DataError(f"results: {', '.join(map(str, twice.iloc[0][key]))} was run twice, in different ways")
    pairs, bare = ({*zip(part.dataset, part.seed, strict=True)} for part in (rows, rows[rows.training == "none"]))
    if missing := pairs - bare:
        raise DataError(f"results: {', '.join(map(str, min(missing)))} has no run of notebook 7")
    return rows


def _named_by_training(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows[rows.recalibrated].reset_index(drop=True)
    rows["training"] = rows.schedule.str.replace("_", "-")
    rows.loc[rows.rewind, "training"] += ", rewound"
    for schedule, granularity in (("dense", "dense"), ("scratch", "structured")):
        rows.loc[rows.schedule == schedule, CONFIGURATION[1:]] = ["generator", granularity, "none"]
    other = rows.discriminator_rate != 1
    rows.loc[other, "pruned_network"] += ", D at " + rows.discriminator_rate.map("{:g}".format) + " of its rate"
    return rows


def retrained(rows: pd.DataFrame) -> pd.DataFrame:
    """Those of `cells` that were pruned and trained again; not the dense pair, nor what was trained from scratch."""
    return rows[rows.training.str.startswith(("one-shot", "iterative"))]


def one_table(rows: pd.DataFrame, metric: str = "frechet", digits: int = 2) -> pd.DataFrame:
    """The metric, "mean ± std (n)" over training seeds; (data set, target compression) in columns; blank: not run."""
    grouped = rows.groupby(["dataset", *CONFIGURATION, "target_compression"], sort=False)[metric]
    text = grouped.agg(lambda values: f"{mean_std(values.mean(), values.std(), digits)} ({values.count()})")
    wide = text.unstack(["dataset", "target_compression"]).sort_index(axis=1)
    order = rows.drop_duplicates(CONFIGURATION)[CONFIGURATION]
    return wide.loc[pd.MultiIndex.from_frame(order)].fillna("")


def by_dataset(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """`one_table` as one table per data set, without the configurations and compressions that it has no run of."""
    each = {name: table[name] for name in table.columns.unique(level=0)}
    return {name: times(own.loc[(own != "").any(axis=1), (own != "").any()]) for name, own in each.items()}


def times(table: pd.DataFrame) -> pd.DataFrame:
    """Compressions in the column names as "8×"."""
    return table.rename(columns=lambda name: name if isinstance(name, str) else f"{name:g}×")


def best_within(rows: pd.DataFrame, tolerance: float = TOLERANCE) -> pd.DataFrame:
    """For each data set the networks of most compression and of fewest MACs that stay within the tolerance.

    Of its first seed, the one that was retrained. Chosen by `frechet_validation`, against that of the dense generator
    without training; the row then shows `frechet`, of images and noise that had no part in the choice, and how far that
    lies above the dense generator's (rise) and above that of the dense pair trained on (rise_control). What is a mean
    of random draws is no network, and one that has as many MACs as the dense one saves none.
    """
    best = []
    for _, own in rows.groupby("dataset", sort=False):
        own = own[own.seed == own.seed.min()]
        dense = own[(own.granularity == "dense") & (own.training == "none")].iloc[0]
        control = own[(own.granularity == "dense") & (own.training == "dense")].frechet
        allowed = own[(own.frechet_validation <= tolerance * dense.frechet_validation) & ~is_mean(own)]
        # Of two that are as small, the better; no two compressions are the same to the last digit.
        smallest = allowed.assign(rank=-allowed.compression.round(1)).sort_values(["rank", "frechet_validation"])
        fewest_macs = allowed[allowed.macs < dense.macs].sort_values(["macs", "frechet_validation"])
        for goal, ranked in (("parameters", smallest), ("MACs", fewest_macs)):
            row = (ranked.iloc[0] if len(ranked) else dense).to_dict()
            row |= {"fewest": goal, "frechet_dense": dense.frechet, "times_fewer_macs": dense.macs / row["macs"]}
            row["rise"] = row["frechet"] / dense.frechet - 1
            row["rise_control"] = row["frechet"] / control.iloc[0] - 1 if len(control) else float("nan")
            if "ms, batch 64" in row:
                row["times_faster"] = dense["ms, batch 64"] / row["ms, batch 64"]
            best.append(row)
    names = ["dataset", "seed", "fewest", *CONFIGURATION, "compression", "times_fewer_macs", "times_faster"]
    return pd.DataFrame(best).reindex(columns=[*names, "frechet", "frechet_dense", "rise", "rise_control"])


def is_mean(rows: pd.DataFrame) -> pd.Series:
    """Whether a row is the mean of several random draws, and no one network."""
    return (rows.criterion == "random") & (rows.training == "none")


def front(rows: pd.DataFrame, cost: str, metric: str = "frechet") -> pd.DataFrame:
    """The Pareto front: rows that no other row beats in both `cost` and `metric`, lower being better, by cost."""
    ordered = rows.sort_values([cost, metric])
    return ordered[ordered[metric] < ordered[metric].cummin().shift(fill_value=float("inf"))]


def costs(rows: pd.DataFrame) -> pd.DataFrame:
    """Dense over pruned at the target compressions: multiplications, time, packed bytes, of the first seed.

    `rows` are of `cells` with `packed` and the columns "ms, batch 1" and "ms, batch 64".
    """
    rows = rows[(rows.training == "none") & rows.criterion.isin(["none", "magnitude"])]
    rows = rows[rows.seed == rows.groupby("dataset").seed.transform("min")]
    rows = rows.set_index(["dataset", "granularity", "target_compression"])
    timed = {f"ms, batch {n}": f"time, batch {n}" for n in (64, 1)}
    names = {"macs": "multiplications", "packed": "bytes"} | timed
    dense = rows.xs("dense", level="granularity").droplevel("target_compression")[list(names)]
    ratios = dense.div(rows[list(names)], level="dataset").rename(columns=names)
    ratios.insert(0, "parameters not zero", rows.compression)
    return ratios.drop(index="dense", level="granularity").astype(float).round(2)


def saving(cost: pd.DataFrame, latency: pd.DataFrame) -> pd.DataFrame:
    """Dense over each network of notebook 9: parameters that are not zero, MACs, time a runner, memory, bytes."""
    if cost.empty:
        return cost
    columns = {"nonzeros": "weights that are not zero", "MACs": "multiplications"}
    columns |= {"memory": "memory", "zipped": "bytes, zipped", "sparse": "bytes, sparse"}
    ratios = {}
    for dataset, own in cost.groupby("dataset", sort=False):
        own = own.set_index("network")
        fewer = (own.loc["dense", list(columns)] / own[list(columns)]).rename(columns=columns)
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
    by_scan = guided[guided.method == "guided"].assign(scope="guided", criterion="l2")
    rows = pd.concat([filters, by_scan])
    rows = rows[rows.recalibrated]
    order = rows.drop_duplicates(["scope", "criterion"])[["scope", "criterion"]]
    wide = rows.pivot_table(index=["scope", "criterion"], columns=["dataset", "ratio"], values="frechet")
    wide = wide.loc[pd.MultiIndex.from_frame(order)]
    return _two_digits(wide.rename(columns=lambda ratio: f"{100 * ratio:g} %", level="ratio"))


def balance(rounds: pd.DataFrame) -> pd.DataFrame:
    """D(x), D(G(z)) and the balance ratio after the last round, and the number of rounds in which each alarm went off.

    `rounds` are the rows of notebook 8; one row per configuration and target compression. What is the same in all of
    them is left out, but for the schedule.
    """
    if rounds.empty:
        return rounds
    names = ["dataset", "schedule", "granularity", "criterion", "pruned_network", "rewind", "discriminator_rate"]
    rounds, rows = rounds.copy(), {}
    # How it would have been pruned does not matter where nothing is.
    rounds.loc[rounds.schedule.isin(["dense", "scratch"]), ["granularity", "criterion", "pruned_network"]] = "-"
    for key, own in rounds.groupby([*names, "target_compression"], sort=False):
        last, alarms = own.iloc[-1], own.alarm.fillna("")
        means = {"D(x)": last.d_real, "D(G(z))": last.d_fake, "balance ratio": last.balance}
        counts = {name: alarms.str.contains(text, regex=False).sum() for name, text in ALARMS.items()}
        rows[key] = {name: f"{mean:.2f}" for name, mean in means.items()} | {"rounds": len(own)} | counts
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(rows, names=[*names, "target_compression"])
    same = [name for name in names if name != "schedule" and rounds[name].nunique() == 1]
    return table.droplevel(same)


def paying(rows: pd.DataFrame) -> pd.DataFrame:
    """Fréchet distance not retrained beside retrained: (data set, granularity, criterion, pruned network) in rows,
    (compression, training) in columns. `rows` are of `cells`."""
    key, trained = ["dataset", "seed", "granularity", "criterion"], retrained(rows)
    index = ["dataset", "granularity", "criterion", "pruned_network"]
    bare = rows[rows.training == "none"].drop(columns="pruned_network")
    bare = bare.merge(trained[[*key, "pruned_network"]].drop_duplicates(), on=key)
    bare = bare[bare.target_compression.isin(trained.target_compression)].assign(training="not retrained")
    both = pd.concat([bare, trained])
    order = list(dict.fromkeys(both.training))
    wide = both.pivot(index=index, columns=["target_compression", "training"], values="frechet")
    columns = [(c, t) for c in sorted(set(both.target_compression)) for t in order if (c, t) in wide.columns]
    return times(_two_digits(wide[columns]))


def _two_digits(table: pd.DataFrame) -> pd.DataFrame:
    return table.map(lambda value: "" if pd.isna(value) else f"{value:.2f}")


def steps_left(rounds: pd.DataFrame) -> tuple[int, dict[float, int]]:
    """Training steps of a schedule in all, and of the iterative one those after its last pruning, by compression."""
    if rounds.empty:
        return 0, {}
    plain = rounds[rounds.schedule.isin(["one_shot", "iterative"]) & ~rounds.rewind]
    last = plain[(plain.schedule == "iterative") & (plain["round"] == plain["round"].max())]
    steps = 0 if plain.empty else int(plain.steps.max())
    return steps, last.groupby("target_compression").steps_since_pruning.max().to_dict()


def findings(rows: pd.DataFrame, latency: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The numbers of the page's first section, a small table each; those that were not measured are empty.

    `rows` are of `cells`, `latency` of notebook 9, may be empty.
    """
    bare, trained = rows[rows.training == "none"], retrained(rows)
    return {
        "without_retraining": best_not_retrained(bare),
        "after_training": best_after_training(rows),
        "made_worse": made_worse(bare, trained),
        "both_pruned": both_pruned(trained),
        "slower_discriminator": slower_discriminator(trained),
        "random_pruning": random_over_magnitude(trained),
        "one_image": one_image(bare),
        "speed": speed(latency),
    }


def best_not_retrained(bare: pd.DataFrame) -> pd.DataFrame:
    """The best criterion at the lowest target compression, for each data set and granularity, beside the dense one."""
    means = bare.groupby(["dataset", "target_compression", "granularity", "criterion"], sort=False).frechet.mean()
    means = means.reset_index()
    pruned, dense = means[means.granularity != "dense"], means[means.granularity == "dense"]
    lowest = pruned[pruned.target_compression == pruned.groupby("dataset").target_compression.transform("min")]
    best = lowest.loc[lowest.groupby(["dataset", "granularity"], sort=False).frechet.idxmin()]
    return best.assign(frechet_dense=best.dataset.map(dense.set_index("dataset").frechet))


def best_after_training(rows: pd.DataFrame) -> pd.DataFrame:
    """Lowest Fréchet distance after training: (data set, network) in rows, compressions in columns."""
    trained = rows[rows.training != "none"]
    names = {"dense": "dense, trained as long", "scratch": "small dense, trained from scratch"}
    network = trained.training.map(names).fillna(trained.granularity + ", retrained")
    wide = trained.assign(network=network).pivot_table(
        index=["dataset", "network"], columns="target_compression", values="frechet", aggfunc="min"
    )
    return times(_two_digits(wide))


def made_worse(bare: pd.DataFrame, trained: pd.DataFrame) -> pd.DataFrame:
    """How many retrained networks are worse than before, and the lowest compression at which one is (NaN: none)."""
    same = ["dataset", "seed", "granularity", "criterion", "target_compression"]
    both = trained.merge(bare, on=same, suffixes=("", "_before"))
    worse = both[both.frechet > both.frechet_before].groupby("dataset").target_compression.agg(["size", "min"])
    table = both.groupby("dataset").size().to_frame("networks").join(worse)
    return table.rename(columns={"size": "worse", "min": "lowest"}).fillna({"worse": 0}).reset_index()


def both_pruned(trained: pd.DataFrame) -> pd.DataFrame:
    """In how many pairs of configurations pruning the discriminator too gave worse images."""
    pairs = _beside(trained, "pruned_network", ["generator", "both"])
    return (pairs["both"] > pairs["generator"]).groupby("dataset").agg(pairs="size", worse="sum").reset_index()


def random_over_magnitude(trained: pd.DataFrame) -> pd.DataFrame:
    """The Fréchet distance of random pruning over that of magnitude pruning: least, most and median of all pairs."""
    pairs = _beside(trained, "criterion", ["magnitude", "random"])
    ratio = (pairs["random"] / pairs["magnitude"]).groupby(["dataset", "granularity"])
    return ratio.agg(low="min", high="max", median="median", pairs="size").reset_index()


def _beside(trained: pd.DataFrame, name: str, values: list[str]) -> pd.DataFrame:
    """Fréchet distances of configurations that differ in `name` alone, its two values in columns."""
    same = [column for column in ["dataset", *CONFIGURATION, "target_compression"] if column != name]
    return trained.pivot_table(index=same, columns=name, values="frechet").reindex(columns=values).dropna()


def slower_discriminator(trained: pd.DataFrame) -> pd.DataFrame:
    """A discriminator that learns more slowly, beside the same configuration without it (frechet_without)."""
    slower = trained[trained.pruned_network.str.contains(", D at ")]
    same = ["dataset", "seed", "training", "granularity", "criterion", "target_compression"]
    plain = trained[trained.pruned_network == "generator"]
    return slower.merge(plain, on=same, suffixes=("", "_without"))[[*same, "frechet", "frechet_without"]]


def one_image(bare: pd.DataFrame) -> pd.DataFrame:
    """In how many seeds a network that was not retrained makes one image of any noise, where there is such a seed."""
    names = ["dataset", "granularity", "criterion", "target_compression"]
    collapsed = bare.assign(collapsed=bare.score < COLLAPSED).groupby(names, sort=False).collapsed
    counts = collapsed.agg(collapsed="sum", seeds="size").reset_index()
    return counts[counts.collapsed > 0]


def speed(latency: pd.DataFrame) -> pd.DataFrame:
    """Times faster than dense on one thread at batch 64, least and most over data sets, and whether the goal is met."""
    if latency.empty:
        return latency
    rows = latency[latency.network.isin(list(GOALS)) & (latency.threads == 1) & (latency.batch == 64)]
    ranges = rows.groupby(["network", "runner"], sort=False).ratio.agg(low="min", high="max").reset_index()
    return ranges.assign(goal=ranges.network.map(GOALS), met=ranges.low >= ranges.network.map(GOALS))


def checklist(rows: pd.DataFrame) -> dict[str, dict]:
    """What Blalock et al. (2020) ask for, without and with retraining: the seeds of each data set, the
    compressions, and for two baselines the granularities on each data set. `rows` are of `cells`."""
    answers = {}
    for name, own in (("without retraining", rows[rows.training == "none"]), ("with retraining", retrained(rows))):
        pruned = own[own.granularity != "dense"]
        if len(pruned):
            answers[name] = {
                "seeds": own.groupby("dataset").seed.nunique().to_dict(),
                "compressions": sorted(pruned.target_compression.unique()),
                "random": _granularities(pruned, "random"),
                "magnitude": _granularities(pruned, "magnitude"),
            }
    return answers


def _granularities(pruned: pd.DataFrame, criterion: str) -> dict[str, list[str]]:
    used = pruned.granularity.where(pruned.criterion == criterion)
    return {name: sorted(own.dropna().unique()) for name, own in used.groupby(pruned.dataset)}
