"""What the tables of cut U-Nets say, in sentences whose numbers are computed."""

import pandas as pd
from scipy.stats import spearmanr

from ganprune_utils.inner_layers import INNER_LEVELS
from ganprune_utils.unet_statistics import shares_saved
from ganprune_utils.unets import COSTS

REMEDIES = {"inner": "removing filters of the two inner levels", "levels out": "leaving inner levels out"}
NARROW = "narrow, from scratch"
NAMES = {"macs": "MACs", "parameters": "parameters"}
READ = """Intervals are of L1 minus the other's in percent of the dense network's L1, as in the table below. Where LAMP
took filters of the inner levels only it is no other way than theirs, and not compared with them."""
CLEAR = 0.7  # of a rank correlation, to speak of an order


def findings(tables: dict[str, pd.DataFrame], saved: pd.DataFrame) -> list[str]:
    """Sentences on each task.

    Args:
        tables: those of notebook 8b by name, each with a column task: ranking, reference, duels, ways, verdict, dead,
            latency, more-steps, history (of notebook 8a), dcgan.
        saved: as of `unet_report.saved`.
    """
    found = []
    for task in tables["ways"].task.unique():
        own = {name: table[table.task == task] if len(table) else table for name, table in tables.items()}
        saves, aside = shares_saved(own["ways"]), inner_only(own["ways"])
        said = [_verdict(remedy, own["duels"], saves, aside) for remedy in REMEDIES]
        said += [_remedies(own["duels"]), _lamp(own["ways"], saves, aside), _first(own["ways"], saves)]
        said += [_frechet(own["ways"], own["duels"], aside), _narrow(own["ways"]), _longer(own["more-steps"])]
        said += [_most(own["verdict"], saved[saved.task == task], measure) for measure in COSTS]
        said += [_time(own["latency"], saves)]
        said += [_depth(rows, tuned, own["reference"]) for tuned, rows in own["ranking"].groupby("tuned")]
        said += [_balance(own["history"]), _dead(own["dead"]), _dcgan(own["dcgan"])]
        found += [f"**{task}**: {sentence[0].upper()}{sentence[1:]}" for sentence in said if sentence]
    return found


def inner_only(ways: pd.DataFrame) -> set[tuple[str, str]]:
    """(measure, target) at which LAMP took filters of the inner levels alone: there it is no other way than inner."""
    dense = ways[ways.way == "dense"].widths.iloc[0]
    outer = len(dense.split("|")[0].split()) - INNER_LEVELS
    found = set()
    for row in ways[ways.way == "lamp"].itertuples():
        levels = [int("".join(c for c in name if c.isdigit())) for name in _narrower(row.widths, dense)]
        if levels and min(levels) > outer:
            found.add((row.measure, row.target))
    return found


def _verdict(remedy, duels, saves, aside) -> str:
    """Against the best of the other ways of pruning at each cost, which is the one that it does worst against."""
    own = duels[(duels.remedy == remedy) & ~duels.against.isin([*REMEDIES, NARROW])]
    own = own[~(own.against.eq("lamp") & pd.MultiIndex.from_frame(own[["measure", "target"]]).isin(list(aside)))]
    if not len(own):
        return ""
    said = []
    for measure, target in saves:
        rows = own[(own.measure == measure) & (own.target == target)]
        if len(rows):
            worst = rows.loc[rows.difference.idxmax()]
            how = "better than" if worst.wins else "worse than" if worst.loses else "not told apart from"
            said.append(f"{_at(measure, target, saves)} {how} {worst.against}, {_interval(worst)}")
    return f"{REMEDIES[remedy]} against the best other way of pruning: {'; '.join(said)}."


def _interval(row) -> str:
    return f"{100 * row.difference:+.1f} [{100 * row.low:+.1f}, {100 * row.high:+.1f}]"


def _at(measure, target, saves) -> str:
    return f"at {_percent(saves[measure, target])} of the {NAMES[measure]} saved"


def _percent(share: float) -> str:
    return f"{100 * share:.{1 if share < 0.1 or share > 0.95 else 0}f} %"


def _first(ways, saves) -> str:
    """The two ways with the lowest mean L1 at each cost, and the narrow network where it is lower still."""
    dense, said = ways.l1[ways.way == "dense"].mean(), []
    for measure, target in saves:
        own = ways[ways.measure.isin([measure, "both"]) & (ways.target == target)]
        means = 100 * (own.groupby("way").l1.mean() / dense - 1)
        best = means.drop(NARROW, errors="ignore").nsmallest(2)
        names = ", then ".join(f"{way} ({rise:+.1f} %)" for way, rise in best.items())
        if means.get(NARROW, float("inf")) < best.iloc[0]:
            names += f"; not cut but {NARROW} ({means[NARROW]:+.1f} %)"
        said.append(f"{_at(measure, target, saves)} {names}")
    return f"the lowest mean rise of L1 of what was cut: {'; '.join(said)}."


def _remedies(duels) -> str:
    """Remedy A against remedy B."""
    own = duels[(duels.remedy == "levels out") & (duels.against == "inner")]
    if not len(own):
        return ""
    return (
        f"the two remedies at equal cost: levels out minus inner filters is {_range(100 * own.difference)}; inner "
        f"filters are better in {own.loses.sum()} of {len(own)} comparisons, levels out in {own.wins.sum()}."
    )


def _range(values) -> str:
    low, high = f"{values.min():+.1f}", f"{values.max():+.1f}"
    return low if low == high else f"{low} to {high}"


def _lamp(ways, saves, aside) -> str:
    """Where LAMP is a way of cutting inner layers too."""
    means = ways.groupby(["way", "measure", "target"]).l1.mean()
    dense, said = means["dense"].iloc[0], []
    for measure, target in saves:
        if (measure, target) in aside:
            inner = means.get(("inner", measure, target))
            minus = "" if inner is None else f" ({100 * (means['lamp', measure, target] - inner) / dense:+.1f} %)"
            said.append(f"{_at(measure, target, saves)}{minus}")
    if not said:
        return ""
    return (
        "LAMP, which ranks all filters together, took none but of the inner levels "
        f"{', '.join(said)}: its L1 minus that of inner filters in brackets."
    )


def _narrower(widths: str, dense: str) -> list[str]:
    """Names of the layers of which `unets.widths` says that they have fewer filters than in the dense network."""
    (down, up), (down_whole, up_whole) = ([part.split() for part in text.split("|")] for text in (widths, dense))
    depth = len(down)
    names = [f"down{k}" for k in range(1, depth + 1)] + [f"up{k}" for k in range(depth, 1, -1)]
    pairs = zip(names, down + up, down_whole + up_whole, strict=True)
    return [name for name, own, whole in pairs if own != whole]


def _frechet(ways, duels, aside) -> str:
    """How often a remedy's mean distance is lower or higher by more than both standard deviations together."""
    if "frechet" not in ways:
        return ""
    found = ways.groupby(["way", "measure", "target"]).frechet.agg(["mean", "std"]).fillna(0)
    said = []
    for remedy in REMEDIES:
        rows = duels[(duels.remedy == remedy) & ~duels.against.isin([*REMEDIES, NARROW])]
        apart = []
        for row in rows.itertuples():
            if row.against == "lamp" and (row.measure, row.target) in aside:
                continue
            own = (remedy, row.measure, row.target)
            own = found.loc[own if own in found.index else (remedy, "both", row.target)]
            other = found.loc[row.against, row.measure, row.target]
            apart.append((own["mean"] - other["mean"]) / max(own["std"] + other["std"], 1e-12))
        if apart:
            lower, higher = sum(value < -1 for value in apart), sum(value > 1 for value in apart)
            said.append(f"{remedy} has the lower one in {lower} and the higher one in {higher} of {len(apart)}")
    return f"by the Fréchet distance, beyond both standard deviations: {'; '.join(said)} comparisons." if said else ""


def _narrow(ways) -> str:
    """Rises over the dense network, of each narrow one and of all that was cut to the same cost."""
    dense, said = ways[ways.way == "dense"], []
    for (measure, target), own in ways[ways.way == NARROW].groupby(["measure", "target"], sort=False):
        mean = own[["l1", *COSTS]].mean()
        others = ways[ways.measure.isin([measure, "both"]) & (ways.target == target) & (ways.way != NARROW)]
        means = others.groupby("way")[["l1", *COSTS]].mean().sort_values("l1")
        cut = ", ".join(f"{way} {_rise(row.l1, dense)} with {_left(row, dense)}" for way, row in means.iterrows())
        said.append(
            f"with {_left(mean, dense)} L1 is {_rise(mean.l1, dense)} over the dense one's; what was cut to the "
            f"{NAMES[measure]} nearest to its own: {cut}"
        )
    return f"narrow networks trained from scratch for as long: {'; '.join(said)}." if said else ""


def _rise(l1, dense) -> str:
    return f"{100 * (l1 / dense.l1.mean() - 1):+.1f} %"


def _left(row, dense) -> str:
    parameters, macs = (_percent(row[cost] / dense[cost].iloc[0]) for cost in ("parameters", "macs"))
    return f"{parameters} of the parameters and {macs} of the MACs"


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


def _most(verdict, saved, measure) -> str:
    """The most saved without loss, or what came nearest to it."""
    kept = saved[(saved.most == measure) & (saved.target != "none") & (saved.way != NARROW)]
    margin = f"{100 * verdict.margin.iloc[0]:.2g} %"
    if not len(kept):
        cut = verdict[verdict.way != NARROW]
        if not len(cut):
            return ""
        near = cut.loc[cut.high.astype(float).idxmin()]
        return (
            f"no way was shown to save {NAMES[measure]} without a rise of L1 beyond {margin}; nearest is {near.way}, "
            f"{_percent(near[f'{measure} saved'])} saved, {_interval(near)} %."
        )
    best = kept.loc[kept[f"{measure} saved"].idxmax()]
    return (
        f"the most {NAMES[measure]} saved with no rise of L1 beyond {margin}, of the costs tried: "
        f"{_percent(best[f'{measure} saved'])} by {best['way']}, {_interval(best)} %."
    )


def _time(latency, saves) -> str:
    """How many times faster, at equal multiply-accumulates."""
    said = []
    for measure, target in saves:
        rows = latency[latency.measure.isin([measure, "both"]) & (latency.target == target)] if len(latency) else ()
        if measure == "macs" and len(rows):
            times = rows[rows.way != NARROW].set_index("way")["times faster"].sort_values(ascending=False)
            names = ", ".join(f"{way} {value:.2f}" for way, value in times.items())
            said.append(f"{_at(measure, target, saves)} {names}")
    return f"times faster than the dense network on one thread: {'; '.join(said)}." if said else ""


def _depth(ranking, tuned, reference) -> str:
    rise = ranking.set_index("layer").at_half.sort_values()
    levels = rise.index.str.extract(r"(\d+)$", expand=False).astype(int)
    agreement = spearmanr(levels, rise).statistic
    runs = reference[reference.tuned == tuned].l1
    noise = f"; runs of the dense network differ by ±{100 * runs.std() / runs.mean():.1f} %" if tuned else ""
    order = f"the deeper the level, the {'less' if agreement < 0 else 'more'} as a rule"
    order = order if abs(agreement) >= CLEAR else "in no clear order of depth"
    return (
        f"half of one layer's filters removed, {'after fine-tuning' if tuned else 'as it was cut'}, changes L1 by "
        f"{_signed(100 * rise.iloc[0])} % ({rise.index[0]}) to {_signed(100 * rise.iloc[-1])} % ({rise.index[-1]}), "
        f"{order} (rank correlation {agreement:+.2f} over {len(rise)} layers, one run each{noise})."
    )


def _signed(value: float) -> str:
    return f"{round(value, 1) + 0.0:+.1f}"  # no "-0.0"


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
    shares = f"{parameters} of the parameters and {macs} of the MACs"
    return f"{shares} of such a network with 4x4 kernels everywhere would multiply nothing but padding: none is here."


def _dcgan(dcgan) -> str:
    if not len(dcgan):
        return ""
    half = dcgan.loc[(dcgan.ratio - 0.5).abs() == (dcgan.ratio - 0.5).abs().min()]
    times = half.set_index("layer").times_dense
    said = ", ".join(f"{value:.2f} ({name.removeprefix('layers.')})" for name, value in times.items())
    return (
        f"in the DCGAN of this data set, removing {100 * half.ratio.iloc[0]:.0f} % of one layer's filters multiplies "
        f"the Fréchet distance by {said}, in the order of the layers, without training."
    )
