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
RUNS = {  # a row beside the paper's two tables -> the runs that it is the mean of
    "sensitivity, s = 0.75": ("sensitivity", "layer", 0.75),
    "one global threshold, q = 50": ("percentage", "global", 50.0),
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
    """The rows of the paper's two tables beside ours, as the tables have them."""
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
    rows = runs("means", "fashion_mnist", *RUNS["one global threshold, q = 50"])
    return rows[(rows.seed == 0) & (rows.metric == metric)].value.item()


def quick_start() -> list[str]:
    """What the README tells a reader to expect of the quick study, and of the package in a script."""
    uqi, ssim, ms_ssim = (first_seed(metric) for metric in SIMILARITY)
    dense, pruned = (
        runs("quality", "fashion_mnist", "percentage", "global", q).set_index("seed").frechet[0] for q in (0.0, 50.0)
    )
    return [
        f"with Table II, Fashion-MNIST: UQI {uqi:.3f}, SSIM {ssim:.3f}, MS-SSIM {ms_ssim:.3f} |",
        f'print(f"SSIM {{ssim(x, y, data_range=255).mean():.3f}}")  # {ssim:.3f}\n',
        f"{{evaluator.generator(dense, noise)['frechet']:.2f}}\")  # {dense:.2f}\n",
        f"{{evaluator.generator(pruned, noise)['frechet']:.2f}}\")  # {pruned:.2f}\n",
    ]


def smaller_generator() -> list[str]:
    """What the page says of half of the filters."""
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
        f"scores real images {last.d_real:.2f} and generated ones {last.d_fake:.2f}:",
        f"of all seven methods lies between {at.min():.4f} and {at.max():.4f}; the\n  dense network has {dense:.4f}.",
        f"even the grey image itself has {grey:.4f}.",
        f"it raised L1 at {(l1[True] > l1[False]).sum()} of {len(l1)} points",
        f"{longer.index[1]} steps instead of {longer.index[0]}\n  raised that of the dense network "
        f"from {longer.iloc[0]:.4f} to {longer.iloc[1]:.4f}.",
    ]


def metric_trap() -> list[str]:
    """What the page on the metric trap says of the first threshold; its other numbers are in test_findings.py."""
    verdicts = table("tables/audit-verdicts.csv").set_index(["hypothesis", "dataset"])
    word = verdicts.verdict
    (removed,) = {f"{100 * share:.0f}" for share in table("tables/removed.csv").query("table == 'I'").sparsity}
    assert word["H1b floats with L = 255 suffice", "fashion_mnist"] == "refuted"
    (fraction,) = {verdict for (hypothesis, _), verdict in word.items() if hypothesis.startswith("H2")}
    return [
        f'The paper calls its first threshold "0.54 percent". That is *{fraction}* a fraction.',
        f"s = 0.75 removes erf(0.75/√2) = {math.erf(0.75 / 2**0.5):.3f} of them; here it removes {removed} %.",
    ]


def critical(dataset: str, label: str) -> pd.Series:
    rows = table("tables/critical-sparsity.csv").query("not recalibrated and rise == 'by half'")
    return 100 * rows[(rows.dataset == dataset) & (rows.label == label)].critical_sparsity


def times_faster() -> str:
    rows = table("compression/tables/latency.csv").query("runner == 'eager' and threads == 1 and batch == 64")
    rows = rows[(rows.dataset == "fashion_mnist") & (rows.network == "half of the filters removed")]
    return f"{rows.ratio.item():.1f}"


def findings() -> list[str]:
    """The README's five sentences."""
    against = table("unets/tables/unet-comparisons.csv").query(
        "task == 'edges' and seed == 0 and against == 'dense' and target == '70%' and fine_tuning == '1 epoch'"
    )
    rise = 100 * against[against.metric == "l1"].set_index("method").difference
    assert rise["random"] < rise["global"]
    at = table("tables/last-layer.csv").query(
        "dataset == 'cifar10' and threshold == 70 and not recalibrated and n == 3"
    )
    best = {"dense": at["frechet mean"].min(), "pruned": (at["frechet mean"] - at["difference mean"]).min()}
    blind = table("tables/audit-verdicts.csv").set_index(["hypothesis", "dataset"])["decisive number"]
    return [
        f"on CIFAR-10, the best of three criteria gives {best['pruned']:.1f}, ",
        f"and with the last layer dense {best['dense']:.1f}.",
        f"Unrelated images score {blind['H1a wrong range blinds SSIM', 'fashion_mnist']:.2f} if pixels in [0, 1]",
        f"one global threshold removes {critical('fashion_mnist', 'percentage').mean():.0f} % before",
        f"a batch runs {times_faster()}× faster",
        f"pruning inner filters raises the L1 error by {rise['inner']:.1f} %.",
        f"Global pruning at the same cost raises it by {rise['global']:.1f} %, more than random filters do.",
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
    "README.md": [*findings(), *quick_start()[:1]],
    "docs/findings/metric-trap.md": [*first_table(), *metric_trap()],
    "docs/prune-your-own.md": [*quick_start()[1:], *smaller_generator()],
    "reports/README.md": [*audit_tables(), *constant_answer()],
    "reports/unets/colour/README.md": colour(),
}


@pytest.mark.parametrize("page, claim", [(page, claim) for page, claims in CLAIMS.items() for claim in claims])
def test_the_page_says_what_the_tables_say(page, claim):
    assert " ".join(claim.split()) in " ".join((ROOT / page).read_text("utf-8").split())


def test_no_number_of_the_first_table_is_without_a_claim():
    lines = (ROOT / "docs/findings/metric-trap.md").read_text("utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| | weights removed |"))
    rows = [line for line in lines[start + 2 : lines.index("", start)] if re.search(r"\d", line)]
    assert rows == first_table()


def prose(page: str) -> str:
    """A page's running text: no code, tables, pictures or addresses of links."""
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text("utf-8"), flags=re.DOTALL)
    text = "\n".join(line for line in text.splitlines() if not line.startswith("|"))
    return re.sub(r"\]\([^)]*\)", "]", re.sub(r"!\[[^\]]*\]\([^)]*\)|<img[^>]*>", "", text))


def test_the_readme_is_short():
    text = prose("README.md")
    assert len(re.findall(r"\b[\w’'-]+\b", text)) <= 700
    assert len(re.findall(r"\d+(?:[.,]\d+)*", text)) <= 40


@pytest.mark.parametrize("page", ["README.md", "REPRODUCING.md", *map(str, sorted((ROOT / "docs").rglob("*.md")))])
def test_links_lead_somewhere(page):
    page = ROOT / page
    for link in re.findall(r'(?:\]\(|<img[^>]* src=")([^)#"\s]+)', page.read_text("utf-8")):
        assert link.startswith("http") or (page.parent / link).exists(), link
