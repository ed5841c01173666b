"""What the tables of cut U-Nets say, in sentences whose numbers are computed."""

import pandas as pd
from scipy.stats import spearmanr

from ganprune_utils.unet_statistics import shares_saved
from ganprune_utils.unets import COSTS

REMEDIES = {"levels out": "Leaving inner levels out", "inner": "Removing filters of the two inner levels"}
NARROW = "narrow, from scratch"


def findings(tables: dict[str, pd.DataFrame], saved: pd.DataFrame) -> list[str]:
    """Sentences on each task.

    Args:
        tables: those of notebook 8b by name, each with a column task: ranking, reference, duels, ways, verdict, dead,
            more-steps, history (of notebook 8a), dcgan.
        saved: as of `unet_report.saved`.
    """
    found = []
    for task in tables["ways"].task.unique():
        own = {name: table[table.task == task] if len(table) else table for name, table in tables.items()}
        saves = shares_saved(own["ways"])
        said = [_first(own["ways"], saves), _balance(own["history"]), _dead(own["dead"])]
        said += [_depth(rows, tuned, own["reference"]) for tuned, rows in own["ranking"].groupby("tuned")]
        said += [_remedies(own["duels"])]
        said += [_verdict(remedy, own["duels"], own["ways"], saves) for remedy in REMEDIES]
        said += [_lamp(own["ways"], saves), _longer(own["more-steps"]), _narrow(own["ways"])]
        margin = own["verdict"].margin.iloc[0]
        said += [_most(saved[(saved.task == task) & (saved.most == measure)], measure, margin) for measure in COSTS]
        said += [_dcgan(own["dcgan"])]
        found += [f"**{task}**: {sentence}" for sentence in said if sentence]
    return found


def _first(ways, saves) -> str:
    """The two ways with the lowest mean L1 at each cost."""
    dense, said = ways.l1[ways.way == "dense"].mean(), []
    for (measure, target), share in saves.items():
        own = ways[ways.measure.isin([measure, "both"]) & (ways.target == target) & (ways.way != NARROW)]
        rises = (100 * (own.groupby("way").l1.mean() / dense - 1)).nsmallest(2)
        names = ", then ".join(f"{way} ({rise:+.1f} %)" for way, rise in rises.items())
        said.append(f"{_percent(share)} of the {COSTS[measure]} saved: {names}")
    return f"the lowest L1 at equal cost, by its mean rise: {'; '.join(said)}."


def _balance(history) -> str:
    if not len(history):
        return ""
    last = history[history.ngf == history.ngf.max()].iloc[-1]
    telling = " (it tells made from real without fail)" if last.d_real - last.d_fake > 0.95 else ""
    return (
        f"in the last epoch of the dense network's training the discriminator gives real pictures {last.d_real:.2f} "
        f"and made ones {last.d_fake:.2f}{telling}."
    )


def _dead(dead) -> str:
    row = dead.iloc[0]
    if not row["parameters dead"]:
        return ""
    parameters, macs = (_percent(row[f"{name} dead"]) for name in ("parameters", "macs"))
    shares = f"{parameters} of the parameters and {macs} of the multiply-accumulates"
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


def _remedies(duels) -> str:
    """Remedy A against remedy B."""
    own = duels[(duels.remedy == "levels out") & (duels.against == "inner")]
    if not len(own):
        return ""
    low, high = 100 * own.difference.min(), 100 * own.difference.max()
    return (
        f"the two remedies at equal cost: the L1 of levels out minus that of inner filters is {low:+.1f} to "
        f"{high:+.1f} % of the dense L1; inner filters win {own.loses.sum()} of {len(own)} comparisons, levels out "
        f"{own.wins.sum()} (95 % intervals)."
    )


def _verdict(remedy, duels, ways, saves) -> str:
    """Against the other ways of pruning, not the other remedy: L1 by its interval, the Fréchet distance by its mean."""
    own = duels[(duels.remedy == remedy) & ~duels.against.isin([*REMEDIES, NARROW])]
    if not len(own):
        return ""
    said = []
    for measure, rows in own.groupby("measure", sort=False):
        lost = rows[rows.loses]
        beaten = f" (to {_list(lost, saves)})" if len(lost) else ""
        said.append(
            f"at equal {COSTS[measure]} it wins {rows.wins.sum()} of {len(rows)} comparisons with the other ways of "
            f"pruning and loses {len(lost)}{beaten}"
        )
    text = f"{REMEDIES[remedy]}, by L1 and 95 % intervals: {'; '.join(said)}; the rest is open."
    if "frechet" in ways:
        means = ways.groupby(["way", "measure", "target"]).frechet.mean()
        pairs = [(_of(means, remedy, row), means[row.against, row.measure, row.target]) for row in own.itertuples()]
        lower = sum(a < b for a, b in pairs)
        text += f" The mean Fréchet distance is lower in {lower} of {len(pairs)}, noise included."
    return text


def _of(means, remedy, row) -> float:
    key = (remedy, row.measure, row.target)
    return means[key if key in means.index else (remedy, "both", row.target)]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _list(duels, saves) -> str:
    said = (
        f"{row.against} at {_percent(saves[row.measure, row.target])} saved by {100 * row.difference:.1f} %"
        for row in duels.itertuples()
    )
    return ", ".join(said)


def _lamp(ways, saves) -> str:
    """Which layers LAMP took from, at the dearest cost of each measure."""
    said = []
    for measure in COSTS:
        own = ways[(ways.way == "lamp") & (ways.measure == measure)]
        if len(own):
            row = own.loc[own[measure].idxmax()]
            cut = _narrower(row.widths, ways[ways.way == "dense"].widths.iloc[0])
            said.append(f"{', '.join(cut)} at {_percent(saves[measure, row.target])} of the {COSTS[measure]} saved")
    return f"LAMP took filters of no other layers than {' and '.join(said)}." if said else ""


def _narrower(widths: str, dense: str) -> list[str]:
    """Names of the layers of which `unets.widths` says that they have fewer filters than in the dense network."""
    (down, up), (down_whole, up_whole) = ([part.split() for part in text.split("|")] for text in (widths, dense))
    depth = len(down)
    names = [f"down{k}" for k in range(1, depth + 1)] + [f"up{k}" for k in range(depth, 1, -1)]
    pairs = zip(names, down + up, down_whole + up_whole, strict=True)
    return [name for name, own, whole in pairs if own != whole]


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


def _narrow(ways) -> str:
    """Against all that was cut to the same cost, by the L1 of every run."""
    own = ways[ways.way == NARROW]
    if not len(own):
        return ""
    measure, target = own.measure.iloc[0], own.target.iloc[0]
    dense = ways[ways.way == "dense"].iloc[0]
    others = ways[ways.measure.isin([measure, "both"]) & (ways.target == target) & (ways.way != NARROW)]
    sides = {"better": [], "worse": [], "neither": []}
    for way, rows in others.groupby("way", sort=False):
        side = "better" if rows.l1.max() < own.l1.min() else "worse" if rows.l1.min() > own.l1.max() else "neither"
        macs = f"{_percent(rows.macs.mean() / dense.macs)} of the MACs"
        sides[side].append(f"{way} ({100 * (rows.l1.mean() / own.l1.mean() - 1):+.1f} %, {macs})")
    said = [f"{side} in every run: {', '.join(names)}" for side, names in sides.items() if names]
    said = "; ".join(said).replace("neither in every run", "neither")
    return (
        f"L1 against that of a narrow network trained from scratch, "
        f"{_percent(own.parameters.iloc[0] / dense.parameters)} of the parameters and "
        f"{_percent(own.macs.iloc[0] / dense.macs)} of the MACs, of what was cut to its {COSTS[measure]}: "
        f"{said}."
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
