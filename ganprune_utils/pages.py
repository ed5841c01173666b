"""The page of a report: sections of a title, a note and a table or picture, and where all of it comes from."""

from pathlib import Path

import pandas as pd

from ganprune_utils.artifacts import write_atomic
from ganprune_utils.tables import markdown


def section(title: str, note: str, table: pd.DataFrame | None = None, picture: str = "") -> str:
    """Markdown of one section; `picture` is a path from the page. An index that has names becomes columns."""
    parts = [f"## {title}", *([note.strip()] if note else [])]
    if table is not None:
        parts.append(markdown(table.reset_index() if table.index.names != [None] else table))
    if picture:
        parts.append(f"![{title}]({picture})")
    return "\n\n".join(parts) + "\n"


def write(folder: Path, heading: str, sections: list[str], runs: pd.DataFrame) -> Path:
    """Write `folder/README.md`. `runs` are the manifests of all runs; tables and notebooks in `folder` are linked."""
    found = {name: sorted(folder.glob(f"{name}/*")) for name in ("notebooks", "tables")}
    links = {
        name: ", ".join(f"[{path.name}]({path.relative_to(folder)})" for path in paths) or "none"
        for name, paths in found.items()
    }
    source = (
        f"{len(runs)} runs, code {', '.join(sorted(set(runs.code_version)))}; each with its parameters in "
        f"[tables/runs.jsonl](tables/runs.jsonl).\n\nExecuted notebooks: {links['notebooks']}\n\n"
        f"Tables: {links['tables']}"
    )
    text = "\n".join([f"# {heading}\n", *sections, section("Where it comes from", source)])
    return write_atomic(folder / "README.md", text)
