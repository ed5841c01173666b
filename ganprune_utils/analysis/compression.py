"""Generators of every compression side by side, with and without retraining: the tables and numbers of one page."""

import pandas as pd

from ganprune_utils.analysis.formatting import mean_std
from ganprune_utils.errors import DataError

CONFIGURATION = ["training", "pruned_network", "granularity", "criterion"]  # how a network was made
SAME = ["dataset", "seed", "granularity", "criterion", "target_compression"]  # what retraining does not change
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
        trained = retrained[retrained.recalibrated].reset_index(drop=True)
        trained["training"] = trained.schedule.str.replace("_", "-") + trained.rewind.map(
            {True: ", rewound", False: ""}
        )
        for schedule, granularity in (("dense", "dense"), ("scratch", "structured")):
            trained.loc[trained.schedule == schedule, CONFIGURATION[1:]] = ["generator", granularity, "none"]
        rate = ", D at " + trained.discriminator_rate.map("{:g}".format) + " of its rate"
        trained["pruned_network"] += rate.where(trained.discriminator_rate != 1, "")
        rows = pd.concat([rows, trained], ignore_index=True)
    if len(twice := rows[rows.duplicated(key)]):
        raise DataError(f"results: {', '.join(map(str, twice.iloc[0][key]))} was run twice, in different ways")
    pairs, bare = ({*zip(part.dataset, part.seed, strict=True)} for part in (rows, rows[rows.training == "none"]))
    if missing := pairs - bare:
        raise DataError(f"results: {', '.join(map(str, min(missing)))} has no run of notebook 7")
    return rows


def pruned_and_trained(rows: pd.DataFrame) -> pd.DataFrame:
    """Those of `cells` that were pruned and trained again; not the dense pair, nor what was trained from scratch."""
    return rows[rows.training.str.startswith(("one-shot", "iterative"))]


def one_table(rows: pd.DataFrame, metric: str = "frechet") -> pd.DataFrame:
    """The metric, "mean ± std (n)" over training seeds; (data set, target compression) in columns; blank: not run."""
    grouped = rows.groupby(["dataset", *CONFIGURATION, "target_compression"], sort=False)[metric]
    text = grouped.agg(lambda values: f"{mean_std(values.mean(), values.std(), 2)} ({values.count()})")
    wide = text.unstack(["dataset", "target_compression"]).sort_index(axis=1)
    return wide.loc[pd.MultiIndex.from_frame(rows[CONFIGURATION].drop_duplicates())].fillna("")


def by_dataset(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """`one_table` as one table per data set, without the configurations and compressions that it has no run of."""
    each = {name: table[name] for name in table.columns.unique(level=0)}
    return {name: _times(own.loc[(own != "").any(axis=1), (own != "").any()]) for name, own in each.items()}


def _times(table: pd.DataFrame) -> pd.DataFrame:
    """Compressions in the column names as "8×"; numbers with two digits, what is missing blank."""
    text = table.map(lambda value: value if isinstance(value, str) else "" if pd.isna(value) else f"{value:.2f}")
    return text.rename(columns=lambda name: name if isinstance(name, str) else f"{name:g}×")


def best_within(rows: pd.DataFrame) -> pd.DataFrame:
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
        allowed = own[(own.frechet_validation <= TOLERANCE * dense.frechet_validation) & ~is_mean(own)]
        # Of two that are as small, the better; no two compressions are the same to the last digit.
        smallest = allowed.assign(rank=-allowed.compression.round(1)).sort_values(["rank", "frechet_validation"])
        fewest_macs = allowed[allowed.macs < dense.macs].sort_values(["macs", "frechet_validation"])
        for goal, ranked in (("parameters", smallest), ("MACs", fewest_macs)):
            row = (ranked.iloc[0] if len(ranked) else dense).to_dict()
            row |= {"fewest": goal, "frechet_dense": dense.frechet, "times_fewer_macs": dense.macs / row["macs"]}
            rises = {"rise": dense.frechet, "rise_control": control.iloc[0] if len(control) else float("nan")}
            row |= {name: row["frechet"] / start - 1 for name, start in rises.items()}
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
    names = {"macs": "multiplications", "packed": "bytes"}
    names |= {f"ms, batch {n}": f"time, batch {n}" for n in (64, 1)}
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
    return _times(wide.rename(columns=lambda ratio: f"{100 * ratio:g} %", level="ratio"))


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
    return table.droplevel([name for name in names if name != "schedule" and rounds[name].nunique() == 1])


def paying(rows: pd.DataFrame) -> pd.DataFrame:
    """Fréchet distance not retrained beside retrained: (data set, granularity, criterion, pruned network) in rows,
    (compression, training) in columns. `rows` are of `cells`."""
    trained = pruned_and_trained(rows)
    bare = rows[(rows.training == "none") & rows.target_compression.isin(trained.target_compression)]
    bare = bare.drop(columns="pruned_network").assign(training="not retrained")
    bare = bare.merge(trained[[*SAME[:-1], "pruned_network"]].drop_duplicates(), on=SAME[:-1])
    both = pd.concat([bare, trained])
    index = ["dataset", "granularity", "criterion", "pruned_network"]
    wide = both.pivot(index=index, columns=["target_compression", "training"], values="frechet")
    columns = [(c, t) for c in sorted(set(both.target_compression)) for t in dict.fromkeys(both.training)]
    return _times(wide[[column for column in columns if column in wide.columns]])


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

    `rows` are of `cells`, `latency` of notebook 9, may be empty. without_retraining: the best criterion at the lowest
    target compression, beside the dense generator. after_training: the lowest Fréchet distance, (data set, network) in
    rows, compressions in columns. made_worse: how many retrained networks are worse than before, and
    the lowest compression at which one is (NaN: none). both_pruned: in how many pairs of configurations pruning the
    discriminator too gave worse images. slower_discriminator: one that learns more slowly, beside the same
    configuration without it. random_pruning: its distance over that of magnitude pruning. one_image: in how many seeds
    a network that was not retrained makes one image of any noise. speed: times faster than dense on one thread at batch
    64, least and most over data sets, and whether the goal is met.
    """
    bare, trained, found = rows[rows.training == "none"], pruned_and_trained(rows), {}

    means = bare.groupby(["dataset", "target_compression", "granularity", "criterion"], sort=False).frechet.mean()
    means = means.reset_index()
    pruned, dense = means[means.granularity != "dense"], means[means.granularity == "dense"]
    lowest = pruned[pruned.target_compression == pruned.groupby("dataset").target_compression.transform("min")]
    best = lowest.loc[lowest.groupby(["dataset", "granularity"], sort=False).frechet.idxmin()]
    found["without_retraining"] = best.assign(frechet_dense=best.dataset.map(dense.set_index("dataset").frechet))

    names = {"dense": "dense, trained as long", "scratch": "small dense, trained from scratch"}
    after = rows[rows.training != "none"]
    after = after.assign(network=after.training.map(names).fillna(after.granularity + ", retrained"))
    index, columns = ["dataset", "network"], "target_compression"
    after = after.pivot_table(index=index, columns=columns, values="frechet", aggfunc="min")
    found["after_training"] = _times(after)

    both = trained.merge(bare, on=SAME, suffixes=("", "_before"))
    worse = both[both.frechet > both.frechet_before].groupby("dataset").target_compression
    worse = both.groupby("dataset").size().to_frame("networks").join(worse.agg(worse="size", lowest="min"))
    found["made_worse"] = worse.fillna({"worse": 0}).reset_index()

    pairs = _beside(trained, "pruned_network", ["generator", "both"])
    worse = (pairs["both"] > pairs["generator"]).groupby("dataset").agg(pairs="size", worse="sum")
    found["both_pruned"] = worse.reset_index()

    slower = trained[trained.pruned_network.str.contains(", D at ")]
    plain = trained[trained.pruned_network == "generator"]
    slower = slower.merge(plain, on=["training", *SAME], suffixes=("", "_without"))
    found["slower_discriminator"] = slower[["training", *SAME, "frechet", "frechet_without"]]

    pairs = _beside(trained, "criterion", ["magnitude", "random"])
    ratio = (pairs["random"] / pairs["magnitude"]).groupby(["dataset", "granularity"])
    found["random_pruning"] = ratio.agg(low="min", high="max", median="median", pairs="size").reset_index()

    collapsed = bare.assign(collapsed=bare.score < COLLAPSED)
    collapsed = collapsed.groupby([name for name in SAME if name != "seed"], sort=False).collapsed
    collapsed = collapsed.agg(collapsed="sum", seeds="size").reset_index()
    found["one_image"] = collapsed[collapsed.collapsed > 0]

    found["speed"] = latency
    if not latency.empty:
        timed = latency[latency.network.isin(list(GOALS)) & (latency.threads == 1) & (latency.batch == 64)]
        speed = timed.groupby(["network", "runner"], sort=False).ratio.agg(low="min", high="max").reset_index()
        goal = speed.network.map(GOALS)
        found["speed"] = speed.assign(goal=goal, met=speed.low >= goal)
    return found


def _beside(trained: pd.DataFrame, name: str, values: list[str]) -> pd.DataFrame:
    """Fréchet distances of configurations that differ in `name` alone, its two values in columns."""
    same = [column for column in ["dataset", *CONFIGURATION, "target_compression"] if column != name]
    return trained.pivot_table(index=same, columns=name, values="frechet").reindex(columns=values).dropna()


def checklist(rows: pd.DataFrame) -> dict[str, dict]:
    """What Blalock et al. (2020) ask for, without and with retraining: the seeds of each data set, the
    compressions, and for two baselines the granularities on each data set. `rows` are of `cells`."""
    parts = {"without retraining": rows[rows.training == "none"], "with retraining": pruned_and_trained(rows)}
    answers = {}
    for name, own in parts.items():
        pruned = own[own.granularity != "dense"]
        seeds = own.groupby("dataset").seed.nunique().to_dict()
        answers[name] = {"seeds": seeds, "compressions": sorted(pruned.target_compression.unique())}
        for criterion in ("random", "magnitude"):
            used = pruned.granularity.where(pruned.criterion == criterion).groupby(pruned.dataset)
            answers[name][criterion] = {dataset: sorted(each.dropna().unique()) for dataset, each in used}
    return {name: answer for name, answer in answers.items() if answer["compressions"]}
