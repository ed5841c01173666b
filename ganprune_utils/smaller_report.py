"""What the page on smaller generators shows beside the one table: time and bytes, criteria for filters, balance."""

from pathlib import Path

import pandas as pd

from ganprune_utils import pages
from ganprune_utils.smaller import TOLERANCE
from ganprune_utils.tables import quality_count

INTRODUCTION = """Fréchet classifier distance ({count:,} generated against 5,000 real test images, lower is better),
mean ± standard deviation over training seeds, (n). Columns: the compression aimed at, dense over remaining parameters
of the generator; filters come as near to it as whole filters can. BatchNorm is recalibrated in all of them. *training*
none: as pruned; dense: not pruned, but trained as long as the retrained ones; one-shot and iterative: pruned and
retrained. What is random without retraining is the mean of three draws a seed. Blank: not run.
"""
BEST = """Chosen on one half of the real images and one stream of noise, shown for the other. *fewest*: what is to be
small. Where it is the dense network itself, no pruned one that was run comes within. Retrained pairs are of seed 0."""
SAVED = """How many times less than the dense generator. **Masked weights save bytes once they are packed, and no time;
removed filters save both.** Time: a batch of 64 on one thread (and one image, batch 1), weights channels last. Packed:
zipped, or as values and a bit mask (sparse). Blank: not timed."""
FILTERS = """Share of the filters removed, no retraining. *Uniform*: the same share of each layer; *global*: all filters
ranked together; *guided*: taken where the scan of the layers, on the other half of images and noise, says that one
costs least, as many in all. The first seed of each data set."""
RETRAINED = """Every arm trained for the same number of steps, pruned at once or 20 % a round, the generator alone or
both networks; what is pruned little by little has fewer steps left after its last pruning. Dotted: the dense
generator; dash-dotted: the dense pair trained as long; star: a narrow pair trained from scratch for as long as dense
training and retraining together. Crosses: without retraining. One training seed."""
BALANCE = """After the last round: D(x), D(G(z)) and the balance ratio (how far a step of the generator moves D(G(z))
towards D(x); ADAPT holds it between 0.45 and 0.55), and in how many of the rounds an alarm went off: fewer than half of
the classes, less than half of the coverage, or a discriminator that is almost always right. A remedy is to prune the
discriminator alike (*both*), or to let it learn more slowly (*discriminator_rate*)."""


def saving(cost: pd.DataFrame, latency: pd.DataFrame) -> pd.DataFrame:
    """Dense over each network of notebook 11: parameters that are not zero, MACs, time a runner, memory, bytes."""
    columns = {"nonzeros": "weights that are not zero", "MACs": "multiplications"}
    columns |= {"memory": "memory", "zipped": "bytes, zipped", "sparse": "bytes, sparse"}
    found = {}
    for dataset, own in cost.groupby("dataset", sort=False):
        own = own.set_index("network")
        fewer = (own.loc["dense", list(columns)] / own[list(columns)]).rename(columns=columns)
        timed = latency[(latency.dataset == dataset) & (latency.threads == 1)]
        for (runner, batch), rows in timed.groupby(["runner", "batch"], sort=False):
            fewer[f"time, {runner}" + (", batch 1" if batch == 1 else "")] = rows.set_index("network").ratio
        found[dataset] = fewer
    return pd.concat(found, names=["dataset"]).astype(float).round(2)


def whole_filters(filters: pd.DataFrame, guided: pd.DataFrame) -> pd.DataFrame:
    """Fréchet distance, recalibrated: (scope, criterion) in rows, (data set, share of the filters) in columns."""
    led = guided[guided.way == "guided"].assign(scope="guided", criterion="l2")
    rows = pd.concat([filters, led])
    rows = rows[rows.recalibrated]
    order = rows.drop_duplicates(["scope", "criterion"])[["scope", "criterion"]]
    wide = rows.pivot_table(index=["scope", "criterion"], columns=["dataset", "ratio"], values="frechet")
    wide = wide.loc[pd.MultiIndex.from_frame(order)]
    return wide.map(lambda value: "" if pd.isna(value) else f"{value:.2f}")


def balance(rounds: pd.DataFrame) -> pd.DataFrame:
    """ "D(x) / D(G(z)) / balance ratio" after the last round, with the rounds that an alarm went off in.

    `rounds` are the rows of notebook 7; its ways in rows, the compressions aimed at in columns.
    """
    way = ["dataset", "arm", "kind", "criterion", "parts", "rewind", "discriminator_rate"]
    rounds, found = rounds.copy(), {}
    rounds.loc[rounds.arm.isin(["dense", "narrow"]), ["kind", "criterion", "parts"]] = "-"
    for key, own in rounds.groupby([*way, "aimed_at"], sort=False):
        last, alarmed = own.iloc[-1], int((own.alarm.fillna("") != "").sum())
        text = f"{last.d_real:.2f} / {last.d_fake:.2f} / {last.balance:.2f}"
        found[key] = text + (f", alarm in {alarmed} of {len(own)}" if alarmed else "")
    wide = pd.Series(found).rename_axis([*way, "aimed_at"]).unstack("aimed_at").fillna("")
    order = list(dict.fromkeys(key[:-1] for key in found))
    same = [name for name in way if name != "arm" and rounds[name].nunique() == 1]
    return wide.loc[order].droplevel(same)


def write_page(folder: Path, shown: dict[str, pd.DataFrame], runs: pd.DataFrame, checklist: str) -> Path:
    """Write `folder/README.md` from the tables `shown`: table, best, and, where there are runs, saving, filters and
    balance."""
    within = f"The best network within {100 * (TOLERANCE - 1):.0f} % of the dense distance"
    sections = [
        "## The table\n\n" + INTRODUCTION.format(count=quality_count(runs)),
        *(pages.section(dataset, "", own) for dataset, own in _by_dataset(shown["table"])),
        pages.section(within, BEST, shown["best"]),
    ]
    if "saving" in shown:
        sections.append(pages.section("What is saved", SAVED, shown["saving"]))
    sections.append(pages.section("The front", "The first seed of each data set.", picture="figures/front.png"))
    if "balance" in shown:
        sections.append(pages.section("What retraining wins back", RETRAINED, picture="figures/retrained.png"))
        sections.append(pages.section("The balance of the two networks", BALANCE, _times(shown["balance"])))
    if "filters" in shown:
        sections.append(pages.section("Which filters?", FILTERS, shown["filters"]))
    sections.append(pages.section("Reporting checklist (Blalock et al. 2020)", checklist.strip()))
    return pages.write(folder, "Smaller generators: the report", sections, runs)


def _by_dataset(table: pd.DataFrame):
    """A table for each data set, without the ways and compressions that it has no run of."""
    for dataset in table.columns.unique(level=0):
        own = table[dataset]
        yield dataset, _times(own.loc[(own != "").any(axis=1), (own != "").any()])


def _times(table: pd.DataFrame) -> pd.DataFrame:
    """Compressions in the column names as "8×"."""
    return table.rename(columns=lambda name: name if isinstance(name, str) else f"{name:g}×")
