"""The tables of all cut U-Nets, and the page that shows them."""

from itertools import groupby
from pathlib import Path

import pandas as pd

from ganprune_utils import pages
from ganprune_utils.comparison import written
from ganprune_utils.paired import TASKS
from ganprune_utils.unet_findings import READ
from ganprune_utils.unet_statistics import shares_saved

TITLES = {
    "trained": "The networks",
    "duels": "Does cutting inner layers win?",
    "l1": "Every way at equal cost: L1",
    "ssim": "Every way at equal cost: SSIM",
    "frechet": "Every way at equal cost: Fréchet distance",
    "saved": "What can go without loss",
    "more": "Does it only take longer?",
    "latency": "Time",
    "ranking": "Which layers spare most",
    "dcgan": "Is there a bottleneck in the DCGAN?",
}
FIGURES = {"trained": ["rows"], "ranking": ["scan"], "l1": ["equal", "ways"]}  # beside which table
WAYS = """Each way of cutting is brought to what leaving out inner levels costs, once in multiply-accumulates (MACs) and
once in parameters, as near as whole filters allow and at most 5 % dearer:

- *levels out*, one remedy: whole inner levels are left out; what is left inherits its weights;
- *inner*, the other: the same share of the filters of the two innermost levels (down4, down5, up5, up4) go, those of
  the smallest L2 norm first;
- *outer*: the same of all other layers; *uniform*: of all layers;
- *global*: all filters are ranked together by their L2 norm over their layer's mean; *lamp*: by LAMP scores (Lee et al.
  2021), a filter's squared norm over the sum of its own and all larger ones of its layer;
- *random*: the same share of each layer, drawn anew for every run;
- *narrow, from scratch*: not cut, but trained as narrow for as many epochs, then fine-tuned like the others. It stands
  at the cost that is nearest to its own.

*inner*, *outer*, *uniform* and *random* leave each layer four filters at least, *global* and *lamp* one. *dense* is the
network that was not cut. L1 is the mean absolute difference to the true picture."""
LIMITS = """Pictures have 32x32 pixels, so the innermost level is a single pixel. For *colour* the brightness is copied
from the input, and L1 weighs 20 times as much as in pix2pix: there the network is in effect trained for L1, and small
percentages are a larger part of what it gains. Percentages do not compare between the tasks."""
AFTER = "After fine-tuning, mean ± standard deviation over runs; empty where a way cannot come down so far. "
NOTES = {
    "trained": "On all test pairs: L1 as a share of the range of a pixel, PSNR in dB, SSIM, and the Fréchet classifier "
    "distance of what is made to real pictures (lower with more pictures: not to be compared with those below); beside "
    "them the answers that need no network. *ngf* is the width, the filters of the first layer: the wider network of a "
    "task is cut, the narrower one is the control. Below, evenly spaced test pairs after fine-tuning: all that was cut "
    "has the fewest MACs that inner filters alone can come down to; the narrow network has far fewer.",
    "ranking": "Filters of one layer removed, all else whole. The share that can go before L1 has risen by 5 %, and "
    "the rise of L1 in percent with half of them gone; as cut, and fine-tuned. One run a point, on the half of the "
    "test pairs that serves for it alone. Deeper layers are wider, too: their shares are of more filters. In the "
    'figures "?" marks a fine-tuning that went astray: more than 1 point worse than one with more filters removed.',
    "l1": AFTER + "Rise in percent over the dense network, which got the same steps; *saved* is the share of the cost "
    "at the head of the column. The filters that each way left to each layer are in `unet-ways.csv`. In the first "
    "figure of a task a dot is a run, a bar their mean and the dotted line the margin of no loss. The second puts all "
    "networks over each of their costs; bars there go from the lowest to the highest run.",
    "ssim": AFTER + "To the truth; 1 is best.",
    "frechet": AFTER + "To real pictures, in the features of a classifier. L1 favours the mean of all answers that "
    "are possible, which is blurred; this distance does not.",
    "more": "At the fewest parameters, where most is gone: after as many steps of fine-tuning as elsewhere on this "
    "page, and after more; one run each.",
    "duels": "L1 of the remedy minus that of the other way at the same cost, in percent of the dense L1 (below zero: "
    "the remedy is better), with its 95 % interval, paired by run and picture: that of a bootstrap over both, or "
    "Student's over the runs where it is wider. *Better* and *worse* say that the whole interval does. The runs are "
    "of fine-tuning; the trained network is one. Not corrected for their number: of so many intervals some miss by "
    "chance. Empty where one of the two cannot come down so far.",
    "saved": "Of each way the network with most saved whose L1 was shown to be no worse than that of the dense one, by "
    "the margin stated beforehand: the 95 % interval of the mean difference, paired by run and picture, and every "
    "single run lie below it. Percent of the dense L1, of its gain over the better answer without a network, and of "
    "the dense costs. *None* was not shown to be without loss at any cost tried. The best of many candidates looks a "
    "little better than it is, because it was chosen.",
    "latency": "Milliseconds for a batch of 64, one thread, median; and how many times faster than dense. To be "
    "compared within a task: the two may have been timed side by side, a core each.",
    "dcgan": "One layer's filters removed, the shares in the columns, BatchNorm recalibrated: Fréchet distance over "
    "that of the dense generator (notebook 6, [smaller/](../smaller/README.md)). Not to be compared with the rises of "
    "L1 above: another measure, and no training.",
}
HEADS = {"macs": "equal MACs:", "parameters": "equal parameters:"}
EVERYWHERE = ("dense", "dense, as trained")  # in every column: they were not cut


def asked(runs: pd.DataFrame) -> str:
    """What was asked, and how: from the manifests of the runs, one task or more, with the same settings in all."""
    found = [parameters for parameters in runs.parameters if "n_seeds" in parameters]
    tasks = {
        "edges": "*edges* to a picture of Fashion-MNIST",
        "colour": "*colour* for a grey picture of CIFAR-10",
    }
    cut, names = found[0], [tasks.get(own["task"], own["task"]) for own in found]
    trained = [own for own in runs.parameters if "decay_epochs" in own and own["task"] == cut["task"]]
    how = f"trained for {trained[0]['epochs']} epochs (one training seed)" if trained else "trained before"
    test = f"{cut['n_test']:,}" if cut["n_test"] else "all"
    batches = f"{cut['steps']} batches of {trained[0]['batch_size']} pairs" if trained else f"{cut['steps']} batches"
    return (
        "Kim, Choi and Park (2022) say that the inner layers of a U-Net generator, those near its bottleneck, can "
        f"spare most. Asked here of pix2pix on {' and '.join(names)}, the networks {how}. After every cut the network "
        f"is fine-tuned on {batches}, and so is the dense one; {cut['n_seeds']} runs of that, with other seeds. "
        f"Measured on {test} test pairs, half of them for the scan of single layers and the other half for all else. "
        f"Stated beforehand: no loss is a rise of L1 below {100 * cut['margin']:.2g} % of the dense network's and "
        f"below {100 * cut['margin_of_gain']:.2g} % of what it gains over the better answer that needs no network. "
        f"{LIMITS}\n\n{WAYS}"
    )


def tolerated(ranking: pd.DataFrame, scan: pd.DataFrame) -> pd.Series:
    """`ranking`'s column of that name as text, which beyond the shares that were tried says only that."""
    least, most, said = scan.ratio.min(), scan.ratio.max(), []
    for share in ranking.tolerated:
        said.append(f"> {most:g}" if pd.isna(share) else f"< {least:g}" if share < least else f"{share:.2f}")
    return pd.Series(said, ranking.index)


def rises(ways: pd.DataFrame, metric: str = "l1") -> pd.Series:
    """The metric of each row over the mean of the dense network of its task, in percent."""
    dense = ways[ways.way == "dense"].groupby("task")[metric].mean()
    return 100 * (ways[metric] / ways.task.map(dense) - 1)


def equal_cost(ways: pd.DataFrame, metric: str = "l1", digits: int = 4) -> pd.DataFrame:
    """The metric, "mean ± std" over runs; task and way in rows, (measure, target) in columns; first what was saved.

    `ways` are rows of notebook 8b. Leaving levels out stands under both measures, what was not cut in every column.
    """
    found = {}
    for task, own in ways.groupby("task", sort=False):
        for (measure, target), share in shares_saved(own).items():
            found[task, "saved", measure, target] = f"{100 * share:.0f} %"
            here = own.measure.isin([measure, "both"]) & (own.target == target) | own.way.isin(EVERYWHERE)
            for way, rows in own[here].groupby("way", sort=False):
                found[task, way, measure, target] = written(
                    rows[metric].mean().round(digits) + 0.0, rows[metric].std(), digits
                )  # no "-0.0"
    wide = pd.Series(found).rename_axis(["task", "way", "measure", "target"])
    rows = [(task, "saved") for task in ways.task.unique()]
    rows += list(ways[["task", "way"]].drop_duplicates().itertuples(index=False, name=None))
    rows.sort(key=lambda row: list(ways.task.unique()).index(row[0]))  # stable: the ways keep their order
    columns = list(dict.fromkeys(key[2:] for key in found))
    wide = wide.unstack(["measure", "target"]).reindex(columns=columns).loc[rows].fillna("")
    return wide.rename(columns=HEADS, level=0)


def against(duels: pd.DataFrame) -> pd.DataFrame:
    """Differences of L1 in percent with their interval and what they say; task, remedy and opponent in rows, costs in
    columns in the order in which they come."""
    said = duels.assign(
        text=[
            f"{100 * row.difference:+.1f} [{100 * row.low:+.1f}, {100 * row.high:+.1f}]"
            + (" better" if row.wins else " worse" if row.loses else "")
            for row in duels.itertuples()
        ]
    )
    keys = ["task", "remedy", "against"]
    columns = sorted(
        dict.fromkeys(zip(duels.measure, duels.target, strict=True)), key=lambda key: list(HEADS).index(key[0])
    )
    rows = list(dict.fromkeys(duels[keys].itertuples(index=False, name=None)))
    wide = said.set_index([*keys, "measure", "target"]).text.unstack(["measure", "target"])
    return wide.reindex(columns=columns).loc[rows].fillna("").rename(columns=HEADS, level=0)


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
    """Write `folder/README.md`: what was asked, the findings, the tables named in `TITLES`, figures, and sources."""
    sections = [pages.section("What was asked", asked(runs))]
    told = [sentence.split(": ", 1) for sentence in findings]
    by_task = [(task, "\n".join(f"- {said}" for _, said in rows)) for task, rows in groupby(told, lambda row: row[0])]
    sections += [pages.section("What it says", "\n\n".join([READ, *(f"{task}\n\n{said}" for task, said in by_task)]))]
    for name, title in TITLES.items():
        if name in shown and len(shown[name]):
            sections.append(pages.section(title, NOTES[name], shown[name]))
            kinds = FIGURES.get(name, ())
            figures = sorted(path for kind in kinds for path in folder.glob(f"figures/*-{kind}.png"))
            sections += [
                f"*{_task(path)}*\n\n![{title}: {path.stem}]({path.relative_to(folder)})\n" for path in figures
            ]
    return pages.write(folder, "Cut inner layers: the report", sections, runs)


def _task(figure: Path) -> str:
    return figure.stem.rsplit("-", 1)[0]
