"""The landing page of a report: its numbers come from the tables, its frame from notebooks/landing.md.j2."""

from pathlib import Path

import jinja2
import pandas as pd

from ganprune_utils.artifacts import project_root, write_atomic
from ganprune_utils.tables import markdown

TITLES = {"quick": "Quick study", "paper": "What pruning does to a DCGAN: the report"}


def write_landing_page(
    study: str, folder: Path, runs: pd.DataFrame, paper_tables: dict, removed: pd.DataFrame, verdicts
) -> Path:
    """Write `folder/README.md` and, for the way back from a number to its run, `folder/tables/runs.jsonl`."""
    write_atomic(folder / "tables" / "runs.jsonl", runs.to_json(orient="records", lines=True))
    template = jinja2.Template(
        (project_root() / "notebooks" / "landing.md.j2").read_text(), undefined=jinja2.StrictUndefined
    )
    page = template.render(
        title=TITLES.get(study, f"Study {study}"),
        removed=markdown(removed),
        paper_tables=[(" · ".join(name), markdown(table.reset_index())) for name, table in paper_tables.items()],
        n_samples=", ".join(str(n) for n in sorted({p["n_samples"] for p in runs.parameters if "n_samples" in p})),
        verdicts=markdown(verdicts.reset_index()) if len(verdicts) else "",
        headline=headline(paper_tables, removed),
        notebooks=sorted(str(path.relative_to(folder)) for path in folder.glob("notebooks/*.ipynb")),
        csvs=sorted(str(path.relative_to(folder)) for path in folder.glob("tables/*")),
        n_runs=len(runs),
        code=", ".join(sorted(set(runs.code_version))),
        torch=", ".join(sorted({versions["torch"] for versions in runs.versions})),
    )
    return write_atomic(folder / "README.md", page)


def headline(paper_tables: dict, removed: pd.DataFrame) -> list[str]:
    """One sentence a data set and table: what was removed, and the three means beside the paper's."""
    sentences = []
    for (dataset, table), values in paper_tables.items():
        name, seed = dataset.split(" seed")
        same = (removed.dataset == name) & (removed.seed == int(seed)) & ("Table " + removed.table == table)
        cell = removed[same].iloc[0]
        scores = ", ".join(f"{m} {values.loc['mean', (m, 'ours')]:.3f}" for m in ("UQI", "SSIM", "MS-SSIM"))
        paper = ", ".join(f"{values.loc['mean', (m, 'paper')]:.3f}" for m in ("UQI", "SSIM", "MS-SSIM"))
        sentences.append(
            f"{table}, {name}: {cell.method} {cell.threshold:g} removes {cell.sparsity:.1%} of the weights; "
            f"mean {scores} (paper: {paper})."
        )
    return sentences
