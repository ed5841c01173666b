"""The tables of all cut U-Nets, and the page that shows them."""

from pathlib import Path

import pandas as pd

from ganprune_utils import pages
from ganprune_utils.comparison import written

TITLES = {
    "trained": "The networks",
    "ranking": "Which layers spare most",
    "ways": "Every way at equal cost",
    "saved": "What can go without loss",
    "latency": "Time",
    "dcgan": "Is there a bottleneck in the DCGAN?",
}
NOTES = {
    "trained": "On the test pairs: L1 as a share of the range of a pixel, PSNR in dB, SSIM, and the Fréchet classifier "
    "distance of what is made to real pictures; beside them the answers that need no network.",
    "ranking": "Filters of one layer removed, all else whole. The share that can go before L1 has risen by 5 % "
    "(empty: more than was tried), and the rise of L1 with half of them gone; as cut, and after fine-tuning.",
    "ways": "L1 after fine-tuning, mean ± standard deviation over runs. Columns: which cost was made equal, and to "
    "that of how many levels left out. The dense network got the same steps.",
    "saved": "The smallest network of each way whose L1 is no worse than that of the dense one, by the margin stated "
    "beforehand: paired by picture, 95 % bootstrap interval of the mean difference, as shares of the dense L1.",
    "latency": "Milliseconds for a batch of 64, one thread, median; and how many times faster than dense.",
    "dcgan": "One layer's filters removed, BatchNorm recalibrated: Fréchet distance over that of the dense generator.",
}


def equal_cost(ways: pd.DataFrame, metric: str = "l1", digits: int = 4) -> pd.DataFrame:
    """The metric, "mean ± std" over runs; task and way in rows, (measure, levels) in columns.

    `ways` are rows of notebook 8. Leaving levels out stands under both measures, the networks that were not cut under
    every column.
    """
    columns = [(m, n) for m in ("macs", "parameters") for n in sorted(set(ways.levels) - {"-"}, key=str)]
    found = {}
    for (task, way), rows in ways.groupby(["task", "way"], sort=False):
        for measure, levels in columns:
            own = rows[rows.measure.isin([measure, "both", "-"]) & rows.levels.isin([levels, "-"])]
            if len(own):
                found[task, way, measure, levels] = written(own[metric].mean(), own[metric].std(), digits)
    wide = pd.Series(found).rename_axis(["task", "way", "measure", "levels"])
    order = list(dict.fromkeys((task, way) for task, way, *_ in found))
    return wide.unstack(["measure", "levels"]).reindex(columns=columns).loc[order].fillna("")


def saved(verdict: pd.DataFrame) -> pd.DataFrame:
    """Of each task and way the network with most saved that is no loss: one row for each cost."""
    rows = []
    for (task, way), own in verdict[verdict.no_loss].groupby(["task", "way"], sort=False):
        for measure in ("macs", "parameters"):
            best = own.loc[own[f"{measure} saved"].idxmax()]
            rows.append({"task": task, "way": way, "most": measure, **best.drop(["task", "way", "seed", "ngf"])})
    return pd.DataFrame(rows)


def write_page(folder: Path, shown: dict[str, pd.DataFrame], runs: pd.DataFrame) -> Path:
    """Write `folder/README.md`: the tables named in `TITLES`, the figures, and what it all came from."""
    sections = [
        pages.section(title, NOTES[name], shown[name])
        for name, title in TITLES.items()
        if name in shown and len(shown[name])
    ]
    sections += [f"![{path.stem}]({path.relative_to(folder)})\n" for path in sorted(folder.glob("figures/*.png"))]
    return pages.write(folder, "Cut inner layers: the report", sections, runs)
