"""Reading what runs left behind: tidy tables and manifests of all run folders of a study, or of a report."""

import json
import shlex
from pathlib import Path

import pandas as pd

from ganprune_utils.errors import DataError


def run_files(root, name: str) -> list[Path]:
    """Files `name` under `root`. Where a study left a list of its runs (runs.txt), only theirs: a run folder from an
    earlier version of the study stays on disk, but does not belong to its tables."""
    root = Path(root)
    if not (root / "runs.txt").is_file():
        return sorted(root.rglob(name))
    paths = (root / line / name for line in (root / "runs.txt").read_text("utf-8").splitlines())
    return sorted(path for path in paths if path.is_file())


def read_runs(root, name: str, optional: bool = False) -> pd.DataFrame:
    """Every `name` (a tidy CSV, also gzipped) of the run folders under `root`, in one table, in the order of paths.

    Where there is none: DataError, or an empty table if it is `optional`.
    """
    paths = sorted([*run_files(root, name), *run_files(root, f"{name}.gz")])
    if not paths and not optional:
        raise DataError(f"results {root}: no run folder with {name} in it; run the study first")
    return pd.concat(map(pd.read_csv, paths), ignore_index=True) if paths else pd.DataFrame()


def read_manifests(root) -> pd.DataFrame:
    """One row per run folder under `root` (or line of a report's runs.jsonl): where it is, its manifest's entries, and
    the notebook and the command that made it."""
    root = Path(root)
    # A report holds runs.jsonl; a study's folder holds runs, and may hold its own report's copy of them as well.
    reports = [] if (root / "runs.txt").is_file() else root.rglob("runs.jsonl")
    rows = [json.loads(line) for path in reports for line in path.read_text("utf-8").splitlines()]
    paths = run_files(root, "manifest.json")
    rows += [
        {"run": str(path.parent.relative_to(root)), **json.loads(path.read_text("utf-8")), **made_by(path.parent)}
        for path in paths
    ]
    if not rows:
        raise DataError(f"results {root}: no manifest.json in it; run the study first")
    return pd.DataFrame(rows)


def made_by(folder: Path) -> dict[str, str]:
    """`notebook` and `command` of a run, as its executed notebook records them; empty where there is none."""
    if not (folder / "notebook.ipynb").is_file():
        return {}
    ran = json.loads((folder / "notebook.ipynb").read_text("utf-8"))["metadata"]["papermill"]
    return {"notebook": ran["input_path"], "command": command(ran["input_path"], ran["parameters"])}


def command(notebook: str, parameters: dict) -> str:
    """The line that runs `notebook` with `parameters` once more, from the repository's root."""
    given = [word for name, value in parameters.items() for word in ("-p", name, str(value))]
    return shlex.join(["papermill", notebook, "out.ipynb", *given])


def quality_count(runs: pd.DataFrame) -> int:
    """How many generated images quality was measured on: the same in all runs, for the Fréchet distance depends on it.

    `runs` is from `read_manifests`. DataError where runs differ.
    """
    counts = {p["n_quality"] for p in runs.parameters if p.get("n_quality")}
    if len(counts) > 1:
        raise DataError(f"runs: measured quality on {', '.join(map(str, sorted(counts)))} images; use one number")
    return counts.pop() if counts else 0


def checkpoints_of(runs: pd.DataFrame) -> dict[tuple[str, int], str]:
    """Which trained pair the prunings of each (dataset, seed) are of: "pretrained", or a run folder."""
    return {(p["dataset"], p["seed"]): p["checkpoint"] for p in runs.parameters if "checkpoint" in p}
