"""The tables of all cut U-Nets, and the page that shows them."""

from pathlib import Path

import pandas as pd

from ganprune_utils import pages
from ganprune_utils.comparison import written
from ganprune_utils.paired import TASKS

TITLES = {
    "trained": "The networks",
    "ranking": "Which layers spare most",
    "l1": "Every way at equal cost: L1",
    "ssim": "Every way at equal cost: SSIM",
    "frechet": "Every way at equal cost: Fréchet distance",
    "more": "Does it only take longer?",
    "duels": "Does cutting inner layers win?",
    "saved": "What can go without loss",
    "latency": "Time",
    "dcgan": "Is there a bottleneck in the DCGAN?",
}
FIGURES = {"trained": "rows", "ranking": "scan", "l1": "ways"}  # beside which table
AFTER = "After fine-tuning, mean ± standard deviation over runs. Columns: which cost was made equal, and to what. "
NOTES = {
    "trained": "On the test pairs: L1 as a share of the range of a pixel, PSNR in dB, SSIM, and the Fréchet classifier "
    "distance of what is made to real pictures; beside them the answers that need no network. *ngf* is the width, the "
    "filters of the first layer: the wider network of a task is cut, the narrower one is the control.",
    "ranking": "Filters of one layer removed, all else whole. The share that can go before L1 has risen by 5 % "
    "(empty: more than was tried), and the rise of L1 in percent with half of them gone; as cut, and fine-tuned. "
    "One run a point: now and then a fine-tuning goes astray (a point that is worse than one with fewer filters left), "
    "and such a point says nothing of its layer.",
    "l1": AFTER
    + "The dense network got the same steps. *Inner* leaves at least four filters to a layer: at the lowest "
    "cost next to nothing of the two inner levels is left, and it differs little from *levels out*. The filters that "
    "each way left to each layer are in `unet-ways.csv`.",
    "ssim": AFTER + "To the truth.",
    "frechet": AFTER + "To real pictures, in the features of a classifier; L1 rewards blur, this does not.",
    "more": "At the fewest parameters, where most is gone: after as many steps of fine-tuning as elsewhere on this "
    "page, and after more; one run each.",
    "duels": "L1 of the remedy minus that of the other way at the same cost, in percent of the dense L1, paired by run "
    "and picture, with 95 % intervals: of a bootstrap over both, or Student's over the runs where that is wider. "
    "Counted: at how many costs the whole interval says that the remedy wins, or loses.",
    "saved": "Of each way the network with most saved whose L1 is no worse than that of the dense one, by the margin "
    "stated beforehand: the 95 % interval of the mean difference, paired by run and picture, and every single run lie "
    "below it. Percent of the dense L1, of its gain over the better answer without a network, and of the dense costs.",
    "latency": "Milliseconds for a batch of 64, one thread, median; and how many times faster than dense. To be "
    "compared within a task: the two may have been timed side by side, a core each.",
    "dcgan": "One layer's filters removed, the shares in the columns, BatchNorm recalibrated: Fréchet distance over "
    "that of the dense generator (notebook 6, [smaller/](../smaller/README.md)).",
}
EVERYWHERE = ("dense", "dense, as trained")  # in every column: they were not cut


def equal_cost(ways: pd.DataFrame, metric: str = "l1", digits: int = 4) -> pd.DataFrame:
    """The metric, "mean ± std" over runs; task and way in rows, (measure, target) in columns.

    `ways` are rows of notebook 8. Leaving levels out stands under both measures, what was not cut in every column.
    """
    cut = ways[~ways.way.isin(EVERYWHERE)]
    both = cut[cut.measure == "both"]
    columns = [(m, t) for m, t in cut[["measure", "target"]].drop_duplicates().itertuples(index=False) if m != "both"]
    columns += [(m, t) for m in ("macs", "parameters") for t in both.target.unique() if (m, t) not in columns]
    found = {}
    for (task, way), rows in ways.groupby(["task", "way"], sort=False):
        for measure, target in columns:
            own = rows[rows.measure.isin([measure, "both"]) & (rows.target == target) | rows.way.isin(EVERYWHERE)]
            if len(own):
                found[task, way, measure, target] = written(own[metric].mean(), own[metric].std(), digits)
    wide = pd.Series(found).rename_axis(["task", "way", "measure", "target"])
    order = list(dict.fromkeys((task, way) for task, way, *_ in found))
    return wide.unstack(["measure", "target"]).reindex(columns=sorted(columns)).loc[order].fillna("")


def counted(duels: pd.DataFrame) -> pd.DataFrame:
    """Of each task, remedy, measure and opponent: at how many costs it wins, loses, and the differences' range."""
    keys = ["task", "remedy", "measure", "against"]
    found = duels.assign(percent=100 * duels.difference).groupby(keys, sort=False)
    return found.agg(
        costs=("target", "size"),
        wins=("wins", "sum"),
        loses=("loses", "sum"),
        best=("percent", "min"),
        least=("percent", "max"),
    ).round(2)


def saved(verdict: pd.DataFrame) -> pd.DataFrame:
    """Of each task and way the network with most saved that is no loss, a row for each cost; "none" where all lose.

    Whichever cost it was brought to: equal costs are for comparing, here only what is saved counts.
    """
    rows, columns = [], [name for name in verdict if name not in ("task", "way", "seed", "ngf")]
    for (task, way), own in verdict.groupby(["task", "way"], sort=False):
        for measure in ("macs", "parameters"):
            kept = own[own.no_loss]
            row = {"task": task, "way": way, "most": measure}
            if len(kept):
                best = kept.loc[kept[f"{measure} saved"].idxmax()]
                rows.append(row | best[columns].to_dict())
            else:
                rows.append(row | {"measure": "none", "target": "none"})
    return pd.DataFrame(rows, columns=["task", "way", "most", *columns])


def layers_of_dcgan(folder: Path | None) -> pd.DataFrame:
    """What notebook 6 found of the DCGANs of the tasks' data sets, in `folder`: task, layer, ratio and times_dense, the
    Fréchet distance over the dense generator's, both recalibrated. No rows where there is no folder, or nothing in it.
    """
    columns = ["task", "layer", "ratio", "times_dense"]
    if folder is None or not (Path(folder) / "filter-scan.csv").is_file():
        return pd.DataFrame(columns=columns)
    scan, dense = (pd.read_csv(Path(folder) / f"filter-scan{name}.csv") for name in ("", "-dense"))
    scan, dense = (table[table.recalibrated] for table in (scan, dense))
    found = scan.merge(dense[["dataset", "seed", "frechet"]], on=["dataset", "seed"], suffixes=("", "_dense"))
    found["times_dense"] = found.frechet / found.frechet_dense
    found["task"] = found.dataset.map({dataset: task for task, dataset in TASKS.items()})
    return found.sort_values("task", ascending=False, kind="stable")[columns].reset_index(drop=True)


def in_percent(saved: pd.DataFrame) -> pd.DataFrame:
    """`saved` as a reader wants it: percent, and which network it is."""
    shares = ["difference", "low", "high", "margin", "of the gain", "macs saved", "parameters saved"]
    table = saved.set_index(["task", "way", "most"])
    table[shares] = (100 * table[shares].astype(float)).round(1)
    table["at"] = [
        f"{m} {t}".removeprefix("both ") if t != "none" else "none" for m, t in saved[["measure", "target"]].values
    ]
    return table[["at", *shares, *(name for name in ("ssim", "frechet") if name in table)]]


def write_page(folder: Path, shown: dict[str, pd.DataFrame], runs: pd.DataFrame, findings: list[str]) -> Path:
    """Write `folder/README.md`: the findings, the tables named in `TITLES`, the figures, and where it all came from."""
    sections = [pages.section("What it says", "\n".join(f"- {sentence}" for sentence in findings))]
    for name, title in TITLES.items():
        if name in shown and len(shown[name]):
            sections.append(pages.section(title, NOTES[name], shown[name]))
            figures = sorted(folder.glob(f"figures/*-{FIGURES[name]}.png")) if name in FIGURES else []
            sections += [f"![{title}: {path.stem}]({path.relative_to(folder)})\n" for path in figures]
    return pages.write(folder, "Cut inner layers: the report", sections, runs)
