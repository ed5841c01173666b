"""The lessons as teachers use them: marked by nbgrader, in variants, and the explorer."""

import re
import sys

import nbformat
import papermill
import pytest
import yaml

from tests.conftest import ROOT

pytestmark = pytest.mark.slow
COURSEWORK = ROOT / "coursework"
sys.path.insert(0, str(COURSEWORK))
import build  # noqa: E402
import variants  # noqa: E402


def test_nbgrader_tells_a_right_a_wrong_and_an_empty_submission_apart(tmp_path):
    api = build.open_course(tmp_path)
    empty = build.release(api, tmp_path, "metric")
    right = tmp_path / "source" / "metric" / "metric.ipynb"
    notebook = nbformat.read(right, as_version=4)
    mistakes = yaml.safe_load((COURSEWORK / "mistakes.yaml").read_text())["metric"]
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "chance_level":
            cell.source = mistakes["chance_level"][0]["code"]
    nbformat.write(notebook, tmp_path / "wrong.ipynb")
    submissions = {"right": right, "wrong": tmp_path / "wrong.ipynb", "empty": empty}
    marks = {name: build.grade(api, tmp_path, "metric", name, path) for name, path in submissions.items()}
    assert marks == {"right": (12, 12), "wrong": (9, 12), "empty": (0, 12)}


def test_variants_have_different_answers(tmp_path):
    answers = variants.write_variants("metric", [1, 2], ["digits"], tmp_path)
    assert list(answers.dataset) == ["digits", "digits"] and list(answers.seed) == [1, 2]
    assert answers["target"].nunique() == answers["smallest L"].nunique() == 2
    copy = nbformat.read(tmp_path / "digits-seed2-student.ipynb", as_version=4)
    assert any("seed = 2" in cell.source for cell in copy.cells)
    assert not any(cell.get("outputs") or "SOLUTION" in cell.source for cell in copy.cells)


def test_the_explorer_runs_and_answers_the_prediction(tmp_path):
    notebook = nbformat.read(COURSEWORK / "explorer.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace("my_prediction = None", "my_prediction = 60")
    nbformat.write(notebook, tmp_path / "explorer.ipynb")
    executed = papermill.execute_notebook(tmp_path / "explorer.ipynb", None, {"dataset": "digits"}, progress_bar=False)
    assert any(
        "you said 60 %" in output.get("text", "") for cell in executed.cells for output in cell.get("outputs", [])
    )


NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def printed(notebook):
    """What its cells print. What a clock or a training on the spot gives is displayed instead, and asserted there."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return " ".join(word for output in outputs for word in output.get("text", "").split())


def near(one, other):
    """Whether two numbers differ by no more than a unit of the last digit, or 1 %: processors round differently."""
    unit = 10.0 ** -len(one.partition(".")[2])
    return float(other) == pytest.approx(float(one), rel=0.01, abs=1.01 * unit)


@pytest.mark.parametrize("path", sorted((COURSEWORK / "solutions").glob("*.ipynb")), ids=lambda path: path.stem)
def test_answers_to_exercises_come_out_as_committed(path):
    executed = papermill.execute_notebook(path, None, progress_bar=False)
    before, now = printed(nbformat.read(path, as_version=4)), printed(executed)
    assert NUMBER.sub("#", now) == NUMBER.sub("#", before)
    assert not [pair for pair in zip(NUMBER.findall(before), NUMBER.findall(now), strict=True) if not near(*pair)]
