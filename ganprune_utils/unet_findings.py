"""What the tables of cut U-Nets say, in sentences whose numbers are computed."""

import pandas as pd

from ganprune_utils import unet_layer_findings
from ganprune_utils.inner_layers import INNER_LEVELS
from ganprune_utils.phrases import interval, percent, signed
from ganprune_utils.unet_statistics import is_narrow, shares_saved
from ganprune_utils.unets import COSTS

REMEDIES = {"inner": "inner filters", "levels out": "levels out"}
NAMES = {"macs": "MACs", "parameters": "parameters"}
UNSTEADY = 0.02  # of the dense L1: runs that are further apart than this, and than half of their rise, are named
ASTRAY = 0.01  # of the L1 that a network was trained to: a rise by more than this is named


def findings(tables: dict[str, pd.DataFrame], saved: pd.DataFrame) -> dict[str, list[str]]:
    """Sentences, "**task**: ...", by what they are about: a section of `unet_report`'s page.

    Args:
        tables: those of notebook 8b by name, each with a column task: ranking, duels, ways, verdict, dead, latency,
            scan, more-steps, history (of notebook 8a), dcgan.
        saved: as of `unet_report.saved`.
    """
    found = {}
    for task in tables["ways"].task.unique():
        own = {name: table[table.task == task] if len(table) else table for name, table in tables.items()}
        saves = shares_saved(own["ways"])
        said = {
            "short": [
                *(_against_all(remedy, own["duels"], saves) for remedy in REMEDIES),
                _remedies(own["duels"]),
                _first(own["more-steps"], saves),
            ],
            "l1": [
                _lamp(own["ways"], saves),
                _random(own["ways"], saves),
                *_narrow(own["ways"]),
                _unsteady(own["ways"], saves),
            ],
            "frechet": [_frechet(own["ways"], saves)],
            "saved": _most(own["verdict"], saved[saved.task == task]),
            "more": _longer(own["more-steps"], own["ways"], saves),
            "latency": [_time(own["latency"], saves)],
            "ranking": [
                *(unet_layer_findings.depth(rows, tuned) for tuned, rows in own["ranking"].groupby("tuned")),
                unet_layer_findings.made_worse(own["scan"]),
            ],
            "trained": [unet_layer_findings.balance(own["history"]), unet_layer_findings.dead(own["dead"])],
            "dcgan": [unet_layer_findings.dcgan(own["dcgan"])],
        }
        for section, sentences in said.items():
            kept = [f"**{task}**: {sentence}" for sentence in sentences if sentence]
            found[section] = found.get(section, []) + kept
    return found


def outcome(rows: pd.DataFrame) -> str:
    """What `rows` of duels say of a remedy at one cost, against the other ways of pruning but for random.

    "better" where it is better than each of them, "worse than" those that it is worse than, else "open"; and its
    difference from the best of them, in percent of the dense L1.
    """
    rows = rows[~rows.against.isin([*REMEDIES, "random"]) & ~rows.against.map(is_narrow)]
    if not len(rows):
        return ""
    best = rows.loc[rows.difference.idxmax()]
    worse = ", ".join(rows.against[rows.loses])
    said = "better" if rows.wins.all() else f"worse than {worse}" if worse else "open"
    return f"{said} ({signed(100 * best.difference)} to {best.against})"


def cost_name(measure: str, target: str, saves: dict) -> str:
    """As in the heads of the tables, with what is saved: "MACs −45 % (2 levels out)"."""
    return f"{NAMES[measure]} −{percent(saves[measure, target])} ({target})"


def _against_all(remedy, duels, saves) -> str:
    """At how many costs it is better and worse than each other way, and which costs it cannot come down to."""
    own = duels[duels.remedy == remedy]
    own = own[~own.against.isin(REMEDIES) & ~own.against.map(is_narrow).astype(bool)]
    if not len(own):
        return ""
    said = []
    for way, rows in own.groupby("against", sort=False):
        worse = f" (worse at {rows.loses.sum()})" if rows.loses.any() else ""
        said.append(f"{way}{'' if said else ' at'} {rows.wins.sum()} of {len(rows)}{'' if said else ' costs'}{worse}")
    there = set(zip(own.measure, own.target, strict=True))
    never = [cost_name(*cost, saves) for cost in saves if cost not in there]
    beyond = f"; cannot come down to {' and '.join(never)}" if never else ""
    return f"{REMEDIES[remedy]}: better than {', '.join(said)}{beyond}."


def _remedies(duels) -> str:
    """Remedy A against remedy B."""
    own = duels[(duels.remedy == "levels out") & (duels.against == "inner")]
    if not len(own):
        return ""
    low, high = (signed(100 * value) for value in (own.difference.min(), own.difference.max()))
    return (
        f"levels out minus inner filters at equal cost: {low if low == high else f'{low} to {high}'} % of the dense "
        f"L1; inner filters are better at {own.loses.sum()} of {len(own)} costs, levels out at {own.wins.sum()}."
    )


def _lamp(ways, saves) -> str:
    """Where LAMP is a way of cutting inner layers too."""
    aside = inner_only(ways)
    said = [cost_name(*cost, saves) for cost in saves if cost in aside]
    if not said:
        return ""
    return f"LAMP removed inner filters only at {', '.join(said)}: there it is another choice among the same layers."


def inner_only(ways: pd.DataFrame) -> set[tuple[str, str]]:
    """(measure, target) at which LAMP took filters of the inner levels alone."""
    dense = ways[ways.way == "dense"].widths.iloc[0]
    outer = len(dense.split("|")[0].split()) - INNER_LEVELS
    found = set()
    for row in ways[ways.way == "lamp"].itertuples():
        levels = [int("".join(c for c in name if c.isdigit())) for name in _narrower(row.widths, dense)]
        if levels and min(levels) > outer:
            found.add((row.measure, row.target))
    return found


def _random(ways, saves) -> str:
    """Where random filters of the widths of "uniform" do better than those of the smallest norm, in every run."""
    dense, said = ways[ways.way == "dense"], []
    for measure, target in saves:
        own = ways[(ways.measure == measure) & (ways.target == target)]
        by_norm, by_chance = own[own.way == "uniform"].l1, own[own.way == "random"].l1
        if by_chance.max() < by_norm.min():
            rises = f"{_rise(by_chance.mean(), dense)} against {_rise(by_norm.mean(), dense)}"
            said.append(f"{cost_name(measure, target, saves)} {rises}")
    if not said:
        return ""
    return (
        f"as many filters of each layer taken at random do better than those of the smallest norm at {'; '.join(said)}."
    )


def _narrower(widths: str, dense: str) -> list[str]:
    """Names of the layers of which `unets.widths` says that they have fewer filters than in the dense network."""
    (down, up), (down_whole, up_whole) = ([part.split() for part in text.split("|")] for text in (widths, dense))
    depth = len(down)
    names = [f"down{k}" for k in range(1, depth + 1)] + [f"up{k}" for k in range(depth, 1, -1)]
    pairs = zip(names, down + up, down_whole + up_whole, strict=True)
    return [name for name, own, whole in pairs if own != whole]


def _narrow(ways) -> list[str]:
    """A sentence on each narrow network: its rise over the dense one, and those of what was cut to the same cost."""
    dense, said = ways[ways.way == "dense"], []
    for (way, measure, target), own in ways[ways.way.map(is_narrow)].groupby(["way", "measure", "target"], sort=False):
        mean = own[["l1", *COSTS]].mean()
        others = ways[ways.measure.isin([measure, "both"]) & (ways.target == target) & ~ways.way.map(is_narrow)]
        means = others.groupby("way")[["l1", *COSTS]].mean().sort_values("l1")
        shown = means.iloc[[0]] if means.index[0] == "uniform" else means[means.index.isin([means.index[0], "uniform"])]
        cut = " and ".join(f"{name} {_rise(row.l1, dense)} with {_left(row, dense)}" for name, row in shown.iterrows())
        said.append(
            f"{way}, trained from scratch: {_rise(mean.l1, dense)} with {_left(mean, dense)}. Cut to the "
            f"{NAMES[measure]} nearest to its own: {cut}{', of about the same widths' if 'uniform' in cut else ''}."
        )
    return said


def _rise(l1, dense) -> str:
    return f"{signed(100 * (l1 / dense.l1.mean() - 1))} %"


def _left(row, dense) -> str:
    parameters, macs = (percent(row[cost] / dense[cost].iloc[0]) for cost in ("parameters", "macs"))
    return f"{parameters} of the parameters and {macs} of the MACs"


def _frechet(ways, saves) -> str:
    """The lowest mean distance at each cost, and those of the remedies."""
    if "frechet" not in ways:
        return ""
    dense, said = ways.frechet[ways.way == "dense"].mean(), []
    for measure, target in saves:
        own = ways[ways.measure.isin([measure, "both"]) & (ways.target == target) & ~ways.way.map(is_narrow)]
        means = own.groupby("way").frechet.mean().sort_values()
        shown = list(dict.fromkeys([means.index[0], *(way for way in REMEDIES if way in means)]))
        values = ", ".join(f"{way} {means[way]:.2f}" for way in shown)
        said.append(f"{cost_name(measure, target, saves)} {values}")
    return f"the lowest mean, then the remedies' (dense {dense:.2f}): {'; '.join(said)}."


def _unsteady(ways, saves) -> str:
    """Where it depends on the seed of the fine-tuning how good a cut network gets; random cuts differ by themselves."""
    dense, said = ways[ways.way == "dense"], []
    own = ways[ways.target.isin([target for _, target in saves]) & ~ways.way.isin(["random", "dense"])]
    for (way, measure, target), runs in own.groupby(["way", "measure", "target"], sort=False):
        low, high = runs.l1.min(), runs.l1.max()
        rise = runs.l1.mean() - dense.l1.mean()
        if high - low > max(UNSTEADY * dense.l1.mean(), rise / 2):
            at = target if measure == "both" else cost_name(measure, target, saves)
            said.append(f"{way}, {at}: {_rise(low, dense)} to {_rise(high, dense)}")
    return f"the seed of the fine-tuning decides much here, lowest to highest run: {'; '.join(said)}." if said else ""


def _first(more, saves) -> str:
    """Whether more steps change which pruned network comes first, where it was tried."""
    said, steps = [], sorted(more.steps.unique()) if len(more) else []
    for (measure, target), own in more.groupby(["measure", "target"], sort=False) if len(more) else ():
        own = own[(own.way != "dense") & ~own.way.map(is_narrow)].set_index("way")
        first = [own[own.steps == count].l1.idxmin() for count in steps]
        change = " and ".join(dict.fromkeys(first))
        said.append(f"{cost_name(measure, target, saves)} {change}")
    if not said:
        return ""
    return f"first of all after {steps[0]} and after {steps[1]} batches (one run; tried here only): {'; '.join(said)}."


def _longer(more, ways, saves) -> list[str]:
    """The rise over the dense network, as it was trained or with the same steps, whichever is better."""
    said, trained = [], ways[ways.way == "dense, as trained"]
    for (measure, target), own in more.groupby(["measure", "target"], sort=False) if len(more) else ():
        l1 = own.pivot_table(index="way", columns="steps", values="l1")
        dense = l1.loc["dense"].clip(upper=trained.l1.min())  # NaN, and then no bound, where there is none
        rise = 100 * (l1 / dense - 1).drop("dense").sort_values(l1.columns[-1])
        few, many = l1.columns
        rises = ", ".join(f"{way} {signed(a)} and {signed(b)} %" for way, a, b in rise.itertuples())
        said.append(f"{cost_name(measure, target, saves)}, after {few} and {many} batches: {rises} (one run).")
    if said and len(trained) and l1.loc["dense", many] > (1 + ASTRAY) * trained.l1.min():
        change = f"L1 {_rise(l1.loc['dense', many], trained)}"
        if "frechet" in own:
            after = own[(own.way == "dense") & (own.steps == many)].frechet.iloc[0]
            change += f", Fréchet distance {trained.frechet.iloc[0]:.2f} to {after:.2f}"
        said.append(
            f"the dense network itself, trained on for {many} batches: {change} (one run). What is trained is not L1 "
            "alone: the discriminator has its say."
        )
    return said


def _most(verdict, saved) -> list[str]:
    """The most saved without loss, or what came nearest to it; one sentence where both costs name one network."""
    margin, said = f"margin {100 * verdict.margin.iloc[0]:.2g} %", {}
    for measure, name in NAMES.items():
        kept = saved[(saved.most == measure) & (saved.target != "none") & ~saved.way.map(is_narrow)]
        if len(kept):
            best = kept.loc[kept[f"{measure} saved"].idxmax()]
            text = f"{{}} saved with no loss ({margin}; chosen afterwards) by {best['way']}, {interval(best)} %."
        else:
            cut = verdict[~verdict.way.map(is_narrow)]
            best = cut.loc[cut.high.astype(float).idxmin()]
            text = (
                f"nothing was shown to be no loss ({margin}); nearest is {best['way']}, {{}} saved, {interval(best)} %."
            )
        said.setdefault(text, []).append(f"{percent(best[f'{measure} saved'])} of the {name}")
    return [text.format(" and ".join(shares)) for text, shares in said.items()]


def _time(latency, saves) -> str:
    """How many times faster, at equal multiply-accumulates."""
    said = []
    for measure, target in saves:
        rows = latency[latency.measure.isin([measure, "both"]) & (latency.target == target)] if len(latency) else ()
        if measure == "macs" and len(rows):
            times = rows[~rows.way.map(is_narrow)].set_index("way")["times faster"].sort_values(ascending=False)
            names = ", ".join(f"{way} {value:.2f}" for way, value in times.items())
            said.append(f"{cost_name(measure, target, saves)} {names}")
    return f"times faster than dense at equal MACs: {'; '.join(said)}." if said else ""
