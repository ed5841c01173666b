"""A page of a report: a template of `report/templates`, filled with tables and named values, written as README.md."""

from pathlib import Path

import jinja2
import pandas as pd

from ganprune_utils.analysis import formatting
from ganprune_utils.artifacts import write_atomic

TEMPLATES = Path(__file__).parent / "templates"


def write_page(template: str, folder: Path, runs: pd.DataFrame, **values) -> Path:
    """Fill `templates/<template>.md.j2` and write it as `folder/README.md`, with `runs` as `tables/runs.jsonl` beside.

    Args:
        runs: of `analysis.results.read_manifests`; the page gets their number as `n_runs` and their commits as `code`.
        values: what the template names; a DataFrame is shown by the filter `table`. Every name has to be given.

    The template also gets `figures`, `notebooks` and `tables`: paths of the files in these folders, from `folder`.
    """
    write_atomic(folder / "tables" / "runs.jsonl", runs.to_json(orient="records", lines=True))
    options = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, **options)
    environment.filters["table"] = formatting.markdown
    environment.filters |= {name: getattr(formatting, name) for name in ("percent", "signed", "interval", "titled")}
    for name in ("figures", "notebooks", "tables"):
        values[name] = sorted(str(path.relative_to(folder)) for path in folder.glob(f"{name}/*"))
    code = ", ".join(sorted(set(runs.code_version)))
    text = environment.get_template(f"{template}.md.j2").render(n_runs=len(runs), code=code, **values)
    return write_atomic(folder / "README.md", text)
