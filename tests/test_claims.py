"""Each number that a page states, against the committed table that it comes from.

A claim is the text of a page with its numbers left out, and what fills them in from the CSVs: the page has to contain
exactly that. Where a section is claimed as a whole, no number in it may be left without a claim.
"""

import math
import re
from functools import cache

import pandas as pd
import pytest

from ganprune_utils.analysis import audit
from ganprune_utils.analysis.formatting import markdown
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
    rows = rows[rows.last_layer == "pruned"]
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


def colour() -> list[str]:
    """Why colour decides nothing."""
    rows, more, scan, history = (
        table(f"unets/colour/tables/{name}.csv")
        for name in ("unet-equal-cost", "unet-more-steps", "unet-scan", "history")
    )
    last = history[history.ngf == 64].iloc[-1]
    at = rows[(rows.target == "2 levels removed") & rows.measure.isin(["macs", "both"])].groupby("method").l1.mean()
    dense, grey = rows[rows.method == "dense"].l1.mean(), table("unets/colour/tables/trained.csv").l1[0]
    l1 = scan.pivot(index=["layer", "ratio"], columns="fine_tuned", values="l1")
    longer = more[more.method == "dense"].groupby("steps").l1.first()
    return [
        f"scores real pictures {last.d_real:.2f} and generated ones {last.d_fake:.2f}:",
        f"of all seven methods lies between {at.min():.4f} and {at.max():.4f}; the\n  dense network has {dense:.4f}.",
        f"even the grey picture itself has {grey:.4f}.",
        f"it raised L1 at {(l1[True] > l1[False]).sum()} of {len(l1)} points",
        f"{longer.index[1]} steps instead of {longer.index[0]}\n  raised that of the dense network "
        f"from {longer.iloc[0]:.4f} to {longer.iloc[1]:.4f}.",
    ]


def last_layer() -> list[str]:
    """What the README says of keeping the last layer dense."""

    def apart(dataset, last_layer):
        rows = table("tables/criteria-range.csv").query("threshold == 70 and not recalibrated")
        return rows[(rows.dataset == dataset) & (rows.last_layer == last_layer)]["range mean"].item()

    def distance(dataset, scope, threshold, last_layer, recalibrated=False):
        rows = table("tables/quality.csv").query("pruned_network == 'generator' and method == 'percentage'")
        rows = rows[(rows.dataset == dataset) & (rows.scope == scope) & (rows.threshold == threshold)]
        return rows[(rows.last_layer == last_layer) & (rows.recalibrated == recalibrated)].frechet

    def mean(*run, **options):
        return f"{distance(*run, **options).mean():.2f}"

    pruned, dense = ([apart(name, way) for name in DATASETS] for way in ("pruned", "dense"))
    ways = [spread(distance("cifar10", "global", 70, way), 2) for way in ("pruned", "dense")]
    grey = [mean("fashion_mnist", "global", 70, way) for way in ("pruned", "dense")]
    odd = [mean("fashion_mnist", "layer", 90, way) for way in ("pruned", "dense")]
    mended = [mean("fashion_mnist", "layer", 90, way, recalibrated=True) for way in ("pruned", "dense")]
    allocation = table("tables/allocation.csv").query("dataset == 'cifar10' and recalibrated and percent == 70")
    chosen = allocation.groupby("method").frechet.mean()
    zero = mean("cifar10", "global", 0, "pruned", recalibrated=True)
    return [
        f"at 70 % the three magnitude criteria are {pruned[0]:.2f} apart in Fréchet distance on Fashion-MNIST and "
        f"{pruned[1]:.2f} on CIFAR-10.",
        f"at the same overall sparsity, they are {dense[0]:.2f} and {dense[1]:.2f} apart.",
        f"a dense last layer improves one global threshold from {ways[0]} to {ways[1]} (70 %, as pruned).",
        f"On Fashion-MNIST it changes little, {grey[0]} to {grey[1]}:",
        f"equal shares are better with the last layer pruned, {odd[0]} against {odd[1]}.",
        f"Recalibration removes it: {mended[0]} against {mended[1]}.",
        f"one global threshold gives {chosen['global']:.2f}, with the last layer dense "
        f"{chosen['global, last layer dense']:.2f}, the allocation {chosen['allocation']:.2f}. "
        f"The dense generator has {zero}.",
    ]


def audit_claims() -> list[str]:
    """What the README says of the audit, the words of its verdicts among them."""
    verdicts = table("tables/audit-verdicts.csv").set_index(["hypothesis", "dataset"])
    word, number = verdicts.verdict, verdicts["decisive number"]
    (blind,) = {f"{number['H1a wrong range blinds SSIM', dataset]:.2f}" for dataset in DATASETS}
    (removed,) = {f"{100 * share:.0f}" for share in table("tables/removed.csv").query("table == 'I'").sparsity}
    grey, colour = (number["H1b floats with L = 255 suffice", dataset] for dataset in DATASETS)
    uqi = table("tables/audit-scores.csv").query("compared == 'pure noise'").groupby("metric")["mean"].first()
    words = {hypothesis[:3].strip(): word[hypothesis, "fashion_mnist"] for hypothesis, _ in word.index}
    return [
        f'"0.54 percent" at s = 0.75 is *{words["H2"]}* a fraction.',
        f"erf(0.75/√2) = {math.erf(0.75 / 2**0.5):.3f} of them; here it removes {removed} %.",
        f"with the constants for 255 give unrelated images {blind} (*{words['H1a']}*).",
        f"minimum* of 1.0 (*{words['H1b']}*): pruned until UQI is as printed, the lowest SSIM is {grey:.3f} on",
        f"Fashion-MNIST and {colour:.3f} on CIFAR-10.",
        f"truncated to bytes do print it on Fashion-MNIST (*{words['H1c']}*),",
        f"(*{words['H3']}*): unrelated noise images score {uqi.uqi_sewar:.2f} with it, and {uqi.uqi:.2f} by",
    ]


def audit_tables() -> list[str]:
    """The tables of the audit on the page, as the CSVs have them."""
    return [markdown(values) for values in audit.page_tables(ROOT / "reports/tables").values()]


def constant_answer() -> list[str]:
    """The distance of "always 1" from the printed tables."""
    answer = pd.Series({"mean": 1, "min": 1, "std": 0})
    distance = (audit.printed()[audit.SUMMARY] - answer).abs().to_numpy().mean()
    return [f"An answer of mean 1, minimum 1 and std 0 to everything has a distance of\n{distance:.4f}: a convention"]


CLAIMS = {
    "README.md": [*first_table(), *last_layer(), *audit_claims(), *quick_start(), *smaller_generator()],
    "reports/README.md": [*audit_tables(), *constant_answer()],
    "reports/unets/colour/README.md": colour(),
}


@pytest.mark.parametrize("page, claim", [(page, claim) for page, claims in CLAIMS.items() for claim in claims])
def test_the_page_says_what_the_tables_say(page, claim):
    assert " ".join(claim.split()) in " ".join((ROOT / page).read_text().split())


def test_no_number_of_the_first_table_is_without_a_claim():
    lines = (ROOT / "README.md").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| | weights removed |"))
    rows = [line for line in lines[start + 2 : lines.index("", start)] if re.search(r"\d", line)]
    assert rows == first_table()
