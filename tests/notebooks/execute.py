"""Running a notebook through papermill, as a reader would, with small parameters and one thread."""

import os

import papermill

from tests.conftest import ROOT

os.environ.setdefault("OMP_NUM_THREADS", "1")  # kernels of tests run side by side, one core each


def declared(name: str) -> dict[str, str]:
    """Parameters of a notebook and their defaults, as Python source."""
    return {key: entry["default"] for key, entry in papermill.inspect_notebook(ROOT / "notebooks" / name).items()}


def execute(name: str, folder, **values):
    """Run `notebooks/<name>` with its output in `folder`, and give `folder` back."""
    folder.mkdir(parents=True, exist_ok=True)
    threads = {"threads": 1} if "threads" in declared(name) else {}
    papermill.execute_notebook(
        ROOT / "notebooks" / name,
        folder / "executed.ipynb",
        threads | values | {"output": str(folder)},
        cwd=ROOT,
        progress_bar=False,
    )
    return folder
