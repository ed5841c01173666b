"""The findings pages: each number against its table, and each finding with evidence that can be followed."""

import json
import re
import statistics
from pathlib import Path

import pandas as pd
import pytest

from ganprune_utils.analysis import talking_face as analysis
from tests.conftest import ROOT

FOLDER = ROOT / "docs/findings"
DATASETS = {"fashion_mnist": "Fashion-MNIST", "cifar10": "CIFAR-10"}
SECTIONS = ["Answer", "How we know", "What could be wrong", "Evidence"]
EVIDENCE = ["figure", "executed notebook, cell", "table", "command", "seeds", "minutes"]
PAGES = sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != "README")


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / "reports" / f"{name}.csv")


def percent(values: pd.Series) -> str:
    return f"{100 * values.mean():.0f} ± {100 * values.std():.0f} %"


def last_layer() -> list[str]:
    ranges = table("tables/criteria-range").query("threshold == 70 and not recalibrated")
    ranges = ranges.set_index(["dataset", "last_layer"])["range mean"]
    rows = table("tables/quality").query("dataset == 'fashion_mnist' and scope == 'layer' and threshold == 90")
    layer = rows[rows.method == "percentage"].groupby(["recalibrated", "last_layer"]).frechet.mean()
    at = table("tables/last-layer").query("dataset == 'cifar10' and threshold == 70 and not recalibrated and n == 3")
    at = pd.DataFrame({"dense": at["frechet mean"], "pruned": at["frechet mean"] - at["difference mean"]})
    low, high = at.min(), at.max()
    return [
        float32_trained(),
        f"distances of {low['pruned']:.1f} to {high['pruned']:.1f} with every layer pruned.",
        f"at the same overall sparsity, they give {low['dense']:.1f} to {high['dense']:.1f}.",
        *(
            f"| {title} | {ranges[name, 'pruned']:.2f} | {ranges[name, 'dense']:.2f} |"
            for name, title in DATASETS.items()
        ),
        f"with the last layer pruned ({layer[False, 'pruned']:.2f} against {layer[False, 'dense']:.2f}),",
        f"restores the rule there: {layer[True, 'pruned']:.2f} with the last layer pruned, ",
        f"{layer[True, 'dense']:.2f} with it dense.",
    ]


def metric_trap() -> list[str]:
    scores = table("tables/audit-scores")
    mean = scores.groupby(["dataset", "compared", "input_convention", "metric"])["mean"].first()
    (floats,) = {f"{mean[name, 'unrelated', 'float [0, 1], L = 255', 'ssim']:.2f}" for name in DATASETS}
    noise = mean["cifar10", "pure noise", "bytes, L = 255"]
    return [
        f"*unrelated* pairs a mean SSIM of {floats}.",
        f"as bytes score {mean['fashion_mnist', 'unrelated', 'bytes, L = 255', 'ssim']:.2f} on Fashion-MNIST.",
        f"unrelated noise {noise['uqi_sewar']:.2f}, where the formula gives {noise['uqi']:.2f}.",
    ]


def how_much() -> list[str]:
    critical = table("tables/critical-sparsity").query("rise == 'by half' and not recalibrated")
    critical = {key: rows.critical_sparsity for key, rows in critical.groupby(["dataset", "label"])}
    labels = ("percentage", "sensitivity")
    grey, colour = ([100 * critical[name, label].mean() for label in (*labels, "random")] for name in DATASETS)
    random = {name: f"{100 * critical[name, 'random'].mean():.0f} %" for name in DATASETS}
    ranks = table("tables/similarity-and-quality").set_index(["dataset", "threshold"])["ssim, no random masks"]
    ranks = [f"{ranks['fashion_mnist', q]:.2f}".replace("-", "−") for q in (50, 10)]
    return [
        f"It reaches {grey[0]:.0f} % on Fashion-MNIST and {colour[0]:.0f} % on CIFAR-10.",
        f"Random pruning reaches only {grey[2]:.0f} and {colour[2]:.0f} %.",
        *(
            f"| {title} | {' | '.join(percent(critical[name, label]) for label in labels)} | {random[name]} |"
            for name, title in DATASETS.items()
        ),
        f"(rank correlation {ranks[0]} on Fashion-MNIST). At 10 % it does not ({ranks[1]}).",
    ]


def _agreement(rows: pd.DataFrame) -> float:
    """Kendall's τ between the rankings of networks by the two classifiers, draws averaged."""
    means = rows.groupby(["seed", "granularity", "criterion", "allocation", "target_compression"])
    return means[["frechet", "frechet_plain"]].mean().corr("kendall").iloc[0, 1]


def float32_trained() -> str:
    """The last layer matters in pairs trained in float32, too: seeds 1 and 2 of Fashion-MNIST were trained anew."""
    rows = table("compression/tables/compression").query(
        "recalibrated and dataset == 'fashion_mnist' and seed > 0 and criterion == 'magnitude'"
    )
    at = rows[rows.granularity == "unstructured"].pivot_table(
        index=["seed", "target_compression"], columns="allocation", values="frechet"
    )
    better = (at.last_dense < at.own).groupby("seed").sum()
    assert better.nunique() == 1
    return (
        f"at all {better.iloc[0]} compression ratios, from 2× to 32×, "
        "one global threshold does better with the last layer dense"
    )


def what_pays() -> list[str]:
    cells = table("compression/tables/cells").query("training == 'none' and pruned_network == 'generator'")
    cells = cells[cells.target_compression.isin((1, 2))]
    each = cells.groupby(["dataset", "granularity", "criterion", "allocation"])
    means = each.frechet.mean()[each.seed.nunique() == 3]
    best = (
        means.groupby(["dataset", "granularity"]).min().unstack("granularity")[["dense", "unstructured", "structured"]]
    )
    latency = table("compression/tables/latency").query("runner == 'eager' and threads == 1 and batch == 64")
    cost = table("compression/tables/cost").query("dataset == 'fashion_mnist'").set_index("network").parameters
    left = cost["half of the filters removed"] / cost["dense"]
    faster = latency[latency.network == "half of the filters removed"].ratio.min()
    lines = {name: [f"{value:.2f}" for value in best.loc[name]] for name in DATASETS}
    _, masks, filters = lines["fashion_mnist"]
    everything = table("compression/tables/compression").query("recalibrated").groupby("dataset")
    alike = everything.apply(_agreement, include_groups=False).round(2)
    return [
        f"Kendall's τ is {alike['fashion_mnist']:.2f} on Fashion-MNIST and {alike['cifar10']:.2f} on CIFAR-10.",
        f"a batch of 64 runs {faster:.1f} times faster on one thread;",
        f"that network keeps {100 * left:.0f} % of the parameters.",
        f"more quality: a Fréchet distance of {masks} against {filters} for filters on Fashion-MNIST.",
        *(f"| {title} | {' | '.join(lines[name])} |" for name, title in DATASETS.items()),
    ]


def unets() -> list[str]:
    rows = table("unets/tables/unet-comparisons").query("against in ('global', 'dense') and metric == 'l1'")
    rows = rows[(rows.fine_tuning == "1 epoch") & rows.target.isin(("70%", "78%"))]
    percent = 100 * rows.set_index(["task", "depth", "seed", "against", "method"]).difference
    first = percent["edges", 5, 0, "dense"]
    assert (percent.xs("inner", level="method").xs("global", level="against") < 0).all()
    claims = [
        f"pruning inner filters raises the L1 error by {first['inner']:.1f} %, "
        f"and global pruning at the same cost raises it by {first['global']:.1f} %.",
        f"filters drawn at random from all layers raise L1 by only {first['random']:.1f} %.",
    ]
    for network in (("edges", 5, 0), ("edges", 5, 1), ("faces", 5, 0), ("faces", 7, 0)):
        own = percent[(*network, "global")]
        levels = f"{own['depth reduction']:+.1f}" if "depth reduction" in own else "out of reach"
        claims.append(f"% | {own['inner']:+.1f} | {own['random inner']:+.1f} | {levels} |")
    return claims


def talking_face() -> list[str]:
    kept = analysis.kept(table("talking_face/tables/talking-face-by-clip"), margin=0.05)
    percent = 100 * kept.set_index(["measure", "target", "method"])[["sync", "picture"]]
    no_loss = kept[kept.no_loss].groupby("target").method.apply(set)
    assert no_loss.to_dict() == dict.fromkeys(("55%", "38%"), {"inner", "random inner", "lamp"})
    rows = table("talking_face/tables/talking-face-equal-cost").set_index(["measure", "target", "method"])
    dense, inner = rows.loc["-", "-", "dense"].iloc[0], rows.loc["parameters", "38%", "inner"]
    titles = {"inner": "inner filters", "random inner": "random inner filters", "lamp": "LAMP"}
    titles["depth reduction"] = "whole inner levels (depth reduction)"

    def cells(target, method):
        if ("parameters", target, method) not in percent.index:
            return "out of reach |"
        return " | ".join(f"{value:+.1f}" for value in percent.loc["parameters", target, method])

    methods = kept[kept.measure == "parameters"].method.unique()
    claims = [f"| {titles.get(name, name)} | {cells('55%', name)} | {cells('38%', name)} |" for name in methods]
    scores = table("talking_face/tables/talking-face-controls").set_index(["face", "frames"])
    scores = scores.loc[scores.index.get_level_values("face").max()]
    sync, l1 = scores.sync_confidence, scores.l1
    judge = table("talking_face/tables/lip-sync").set_index(["network", "split"]).loc["judge"]
    scan, reference = (table(f"talking_face/tables/talking-face-{name}") for name in ("scan", "reference"))
    damage = analysis.damage(scan, reference[reference.run == 0]).reset_index()
    audio = damage[damage.layer.str.startswith("audio")].set_index("fine_tuned")
    assert l1["generator"] < l1["reference frame"]
    return claims + [
        f"with {100 * (1 - inner.parameters / dense.parameters):.0f} % of the parameters gone",
        f"the sync confidence falls by {-percent.loc['parameters', '38%', 'inner'].sync:.1f} %.",
        f"still does {100 * inner.macs / dense.macs:.0f} % of the multiply-accumulates.",
        f"We trained a generator of {dense.parameters / 1e6:.1f} million parameters",
        f"within one frame in {100 * judge.within_1_frame.test:.1f} % of the cases.",
        f"It is {sync['real video']:.2f} for real video and {sync['generator']:.2f} for the generator.",
        f"shifted by 8 frames it is {sync['sound shifted by 8 frames']:.2f}, and in silence {sync['silence']:.2f}.",
        f"loses {-percent.loc['parameters', '3%', 'lamp'].sync:.0f} % of the sync confidence there.",
        f"raises L1 by {audio.picture[False].max():.0f} % at most, but the sync confidence falls by "
        f"{audio.sync[False].min():.0f} to {audio.sync[False].max():.0f} %",
        f"at most {audio.sync[True].max():.0f} % of the sync confidence is missing in any of them.",
        f"L1 is {l1['generator']:.4f}, that of the mean {l1['mean of the clip']:.4f}.",
        f"finds the offset in {100 * judge.within_1_frame['held-out']:.0f} % of {judge.clips['held-out']} clips.",
    ]


CLAIMS = {"last-layer": last_layer, "metric-trap": metric_trap, "how-much": how_much, "what-pays": what_pays}
CLAIMS |= {"unets": unets, "talking-face": talking_face}


def words(text: str) -> str:
    return " ".join(text.split())


def evidence(path, section: str) -> list[list[str]]:
    """The cells of the table of evidence in a section, header first."""
    text = path.read_text().split(f"## {section}")[1]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("page", CLAIMS)
def test_the_page_says_what_the_tables_say(page):
    text = words((FOLDER / f"{page}.md").read_text())
    assert not [claim for claim in CLAIMS[page]() if words(claim) not in text]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_its_parts(page):
    text = (FOLDER / f"{page}.md").read_text()
    assert re.findall(r"(?m)^## (.+)", text) == SECTIONS
    question, answer = text.split("## Answer")[0], text.split("## Answer")[1].split("## ")[0]
    assert "**Question.**" in question and "![" in question
    assert len(re.findall(r"[.!?] ", words(answer) + " ")) == 3
    assert f"({page}.md)" in (FOLDER / "README.md").read_text()


PLACES = [(FOLDER / f"{page}.md", "Evidence") for page in PAGES] + [(ROOT / "REPRODUCING.md", "Every figure")]


@pytest.mark.parametrize("path, section", PLACES, ids=lambda value: getattr(value, "stem", ""))
def test_every_row_of_evidence_can_be_followed(path, section):
    header, _, *rows = evidence(path, section)
    assert header == EVIDENCE and rows
    for figure, notebook, tables, command, seeds, minutes in rows:
        links = re.findall(r"\]\(([^)#]+)", figure + notebook + tables)
        assert all((path.parent / link).is_file() for link in links) and ".ipynb" in notebook and ".csv" in tables
        assert figure == "–" or ".png" in figure
        assert minutes == spent(command.strip("`")), command
        seen = {seed for link in re.findall(r"\(([^)]+\.csv)\)", tables) for seed in seeds_of(path.parent / link)}
        assert not seen or seen == set(map(int, seeds.split(", "))), tables


def test_every_figure_has_a_row_of_evidence():
    rows = evidence(ROOT / "REPRODUCING.md", "Every figure")
    patterns = {pattern for figure, *_ in rows[2:] for pattern in re.findall(r"`([^`]+)`", figure)}
    figures = {str(path.relative_to(ROOT / "reports")) for path in (ROOT / "reports").rglob("figures/*.png")}
    assert not {name for name in figures if not any(map(Path(name).match, patterns))}
    assert not {pattern for pattern in patterns if not any(Path(name).match(pattern) for name in figures)}


def seeds_of(path) -> set[int]:
    values = pd.read_csv(path)
    return set(values.seed) if "seed" in values else set()


def spent(command: str) -> str:
    """Minutes of all published runs of `make <study>`, or of the median run of a notebook, and whether on a GPU."""
    reports = {"make report": "", "make compression": "compression/", "make unets": "unets/"}
    reports["make talking"] = "talking_face/"
    if command in reports:
        ran, together = runs(f"reports/{reports[command]}tables/runs.jsonl"), sum
    else:
        notebook, together = re.match(r"papermill (\S+) out.ipynb$", command)[1], statistics.median
        everything = [run for path in ("", "compression/") for run in runs(f"reports/{path}tables/runs.jsonl")]
        ran = [run for run in everything if run["notebook"] == notebook]
    on_gpu = {bool(run["machine"]["gpu"]) for run in ran}
    where = " (partly on a GPU)" if len(on_gpu) == 2 else " (on a GPU)" if on_gpu == {True} else ""
    return f"{together(run['seconds'] for run in ran) / 60:.0f}{where}"


def runs(path: str) -> list[dict]:
    return [json.loads(line) for line in (ROOT / path).read_text().splitlines()]
