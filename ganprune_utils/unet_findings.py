"""What the tables of cut U-Nets say, in sentences whose numbers are computed."""

import pandas as pd
from scipy.stats import spearmanr

from ganprune_utils.unets import COSTS

REMEDIES = {"levels out": "Leaving inner levels out", "inner": "Removing filters of the two inner levels"}
NARROW = "narrow, from scratch"


def findings(tables: dict[str, pd.DataFrame], saved: pd.DataFrame) -> list[str]:
    """Sentences on each task.

    Args:
        tables: those of notebook 8b by name, each with a column task: ranking, reference, duels, ways, verdict, dead,
            more-steps, dcgan.
        saved: as of `unet_report.saved`.
    """
    found = []
    for task in tables["ways"].task.unique():
        own = {name: table[table.task == task] if len(table) else table for name, table in tables.items()}
        said = [_dead(own["dead"])]
        said += [_depth(rows, tuned, own["reference"]) for tuned, rows in own["ranking"].groupby("tuned")]
        said += [_verdict(remedy, own["duels"], own["ways"]) for remedy in REMEDIES]
        said += [_longer(own["more-steps"]), _narrow(own["duels"])]
        margin = own["verdict"].margin.iloc[0]
        said += [_most(saved[(saved.task == task) & (saved.most == measure)], measure, margin) for measure in COSTS]
        said += [_dcgan(own["dcgan"])]
        found += [f"**{task}**: {sentence}" for sentence in said if sentence]
    return found


def _dead(dead) -> str:
    row = dead.iloc[0]
    if not row["parameters dead"]:
        return ""
    shares = f"{row['parameters dead']:.0%} of the parameters and {row['macs dead']:.0%} of the multiply-accumulates"
    return f"{shares} of such a network with 4x4 kernels everywhere would never meet a pixel: none of them is here."


def _depth(ranking, tuned, reference) -> str:
    rise = ranking.set_index("layer").at_half.sort_values()
    levels = rise.index.str.extract(r"(\d+)$", expand=False).astype(int)
    agreement = spearmanr(levels, rise).statistic
    runs = reference[reference.tuned == tuned].l1
    noise = f"; runs of the dense network differ by ±{100 * runs.std() / runs.mean():.1f} %" if tuned else ""
    return (
        f"half of one layer's filters removed, {'after fine-tuning' if tuned else 'as it was cut'}, changes L1 by "
        f"{100 * rise.iloc[0]:+.1f} % ({rise.index[0]}) to {100 * rise.iloc[-1]:+.1f} % ({rise.index[-1]}): the deeper "
        f"the level, the {'less' if agreement < 0 else 'more'} (rank correlation {agreement:+.2f} over {len(rise)} "
        f"layers{noise})."
    )


def _verdict(remedy, duels, ways) -> str:
    """Against the other ways of pruning, not the other remedy: L1 by its interval, the Fréchet distance by its mean."""
    own = duels[(duels.remedy == remedy) & ~duels.against.isin([*REMEDIES, NARROW])]
    if not len(own):
        return ""
    said = []
    for measure, rows in own.groupby("measure", sort=False):
        lost = rows[rows.loses]
        beaten = f" (by {_list(lost)})" if len(lost) else ""
        said.append(
            f"at equal {COSTS[measure]} a lower L1 than the other ways of pruning in {rows.wins.sum()} of {len(rows)} "
            f"comparisons, a higher one in {len(lost)}{beaten}"
        )
    text = f"{REMEDIES[remedy]}: {'; '.join(said)} (95 % intervals)."
    if "frechet" in ways:
        means = ways.groupby(["way", "measure", "target"]).frechet.mean()
        pairs = [(_of(means, remedy, row), means[row.against, row.measure, row.target]) for row in own.itertuples()]
        text += f" The mean Fréchet distance is lower in {sum(a < b for a, b in pairs)} of {len(pairs)}."
    return text


def _of(means, remedy, row) -> float:
    key = (remedy, row.measure, row.target)
    return means[key if key in means.index else (remedy, "both", row.target)]


def _list(duels) -> str:
    return ", ".join(f"{row.against} at {row.target}, {100 * row.difference:+.1f} %" for row in duels.itertuples())


def _longer(more) -> str:
    if not len(more):
        return ""
    l1 = more.pivot(index="way", columns="steps", values="l1")
    rise = 100 * (l1 / l1.loc["dense"] - 1).drop("dense").sort_values(l1.columns[-1])
    few, many = l1.columns
    said = ", ".join(f"{way} {before:+.1f} and {after:+.1f} %" for way, before, after in rise.itertuples())
    return (
        f"at the fewest parameters, L1 over that of the dense network trained on for as long, after {few} and after "
        f"{many} steps of fine-tuning: {said} (one run)."
    )


def _narrow(duels) -> str:
    said = [
        f"{REMEDIES[row.remedy].lower()} {100 * row.difference:+.1f} % "
        f"({100 * row.low:+.1f} to {100 * row.high:+.1f} %)"
        for row in duels[duels.against == NARROW].itertuples()
    ]
    return (
        f"L1 against that of a narrow network of the same cost trained from scratch: {', '.join(said)}." if said else ""
    )


def _most(saved, measure, margin) -> str:
    kept = saved[(saved.target != "none") & (saved.way != NARROW)]
    if not len(kept):
        return f"no way saved {COSTS[measure]} without a rise of L1 beyond {100 * margin:.2g} %."
    best = kept.loc[kept[f"{measure} saved"].idxmax()]
    share = f"{100 * best[f'{measure} saved']:.0f} %"
    interval = f"interval {100 * best['low']:+.1f} to {100 * best['high']:+.1f} %"
    return (
        f"the most {COSTS[measure]} saved with no rise of L1 beyond {100 * margin:.2g} %: {share} by {best['way']} "
        f"({100 * best['difference']:+.1f} %, {interval})."
    )


def _dcgan(dcgan) -> str:
    if not len(dcgan):
        return ""
    half = dcgan.loc[(dcgan.ratio - 0.5).abs() == (dcgan.ratio - 0.5).abs().min()]
    times = half.set_index("layer").times_dense
    said = ", ".join(f"{value:.2f} ({name.removeprefix('layers.')})" for name, value in times.items())
    return (
        f"in the DCGAN of this data set, {100 * half.ratio.iloc[0]:.0f} % of one layer's filters removed multiply the "
        f"Fréchet distance by {said}, in the order of the layers, without training."
    )
