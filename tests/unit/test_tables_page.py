"""reports/tables/README.md describes every committed table and every column."""

import json
import re

import pandas as pd
import pytest

from tests.conftest import ROOT

PAGE = ROOT / "reports/tables/README.md"
CELLS = [line.split("|")[1:-1] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
COLUMNS = {name for first, *_ in CELLS for name in re.findall(r"`([^`]+)`", first)}
LINKED = {(PAGE.parent / link).resolve() for first, *_ in CELLS for link in re.findall(r"\]\(([^)]+)\)", first)}
TABLES = sorted(path for path in (ROOT / "reports").rglob("tables/*") if path.name != "README.md")


def columns(path) -> set[str]:
    """The names of a table's columns, without the index and the numbers that pandas gives to repeated names."""
    names = {re.sub(r"\.\d+$", "", name) for name in pd.read_csv(path, nrows=1).columns}
    return {name for name in names if not name.startswith("Unnamed")}


@pytest.mark.parametrize("path", TABLES, ids=lambda path: str(path.relative_to(ROOT / "reports")))
def test_every_table_and_column_is_described(path):
    # The appendix on colour has tables of the same names as the page that it belongs to.
    shown = {path, ROOT / "reports/unets/tables" / path.name} if "colour" in path.parts else {path}
    assert shown & LINKED, f"add to {PAGE.name}: | [{path.name}]({path.name}) | |"
    if path.suffix == ".jsonl":
        return
    missing = columns(path) - COLUMNS
    assert not missing, f"add to {PAGE.name}: " + "\n".join(f"| `{name}` | |" for name in sorted(missing))


def test_no_table_or_column_is_described_that_is_not_there():
    assert not {path for path in LINKED if not path.is_file()}
    assert not COLUMNS - set().union(*(columns(path) for path in TABLES if path.suffix != ".jsonl"))


@pytest.mark.parametrize("path", [path for path in TABLES if path.suffix == ".jsonl"], ids=str)
def test_every_run_names_its_notebook_and_command(path):
    for line in path.read_text("utf-8").splitlines():
        run = json.loads(line)
        assert run["notebook"].startswith("notebooks/") and run["notebook"] in run["command"], run["run"]
