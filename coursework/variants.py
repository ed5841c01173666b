"""A variant of a lesson for each seed and data set: a student's copy, an executed solution, and a table of answers.

usage: python coursework/variants.py LESSON --seeds 1 2 3 [--datasets fashion_mnist cifar10]
"""

import argparse
import json
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import papermill
from build import COURSE, LESSONS, open_course, release


def write_variants(lesson: str, seeds: list[int], datasets: list[str | None], folder: Path) -> pd.DataFrame:
    """Write all variants to `folder`; the answers, a row for each. A data set of None is the lesson's own."""
    empty = release(open_course(folder / "course"), folder / "course", lesson)
    right = folder / "course" / "source" / lesson / f"{lesson}.ipynb"
    rows = []
    for dataset in datasets:
        for seed in seeds:
            values = {"seed": seed} | ({"dataset": dataset} if dataset else {})
            name = "-".join([*filter(None, [dataset]), f"seed{seed}"])
            copy, executed = (folder / f"{name}-{kind}.ipynb" for kind in ("student", "solution"))
            papermill.execute_notebook(empty, copy, values, prepare_only=True, progress_bar=False)
            papermill.execute_notebook(right, executed, values, progress_bar=False)
            rows.append(answers_in(nbformat.read(executed, as_version=4)))
            print(json.dumps(rows[-1]), flush=True)
    answers = pd.DataFrame(rows)
    answers.to_csv(folder / "answers.csv", index=False)
    return answers


def answers_in(notebook) -> dict:
    """What the cell tagged "answers" of an executed notebook printed."""
    cell = next(cell for cell in notebook.cells if "answers" in cell.metadata.get("tags", []))
    return json.loads(cell.outputs[0].text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", choices=LESSONS)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--datasets", nargs="+", default=[None], help="by default the lesson's own")
    arguments = parser.parse_args()
    folder = COURSE / "variants" / arguments.lesson
    shutil.rmtree(folder, ignore_errors=True)
    write_variants(arguments.lesson, arguments.seeds, arguments.datasets, folder)


if __name__ == "__main__":
    main()
