"""The landing page of a report: its numbers come from the tables, its frame from notebooks/landing.md.j2."""

from pathlib import Path

import jinja2
import pandas as pd

from ganprune_utils import comparison
from ganprune_utils.artifacts import project_root, write_atomic
from ganprune_utils.tables import METRIC_TITLES, PAPER, PAPER_CELLS, markdown

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
        corrected=markdown(with_spread(corrected)) if corrected.seeds.max() > 1 else "",
        paper_tables=[(" · ".join(name), markdown(table.reset_index())) for name, table in paper_tables.items()],
        n_samples=", ".join(str(n) for n in sorted({p["n_samples"] for p in runs.parameters if "n_samples" in p})),
        verdicts=markdown(verdicts.reset_index()) if len(verdicts) else "",
        headline=headline(corrected),
        **quality_sections(folder / "tables"),
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
        n = f"mean ± std of {cell.seeds} seeds" if cell.seeds > 1 else "mean"
        sentences.append(
            f"Table {cell.table}, {cell.dataset}: {method} {threshold:g} removes {cell.sparsity:.1%} of the weights; "
            f"{n}: {scores} (paper: {paper})."
        )
    return sentences


def quality_sections(tables: Path) -> dict[str, str]:
    """Notebook 9's tables in Markdown, each empty where it is not there."""
    sections = dict.fromkeys(("tolerated", "checks", "correlations", "ranking", "allocation"), "")
    if not (tables / "tolerated-sparsity.csv").is_file():
        return sections
    tolerated = comparison.spread(
        pd.read_csv(tables / "tolerated-sparsity.csv"), ["dataset", "label", "recalibrated"], ["tolerated"]
    )
    sections["tolerated"] = markdown(spread_text(tolerated, "tolerated", "recalibrated"))
    sections["checks"] = markdown(pd.read_csv(tables / "metric-checks.csv").round(3))
    sections["correlations"] = markdown(pd.read_csv(tables / "likeness-and-quality.csv").round(2))
    if (tables / "ranking.csv").is_file():
        ranking = comparison.spread(
            pd.read_csv(tables / "ranking.csv"), ["dataset", "layer", "recalibrated"], ["tolerated"]
        )
        sections["ranking"] = markdown(spread_text(ranking, "tolerated", "recalibrated"))
        allocation = pd.read_csv(tables / "allocation.csv")
        allocation = comparison.spread(allocation, ["dataset", "recalibrated", "percent", "method"], ["frechet"])
        sections["allocation"] = markdown(spread_text(allocation, "frechet", "method"))
    return sections


def spread_text(spread: pd.DataFrame, value: str, columns: str) -> pd.DataFrame:
    """ "mean ± std" as text with one index level in columns, and n."""
    text = spread.apply(lambda row: comparison.written(row[value, "mean"], row[value, "std"]), axis=1)
    wide = text.replace("nan", "not reached").unstack(columns)
    names = {False: "as pruned", True: "recalibrated"}
    n = spread["n"].groupby(level=[name for name in spread.index.names if name != columns]).min()
    return wide.rename(columns=names).assign(n=n).reset_index()
