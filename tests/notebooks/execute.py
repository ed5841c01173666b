"""Running a notebook with small parameters and one thread: through papermill, as a reader would, or in this process."""

import os

import matplotlib.pyplot as plt
import nbformat
import papermill
import torch

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


def execute_here(name: str, folder, **values):
    """The same without a kernel of its own, whose start and imports take longer than most of these notebooks: for those
    that another test runs through papermill or nbval."""
    folder.mkdir(parents=True, exist_ok=True)
    assert values.keys() <= declared(name).keys()
    threads, namespace = torch.get_num_threads(), {"__name__": "__main__"}
    for i, cell in enumerate(nbformat.read(ROOT / "notebooks" / name, as_version=4).cells):
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{name}, cell {i}", "exec"), namespace)
        if "parameters" in cell.metadata.get("tags", []):
            namespace |= ({"threads": 1} if "threads" in namespace else {}) | values | {"output": str(folder)}
    torch.set_num_threads(threads)
    plt.close("all")
    return folder
