"""What the one table of smaller generators says, in sentences whose numbers are computed, and the checklist."""

import pandas as pd

CONSTANT = 1.0001  # a classifier score below this: the same image whatever the noise
GOALS = {"half of the filters removed": 3.0, "3/4 of the filters removed": 6.0}  # times faster, set beforehand


def findings(rows: pd.DataFrame, latency: pd.DataFrame) -> list[str]:
    """What the one table says, a sentence each; every number is computed.

    `rows` are of `smaller.cells`, `latency` of notebook 11, may be empty.
    """
    found = []
    bare = rows[rows.training == "none"]
    means = bare.groupby(["dataset", "kind", "criterion", "aimed_at"]).frechet.mean()
    for dataset in rows.dataset.unique():
        dense = means[dataset, "dense", "none", 1.0]
        first = bare.aimed_at[(bare.dataset == dataset) & (bare.kind != "dense")].min()
        parts = []
        for kind in [kind for kind in ("masks", "filters") if kind in means[dataset].index.get_level_values(0)]:
            own = means.xs((dataset, kind, first), level=("dataset", "kind", "aimed_at"))
            parts.append(f"{own.min():.2f} by {kind} ({own.idxmin()})")
        found.append(
            f"{dataset}, not retrained, {first:g} times smaller: of the table's criteria at best "
            f"{' and '.join(parts)}; dense {dense:.2f}."
        )
    retrained = rows[rows.training.str.startswith(("one-shot", "iterative"))]
    for dataset, own in retrained.groupby("dataset", sort=False):
        seed = own.seed.min()
        before = bare[(bare.dataset == dataset) & (bare.seed == seed)]
        control = rows[(rows.dataset == dataset) & (rows.training == "dense")].frechet
        said = []
        for kind, arms in own.groupby("kind", sort=False):
            best = arms.groupby("aimed_at").frechet.min()
            said.append(f"{kind} " + ", ".join(f"{value:.2f} at {c:g}×" for c, value in best.items()))
        trained = f"; the dense pair trained as long {control.iloc[0]:.2f}" if len(control) else ""
        found.append(f"{dataset}, retrained (seed {seed}), the best of each: {'; '.join(said)}{trained}.")
        for narrow in rows[(rows.dataset == dataset) & (rows.training == "narrow")].itertuples():
            rivals = own[(own.kind == "filters") & (own.aimed_at == narrow.aimed_at)].frechet
            beside = f", the best of the pruned and retrained by filters {rivals.min():.2f}" if len(rivals) else ""
            found.append(
                f"{dataset}: a generator as narrow as one {narrow.aimed_at:g} times smaller, trained from scratch for "
                f"about as many steps as the dense training and the retraining together, has {narrow.frechet:.2f}"
                f"{beside}."
            )
        merged = own.merge(before, on=["kind", "criterion", "aimed_at"], suffixes=("", "_before"))
        worse = merged[merged.frechet > merged.frechet_before]
        found.append(
            f"{dataset}: retraining made {len(worse)} of {len(merged)} networks worse than not retraining"
            + (f", none of them below {worse.aimed_at.min():g}×." if len(worse) else ".")
        )
        wide = own.pivot_table(index=["training", "kind", "criterion", "aimed_at"], columns="parts", values="frechet")
        if {"generator", "both"} <= set(wide.columns):
            pairs = wide.dropna(subset=["generator", "both"])
            worse = (pairs["both"] > pairs["generator"]).sum()
            found.append(
                f"{dataset}: pruning the discriminator alike instead of the generator alone gave worse images in "
                f"{worse} of {len(pairs)} cells."
            )
        found += _slower(own, dataset)
        wide = own.pivot_table(index=["training", "kind", "parts", "aimed_at"], columns="criterion", values="frechet")
        if {"magnitude", "random"} <= set(wide.columns):
            for kind, pairs in wide.dropna(subset=["magnitude", "random"]).groupby(level="kind", sort=False):
                ratio = pairs["random"] / pairs["magnitude"]
                found.append(
                    f"{dataset}, {kind}, retrained: the distance with random pruning is {ratio.min():.2f} to "
                    f"{ratio.max():.2f} times that with magnitude, median {ratio.median():.2f} ({len(ratio)} cells)."
                )
    return [*found, *_emptied(bare), *_faster(latency)]


def _slower(retrained, dataset) -> list[str]:
    """What the remedy did: a discriminator that learns more slowly, against the same arm without it."""
    remedied = retrained[retrained.parts.str.contains(", D at ")]
    same = ["training", "kind", "criterion", "aimed_at"]
    pairs = remedied.merge(retrained[retrained.parts == "generator"], on=same, suffixes=("", "_without"))
    said = [f"{row.frechet:.2f} for {row.frechet_without:.2f} at {row.aimed_at:g}×" for row in pairs.itertuples()]
    if not said:
        return []
    return [
        f"{dataset}, a discriminator that learns more slowly ({pairs.kind[0]}, {pairs.training[0]}): {', '.join(said)}."
    ]


def _emptied(bare) -> list[str]:
    """Networks that make one image of any noise."""
    if "score" not in bare:
        return []
    seeds = (
        bare.assign(gone=bare.score < CONSTANT).groupby(["dataset", "kind", "criterion", "aimed_at"], sort=False).gone
    )
    return [
        f"{dataset}: {kind} by {criterion}, {c:g} times smaller, not retrained, give one image whatever the noise in "
        f"{gone.sum()} of {len(gone)} seeds."
        for (dataset, kind, criterion, c), gone in seeds
        if gone.any()
    ]


def _faster(latency) -> list[str]:
    """What was timed against what was hoped for, one thread and batches of 64."""
    found = []
    for network, goal in GOALS.items():
        own = (
            latency[(latency.network == network) & (latency.threads == 1) & (latency.batch == 64)]
            if len(latency)
            else ()
        )
        if len(own):
            ranges = own.groupby("runner", sort=False).ratio.agg(["min", "max"])
            said = [
                f"{runner} {low:.2f} to {high:.2f} times ({'met' if low >= goal else 'missed'})"
                for runner, low, high in ranges.itertuples()
            ]
            found.append(f"{network}, faster on one thread at batch 64, {goal:g} times hoped for: {', '.join(said)}.")
    return found


def checklist(rows: pd.DataFrame) -> pd.DataFrame:
    """The reporting checklist of Blalock et al. (2020), answered without and with retraining; `rows` of `cells`."""
    bare = rows[rows.training == "none"]
    retrained = rows[rows.training.str.startswith(("one-shot", "iterative"))]

    def answers(own):
        seeds = own.groupby("dataset").seed.nunique()
        pruned = own[own.kind != "dense"]
        baselines = {name: _kinds(pruned, name) for name in ("random", "magnitude")}
        return {
            "data sets and architecture, named exactly": ", ".join(seeds.index)
            + "; DCGAN for 32×32, width 64, shipped",
            "raw values of the dense network beside them": "yes",
            "at least 5 operating points": f"{pruned.aimed_at.nunique()} compressions",
            "mean and standard deviation over seeds": ", ".join(f"{name} n = {n}" for name, n in seeds.items()),
            "random pruning as baseline": baselines["random"],
            "magnitude pruning as baseline": baselines["magnitude"],
            "more than one data set": "yes" if len(seeds) > 1 else "no",
            "more than one architecture": "no",
            "compression and theoretical speed-up, defined": "parameters, and multiply-accumulates, dense over pruned",
            "measured time beside counted operations": "yes",
        }

    columns = {"without retraining": answers(bare)}
    if len(retrained):
        columns["with retraining"] = answers(retrained)
    return pd.DataFrame(columns).rename_axis("asked")


def _kinds(pruned, criterion) -> str:
    """ "d: filters, masks; e: no": what was pruned by a criterion, on each data set."""
    found = {name: sorted(set(own.kind[own.criterion == criterion])) for name, own in pruned.groupby("dataset")}
    return "; ".join(f"{name}: {', '.join(kinds) or 'no'}" for name, kinds in found.items())
