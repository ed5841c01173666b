"""The tables of all cut U-Nets, and the page that shows them."""

from pathlib import Path

import pandas as pd

from ganprune_utils import pages
from ganprune_utils.comparison import written
from ganprune_utils.paired import TASKS
from ganprune_utils.phrases import interval, percent
from ganprune_utils.unet_findings import outcome
from ganprune_utils.unet_statistics import is_narrow, shares_saved

TITLES = {
    "short": "In short: does cutting inner layers win?",
    "trained": "The networks",
    "l1": "Every way at equal cost: L1",
    "duels": "The two remedies against each other way",
    "ssim": "Every way at equal cost: SSIM",
    "frechet": "Every way at equal cost: Fréchet distance",
    "saved": "What can go without loss of L1",
    "more": "Does more fine-tuning change the order?",
    "latency": "Time",
    "ranking": "Which layers can lose most filters",
    "dcgan": "Is there a bottleneck in the DCGAN?",
}
FIGURES = {  # beside which table, and what is to be seen
    "trained": {
        "rows": "Evenly spaced test pairs, all networks fine-tuned: those cut to the fewest MACs that inner filters "
        "alone can come down to, and the narrow networks, which have fewer; below each name its MACs. Without *global* "
        "and *random*."
    },
    "l1": {
        "equal": "Rise of L1 at each cost, linear up to 1 % and logarithmic beyond. A dot is a run, a bar their mean; "
        "dotted the margin of no loss, dashed the better answer without a network; *not reached* where a way cannot "
        "come down so far.",
        "ways": "Rise of L1 over what is left, at equal MACs, at equal parameters, and over time for all. Bars go from "
        "the lowest to the highest run, lines lead the eye; scales, dotted and dashed as above.",
    },
    "ranking": {
        "scan": "Rise of L1 with filters of one layer removed; colours logarithmic, each task has its own. A "
        'fine-tuning that went astray, more than 1 point worse than one with more filters removed, would bear a "?", '
        "and does not count in the table."
    },
}
WAYS = """Each way of cutting is brought to what leaving out inner levels costs, once in multiply-accumulates (MACs) and
once in parameters, as near as whole filters allow and at most 5 % dearer:

- *inner* (inner filters, a remedy of the paper): the same share of the filters of the two innermost levels (down4,
  down5, up5, up4) go, those of the smallest L2 norm first;
- *levels out* (the other remedy): whole inner levels are left out; what is left inherits its weights;
- *outer*: the same share of the filters of all other layers; *uniform*: of all layers;
- *global*: all filters are ranked together by their L2 norm over their layer's mean;
- *lamp*: all filters are ranked together by LAMP (Lee et al. 2021), a filter's squared norm over the sum of its own and
  all larger ones of its layer. Made for single weights; of filters it takes those of the widest layers first;
- *random*: the same share of each layer, drawn anew for every run: a control;
- *narrow N*: not cut, but of width N and trained from scratch for as many epochs, then fine-tuned like the others: a
  control, at the cost that is nearest to its own.

*inner*, *outer*, *uniform* and *random* leave each layer four filters at least, *global* and *lamp* one. *dense* is the
network that was not cut. L1 is the mean absolute difference to the true picture."""
LIMITS = """Pictures have 32x32 pixels, so the innermost level is a single pixel. For *colour* the brightness is copied
from the input, and L1 weighs 20 times as much as in pix2pix, so that the discriminator has little say. What a rise is
worth depends on the task: see the row *no network*."""
AFTER = "After fine-tuning, mean ± standard deviation over runs; empty where a way cannot come down so far. "
NOTES = {
    "short": "For each remedy of the paper and each cost: *better* than each of outer, uniform, global and lamp (the "
    "whole 95 % interval of the difference in L1 below zero), *worse than* those named (the whole interval above), or "
    "*open*; in brackets its L1 minus that of the best of the four, in percent of the dense L1. The two remedies "
    "against each other, random pruning and the narrow networks stand below. Empty where the remedy cannot come down "
    "so far. The order holds for the short fine-tuning that all got, which favours what was changed least: the last "
    "sentence of each task says where more of it gave another.",
    "trained": "On all test pairs: L1 as a share of the range of a pixel, PSNR in dB, SSIM, and the Fréchet classifier "
    "distance of what is made to real pictures (lower with more pictures: not to be compared with those below); beside "
    "them the answers that need no network. *ngf* is the width, the filters of the first layer: the widest network of "
    "a task is cut, narrower ones are controls.",
    "ranking": "Filters of one layer removed, all else whole. The share that can go before L1 has risen by 5 %, and "
    "the rise of L1 in percent with half of them gone, as cut and fine-tuned; then what the network saves with half of "
    "them gone, in percent. One run a point, on the half of the test pairs that serves for it alone. Deeper layers are "
    "wider: the same share is more filters there.",
    "l1": AFTER + "Rise in percent over the dense network, which got the same steps. *saved* is the share of the cost "
    "at the head of the column, *no network* the rise at which all is lost: that of the better answer without one. The "
    "filters that each way left to each layer are in `unet-ways.csv`.",
    "ssim": AFTER + "To the truth; 1 is best.",
    "frechet": AFTER + "To real pictures, in the features of a classifier; 0 is best. L1 favours the mean of all "
    "possible answers, which is blurred; this distance does not.",
    "more": "At the largest saving of MACs that inner filters alone come down to and at the fewest parameters of all; "
    "one run each. Rises are over the dense network, as it was trained or trained on for as long, whichever is better.",
    "duels": "L1 of the remedy minus that of the other way at the same cost, in percent of the dense L1 (negative: the "
    "remedy is better), with its 95 % interval, paired by run and picture: that of a bootstrap over both, or "
    "Student's over the runs where it is wider. *Better* and *worse* mean that the whole interval lies below or above "
    "0. The runs are of fine-tuning: of the trained networks there is one each, so that against a narrow network, "
    "which is another training, nothing is called better or worse. Not corrected for their number: of so many "
    "intervals some miss by chance.",
    "saved": "Networks whose L1 was shown to be no worse than that of the dense one (as it was trained, or with the "
    "same steps, whichever is better) by the margin stated beforehand: the 95 % interval of the mean difference, "
    "paired by run and picture, and every single run lie below it; a small loss may well be there. Of each way those "
    "that save most, MACs or parameters. Percent of the dense L1, of its gain over the better answer without a "
    "network, and of the dense costs. The best of many candidates looks a little better than it is, because it was "
    "chosen.",
    "latency": "Milliseconds for a batch of 64, one thread, median; and how many times faster than dense. To be "
    "compared within a task: the two may have been timed side by side, a core each. Differences of less "
    "than 10 % are none: *random* and *uniform* are networks of the same widths.",
    "dcgan": "One layer's filters removed, the shares in the columns, BatchNorm recalibrated: Fréchet distance over "
    "that of the dense generator (notebook 6, [smaller/](../smaller/README.md)). Not to be compared with the rises of "
    "L1 above: another measure, and no training. *Colour* stands for CIFAR-10, *edges* for Fashion-MNIST.",
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
        f"be cut most. Asked here of pix2pix on {' and '.join(names)}, the networks {how}. After every cut the network "
        f"is fine-tuned on {batches}, and so is the dense one; {cut['n_seeds']} times, with different seeds. "
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


def equal_cost(ways: pd.DataFrame, metric: str = "l1", digits: int = 4, lost: dict | None = None) -> pd.DataFrame:
    """The metric, "mean ± std" over runs; task and way in rows, (measure, target) in columns; first what was saved.

    `ways` are rows of notebook 8b. Leaving levels out stands under both measures, what was not cut in every column.
    `lost` has for each task what stands in its row "no network".
    """
    found = {}
    for task, own in ways.groupby("task", sort=False):
        costs = shares_saved(own)
        for (measure, target), share in costs.items():
            found[task, "saved", measure, target] = percent(share)
            if lost:
                found[task, "no network", measure, target] = written(lost[task], None, digits)
        for (way, measure, target), rows in own.groupby(["way", "measure", "target"], sort=False):
            for at in costs:
                if way in EVERYWHERE or (at[1] == target and measure in (at[0], "both")):
                    found[task, way, *at] = written(
                        round(rows[metric].mean(), digits) + 0.0, rows[metric].std(), digits
                    )
    rows = [
        (task, way) for task in ways.task.unique() for way in ("saved", *dict.fromkeys(ways.way[ways.task == task]))
    ]
    rows += [(task, "no network") for task in lost or ()]
    return _under_costs(found, sorted(rows, key=lambda row: list(ways.task.unique()).index(row[0])))


def against(duels: pd.DataFrame) -> pd.DataFrame:
    """Differences of L1 in percent with their interval and what they say; task, remedy and opponent in rows."""
    found = {}
    for row in duels.itertuples():
        said = "" if is_narrow(row.against) else " better" if row.wins else " worse" if row.loses else ""
        found[row.task, f"{row.remedy} − {row.against}", row.measure, row.target] = interval(row) + said
    return _under_costs(found, list(dict.fromkeys(key[:2] for key in found)), "difference")


def outcomes(duels: pd.DataFrame, ways: pd.DataFrame) -> pd.DataFrame:
    """What `unet_findings.outcome` says of each remedy at each cost, below what is saved there."""
    found, rows = {}, []
    for task, own in ways.groupby("task", sort=False):
        found |= {(task, "saved", *cost): percent(share) for cost, share in shares_saved(own).items()}
        rows += [(task, "saved"), *((task, remedy) for remedy in duels.remedy[duels.task == task].unique())]
    for key, own in duels.groupby(["task", "remedy", "measure", "target"], sort=False):
        found[key] = outcome(own)
    return _under_costs(found, rows)


def _under_costs(found: dict, rows: list, name: str = "way") -> pd.DataFrame:
    """(task, `name`, measure, target) -> text as a table with costs in columns, MACs first."""
    wide = pd.Series(found).rename_axis(["task", name, "measure", "target"])
    columns = sorted(dict.fromkeys(key[2:] for key in found), key=lambda key: list(HEADS).index(key[0]))
    wide = wide.unstack(["measure", "target"]).reindex(columns=columns).loc[rows].fillna("")
    return wide.rename(columns=HEADS, level=0)


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
    """`saved` as a reader wants it: percent, a row for each network, none for what has none."""
    shares = ["difference", "low", "high", "margin", "of the gain", "macs saved", "parameters saved"]
    table = saved[saved.target != "none"].drop_duplicates(["task", "way", "measure", "target"])
    table = table.assign(at=[f"{m} {t}".removeprefix("both ") for m, t in table[["measure", "target"]].values])
    table[shares] = (100 * table[shares].astype(float)).round(2)
    kinds = [name for name in ("ssim", "frechet") if name in table]
    return table.set_index(["task", "way"])[["at", *shares, *kinds]]


def write_page(
    folder: Path, shown: dict[str, pd.DataFrame], runs: pd.DataFrame, findings: dict[str, list[str]]
) -> Path:
    """Write `folder/README.md`: what was asked, then the tables named in `TITLES`, what is found of each (as of
    `unet_findings.findings`) and figures, and sources."""
    sections = [pages.section("What was asked", asked(runs))]
    for name, title in TITLES.items():
        said = "\n".join(f"- {sentence}" for sentence in findings.get(name, ()))
        if name in shown and (len(shown[name]) or said):
            sections.append(pages.section(title, NOTES[name], shown[name] if len(shown[name]) else None))
            sections += [f"{said}\n"] if said else []
        for kind, caption in FIGURES.get(name, {}).items():
            for path in sorted(folder.glob(f"figures/*-{kind}.png")):
                task = path.stem.removesuffix(f"-{kind}")
                sections.append(f"![{title}: {path.stem}]({path.relative_to(folder)})\n\n*{task}.* {caption}\n")
    return pages.write(folder, "Cut inner layers: the report", sections, runs)
