"""A variant of a lesson for each seed and data set: a student's copy, an executed solution, and a table of answers.

usage: python coursework/variants.py LESSON --seeds 1 2 3 [--datasets fashion_mnist cifar10]
"""

import argparse
import json
import shutil

import nbformat
import pandas as pd
import papermill
from build import COURSE, LESSONS, open_course, release


def answers_in(notebook) -> dict:
    """What the cell tagged "answers" of an executed notebook printed."""
    cell = next(cell for cell in notebook.cells if "answers" in cell.metadata.get("tags", []))
    return json.loads(cell.outputs[0].text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", choices=LESSONS)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--datasets", nargs="+", help="by default the lesson's own")
    arguments = parser.parse_args()
    folder = COURSE / "variants" / arguments.lesson
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    course = folder / "course"
    empty = release(open_course(course), course, arguments.lesson)
    solution = course / "source" / arguments.lesson / f"{arguments.lesson}.ipynb"
    rows = []
    for dataset in arguments.datasets or [None]:
        for seed in arguments.seeds:
            values = {"seed": seed} | ({"dataset": dataset} if dataset else {})
            name = "-".join([*filter(None, [dataset]), f"seed{seed}"])
            papermill.execute_notebook(
                empty, folder / f"{name}-student.ipynb", values, prepare_only=True, progress_bar=False
            )
            executed = folder / f"{name}-solution.ipynb"
            papermill.execute_notebook(solution, executed, values, cwd=folder, progress_bar=False)
            rows.append(answers_in(nbformat.read(executed, as_version=4)))
            print(json.dumps(rows[-1]), flush=True)
    pd.DataFrame(rows).to_csv(folder / "answers.csv", index=False)


if __name__ == "__main__":
    main()
