"""Each number that a page states, against the committed table that it comes from.

A claim is the text of a page with its numbers left out, and what fills them in from the CSVs: the page has to contain
exactly that. Where a section is claimed as a whole, no number in it may be left without a claim.
"""

import re
from functools import cache

import pandas as pd
import pytest

from ganprune_utils.analysis.paper import PAPER, chance_level_means
from ganprune_utils.metrics.quality import read_reference
from tests.conftest import ROOT

SIMILARITY = ("uqi", "ssim", "ms_ssim")
DATASETS = {"fashion_mnist": "Fashion-MNIST", "cifar10": "CIFAR-10"}
RUNS = {  # a row of the README's first table -> the runs that it is the mean of
    "sensitivity, s = 0.75": ("sensitivity", "layer", 0.75),
    "percentage, q = 50": ("percentage", "global", 50.0),
    "sensitivity with the s that removes 50 %": ("sensitivity", "matched", 50.0),
    "random": ("random", "uniform", 50.0),
}


@cache
def table(name: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / "reports" / name)


def runs(name: str, dataset: str, method: str, scope: str, threshold: float) -> pd.DataFrame:
    """Rows of one configuration, generator pruned, not recalibrated, over training seeds."""
    rows = table(f"tables/{name}.csv")
    rows = rows[(rows.dataset == dataset) & (rows.pruned_network == "generator") & ~rows.recalibrated]
    return rows[(rows.method == method) & (rows.scope == scope) & (rows.threshold == threshold)]


def spread(values: pd.Series, digits: int) -> str:
    return f"{values.mean():.{digits}f} ± {values.std():.{digits}f}"


def first_table() -> list[str]:
    """The rows of the README's first table, as the tables have them."""
    rows = []
    for number, (cell, removed) in {
        "I": ("s = 0.75; data set not stated", "“0.54 percent”"),
        "II": ("q = 50", "50 %"),
    }.items():
        means = " | ".join(f"*{PAPER[number][m][0]:.{3 if m == 'uqi' else 1}f}*" for m in SIMILARITY)
        rows.append(f"| *the paper, Table {number} ({cell})* | *{removed}* | {means} | – |")
    for dataset, title in DATASETS.items():
        dense = runs("quality", dataset, "percentage", "global", 0.0).frechet
        rows.append(f"| {title} (n = {len(dense)}): dense generator | 0 % | 1 | 1 | 1 | {spread(dense, 2)} |")
        for label, run in RUNS.items():
            means = runs("means", dataset, *run)
            share = 100 * means.drop_duplicates("seed").sparsity.mean()
            removed = "50 %" if abs(share - 50) < 0.01 else f"{share:.1f}&nbsp;%"
            scores = " | ".join(spread(means[means.metric == metric].value, 3) for metric in SIMILARITY)
            frechet = spread(runs("quality", dataset, *run).frechet, 2)
            rows.append(f"| {label} | {removed} | {scores} | {frechet} |")
        levels = chance_level_means(table("tables/chance-level.csv.gz"))
        levels = levels[levels.dataset == dataset].set_index("metric").value
        scores = " | ".join(f"*{levels[metric]:.3f}*" for metric in SIMILARITY)
        reference = f"*{read_reference(dataset)['frechet']:.2f}*"
        rows.append(f"| *chance level (unrelated images); real-vs-real reference* | | {scores} | {reference} |")
    return rows


def first_seed(metric: str) -> float:
    rows = runs("means", "fashion_mnist", *RUNS["percentage, q = 50"])
    return rows[(rows.seed == 0) & (rows.metric == metric)].value.item()


def quick_start() -> list[str]:
    """What the README tells a reader to expect of the quick study, and of the package in a script."""
    uqi, ssim, ms_ssim = (first_seed(metric) for metric in SIMILARITY)
    dense, pruned = (
        runs("quality", "fashion_mnist", "percentage", "global", q).set_index("seed").frechet[0] for q in (0.0, 50.0)
    )
    return [
        f"with Table II, fashion_mnist: UQI {uqi:.3f}, SSIM {ssim:.3f}, MS-SSIM {ms_ssim:.3f} |",
        f'print(f"SSIM {{ssim(x, y, data_range=255).mean():.3f}}")  # {ssim:.3f}\n',
        f"{{evaluator.generator(dense, noise)['frechet']:.2f}}\")  # {dense:.2f}\n",
        f"{{evaluator.generator(pruned, noise)['frechet']:.2f}}\")  # {pruned:.2f}\n",
    ]


def smaller_generator() -> list[str]:
    """What the README says of half of the filters."""
    cost = table("compression/tables/cost.csv").query("dataset == 'fashion_mnist'").set_index("network")
    dense, half = cost.loc["dense"], cost.loc["half of the filters removed"]
    parameters, macs = (dense[name] / half[name] for name in ("parameters", "MACs"))
    sizes = f"{half.dense / 1e6:.1f} MB instead of {dense.dense / 1e6:.1f}"
    return [f"{parameters:.1f} times fewer parameters, {macs:.1f} times fewer multiplications, {sizes}."]


CLAIMS = {"README.md": [*first_table(), *quick_start(), *smaller_generator()]}


@pytest.mark.parametrize("page, claim", [(page, claim) for page, claims in CLAIMS.items() for claim in claims])
def test_the_page_says_what_the_tables_say(page, claim):
    assert claim in (ROOT / page).read_text()


def test_no_number_of_the_first_table_is_without_a_claim():
    lines = (ROOT / "README.md").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| | weights removed |"))
    rows = [line for line in lines[start + 2 : lines.index("", start)] if re.search(r"\d", line)]
    assert rows == first_table()
