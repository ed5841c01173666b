"""The landing page of a report: its numbers come from the tables, its frame from notebooks/landing.md.j2."""

from pathlib import Path

import jinja2
import pandas as pd

from ganprune_utils import comparison
from ganprune_utils.artifacts import project_root, write_atomic
from ganprune_utils.tables import METRIC_TITLES, PAPER, PAPER_CELLS, markdown, quality_count

TITLES = {"quick": "Quick study", "paper": "What pruning does to a DCGAN: the report"}


def write_landing_page(
    study: str,
    folder: Path,
    runs: pd.DataFrame,
    paper_tables: dict,
    removed: pd.DataFrame,
    corrected: pd.DataFrame,
    verdicts: pd.DataFrame,
) -> Path:
    """Write `folder/README.md` and, for the way back from a number to its run, `folder/tables/runs.jsonl`.

    What notebook 9 wrote about quality and layers is taken from `folder/tables`, where it is there.
    """
    write_atomic(folder / "tables" / "runs.jsonl", runs.to_json(orient="records", lines=True))
    template = jinja2.Template(
        (project_root() / "notebooks" / "landing.md.j2").read_text(), undefined=jinja2.StrictUndefined
    )
    page = template.render(
        title=TITLES.get(study, f"Study {study}"),
        removed=markdown(removed),
        corrected=markdown(with_spread(corrected)) if len(corrected) else "",
        n_quality=f"{quality_count(runs):,}",
        paper_tables=[(" · ".join(name), markdown(table.reset_index())) for name, table in paper_tables.items()],
        n_samples=", ".join(str(n) for n in sorted({p["n_samples"] for p in runs.parameters if "n_samples" in p})),
        verdicts=markdown(verdicts.reset_index()) if len(verdicts) else "",
        headline=headline(corrected),
        **quality_sections(folder / "tables"),
        smaller=(folder / "smaller" / "README.md").is_file(),
        unets=(folder / "unets" / "README.md").is_file(),
        partings=sorted(str(path.relative_to(folder)) for path in folder.glob("figures/parting-*.png")),
        notebooks=sorted(str(path.relative_to(folder)) for path in folder.glob("notebooks/*.ipynb")),
        csvs=sorted(str(path.relative_to(folder)) for path in folder.glob("tables/*")),
        n_runs=len(runs),
        code=", ".join(sorted(set(runs.code_version))),
        torch=", ".join(sorted({versions["torch"] for versions in runs.versions})),
    )
    return write_atomic(folder / "README.md", page)


def with_spread(corrected: pd.DataFrame) -> pd.DataFrame:
    """The cells of Tables I and II over seeds, "mean ± std" a metric."""
    shown = corrected[["table", "dataset", "seeds", "sparsity"]].copy()
    for metric in ("uqi", "ssim", "ms_ssim"):
        pairs = zip(corrected[metric], corrected[f"{metric} std"], strict=True)
        shown[METRIC_TITLES[metric]] = [comparison.written(mean, std) for mean, std in pairs]
    return shown


def headline(corrected: pd.DataFrame) -> list[str]:
    """One sentence a data set and table: what was removed, and the three means beside the paper's."""
    sentences = []
    for cell, values in zip(corrected.itertuples(), with_spread(corrected).itertuples(index=False), strict=True):
        method, _, threshold = PAPER_CELLS[cell.table]
        scores = ", ".join(f"{name} {value}" for name, value in zip(METRIC_TITLES.values(), values[4:], strict=False))
        paper = ", ".join(f"{PAPER[cell.table][metric][0]:.3f}" for metric in ("uqi", "ssim", "ms_ssim"))
        n = f"mean ± std of n = {cell.seeds} training seeds" if cell.seeds > 1 else "mean, n = 1 training seed"
        sentences.append(
            f"Table {cell.table}, {cell.dataset}: {method} {threshold:g} removes {cell.sparsity:.1%} of the weights; "
            f"{n}: {scores} (paper: {paper})."
        )
    return sentences


def quality_sections(tables: Path) -> dict[str, str]:
    """Notebook 9's tables in Markdown, each empty where it is not there."""
    names = ("tolerated", "differences", "checks", "correlations", "ranking", "allocation")
    sections = dict.fromkeys(names, "")
    if not (tables / "tolerated-sparsity.csv").is_file():
        return sections
    tolerated = pd.read_csv(tables / "tolerated-sparsity.csv")
    sections["tolerated"] = markdown(reached_text(tolerated, ["dataset", "label"]))
    checks, quality = pd.read_csv(tables / "metric-checks.csv"), pd.read_csv(tables / "quality.csv")
    differences = pd.read_csv(tables / "difference-to-percentage.csv")
    sections["differences"] = markdown(differences_text(differences, comparison.ruined(quality, checks)))
    sections["checks"] = markdown(checks.round(3))
    sections["correlations"] = markdown(pd.read_csv(tables / "likeness-and-quality.csv").round(2))
    if (tables / "ranking.csv").is_file():
        ranking = pd.read_csv(tables / "ranking.csv")
        as_pruned = ranking.tolerated.where(~ranking.recalibrated)
        ranking["mean"] = as_pruned.groupby([ranking.dataset, ranking.layer]).transform("mean")
        sections["ranking"] = markdown(reached_text(ranking.sort_values(["dataset", "mean"]), ["dataset", "layer"]))
        sections["allocation"] = markdown(allocation_text(pd.read_csv(tables / "allocation.csv")))
    return sections


def reached_text(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Column `tolerated` over seeds as "mean ± std", as pruned and recalibrated, or in how many it is not reached.

    In the order in which `rows` first name what they are of.
    """

    def text(values: pd.Series) -> str:
        if values.isna().any():
            return f"not reached in {values.isna().sum()} of {len(values)}"
        return comparison.written(values.mean(), values.std())

    wide = rows.groupby([*by, "recalibrated"], sort=False).tolerated.apply(text).unstack("recalibrated")
    # Unstacking sorts; the order of the rows says something.
    wide = wide.reindex(pd.MultiIndex.from_frame(rows[by].drop_duplicates()))
    n = rows.groupby(by, sort=False).seed.nunique()
    return wide.rename(columns={False: "as pruned", True: "recalibrated"}).assign(n=n).reset_index()


def differences_text(rows: pd.DataFrame, ruined: set[tuple] = frozenset(), thresholds=(30, 50, 70, 90)) -> pd.DataFrame:
    """Fréchet distance of each method minus that of percentage, as pruned; thresholds in columns.

    `ruined` are the (data set, label, threshold) whose numbers mean nothing any more, from `comparison.ruined`.
    """
    rows = rows[~rows.recalibrated & rows.threshold.isin(thresholds)]
    pairs = zip(rows["difference mean"], rows["difference std"], strict=True)
    rows = rows.assign(text=[comparison.written(mean, std, 2) for mean, std in pairs])
    keys = zip(rows.dataset, rows.label, rows.threshold, strict=True)
    rows["text"] = ["ruined" if key in ruined else text for key, text in zip(keys, rows.text, strict=True)]
    wide = rows.pivot(index=["dataset", "label"], columns="threshold", values="text")
    n = rows.groupby(["dataset", "label"]).n.min()
    return wide.rename(columns=lambda q: f"{q:g} %").assign(n=n).reset_index()


def allocation_text(allocation: pd.DataFrame) -> pd.DataFrame:
    """Fréchet distance by way to allocate, over seeds."""
    gain = comparison.flat(comparison.allocation_gain(allocation))
    gain["text"] = [
        comparison.written(mean, std, 2) for mean, std in zip(gain["frechet mean"], gain["frechet std"], strict=True)
    ]
    gain["recalibrated"] = gain.recalibrated.map({False: "no", True: "yes"})
    keys = ["dataset", "recalibrated", "percent"]
    return gain.pivot(index=keys, columns="method", values="text").assign(n=gain.groupby(keys).n.min()).reset_index()
