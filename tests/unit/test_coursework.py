"""The coursework: hidden tests catch the usual mistakes, and a student's copy is its source without the answers."""

import ast
import builtins
import re
import sys

import nbformat
import pytest
import yaml

from tests.conftest import ROOT

COURSEWORK = ROOT / "coursework"
sys.path.insert(0, str(COURSEWORK))
import build  # noqa: E402
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions  # noqa: E402

MISTAKES = yaml.safe_load((COURSEWORK / "mistakes.yaml").read_text())
QUICK = {"magnitude_mask", "ssim_constants", "filter_scores", "macs", "to_channels"}  # no network is run
TASKS = [
    pytest.param(lesson, task, marks=() if task in QUICK else pytest.mark.slow)
    for lesson, tasks in MISTAKES.items()
    for task in tasks
]


def cells_of(lesson):
    notebook = nbformat.read(COURSEWORK / "source" / lesson / f"{lesson}.ipynb", as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def grade_id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def names(source):
    """Names that a cell defines, and all others that it mentions."""
    tree = ast.walk(ast.parse(source))
    found = [node for node in tree if isinstance(node, ast.Name | ast.FunctionDef | ast.ClassDef | ast.alias)]
    defined, mentioned = set(), set()
    for node in found:
        if isinstance(node, ast.Name):
            (mentioned if isinstance(node.ctx, ast.Load) else defined).add(node.id)
        else:
            defined.add(((node.asname if isinstance(node, ast.alias) else None) or node.name).split(".")[0])
    return defined, mentioned - set(dir(builtins))


def what_it_needs(cells, task, test):
    """The cells before a task's test that define what task and test mention, directly or through one another."""
    needed = set().union(*(names(source)[1] for source in (task, test)))
    before, chosen = [cell.source for cell in cells[: [cell.source for cell in cells].index(test)]], []
    for source in reversed([source for source in before if source != task]):
        defined, mentioned = names(source)
        if defined & needed:
            needed |= mentioned
            chosen.insert(0, source)
    return chosen


PLOTS = ("samples", "architecture", "weight_plots")


def without_plots(source):
    """The cell's code without statements that only draw."""
    tree = ast.parse(source)
    tree.body = [statement for statement in tree.body if not ast.unparse(statement).startswith(PLOTS)]
    return tree


def visible(source):
    return re.sub(r"(?ms)^### BEGIN HIDDEN TESTS$.*?^### END HIDDEN TESTS$", "", source)


def cleared(lesson):
    """Code and texts of a student's copy, made in memory by nbgrader's own steps."""
    notebook, resources = build.with_front(lesson, build.repository()), {}
    for step in (ClearSolutions(), ClearHiddenTests()):
        notebook, resources = step.preprocess(notebook, resources)
    return [cell.source for cell in notebook.cells]


@pytest.mark.parametrize("lesson", build.LESSONS)
def test_a_students_copy_is_its_source_without_the_answers(lesson):
    copy = nbformat.read(COURSEWORK / "student" / f"{lesson}.ipynb", as_version=4)
    assert [cell.source for cell in copy.cells] == cleared(lesson), "run `make coursework`"
    text = "\n".join(cell.source for cell in copy.cells)
    assert "SOLUTION" not in text and "HIDDEN" not in text
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in copy.cells)
    graded = [cell for cell in copy.cells if grade_id(cell).startswith("test_")]
    assert {grade_id(cell).removeprefix("test_") for cell in graded} == set(MISTAKES[lesson])
    assert 3 <= len(graded) <= 4


@pytest.mark.parametrize("lesson", build.LESSONS)
def test_a_lesson_says_what_it_is_for_and_ends_with_exercises(lesson):
    notebook = nbformat.read(COURSEWORK / "source" / lesson / f"{lesson}.ipynb", as_version=4)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    for heading in ("**You will learn to**", "**You need**", "**Time**"):
        assert heading in texts[0]
    headings = [line for text in texts for line in text.splitlines() if line.startswith("## ")]
    assert headings[-2:] == ["## Summary", "## Exercises"]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert any("network_diagram" in cell.source for cell in code)
    assert "seed: int" in next(cell.source for cell in code if "parameters" in cell.metadata.get("tags", []))


def test_an_executed_copy_is_of_the_source_as_it_is():
    for lesson in build.LESSONS:
        executed = nbformat.read(COURSEWORK / "executed" / f"{lesson}.ipynb", as_version=4)
        source = build.with_front(lesson, build.repository())
        assert [cell.source for cell in executed.cells] == [cell.source for cell in source.cells], (
            "run `make coursework`"
        )
        assert not any(output.output_type == "error" for cell in executed.cells for output in cell.get("outputs", []))


# Notebooks 14 to 17 are new: their answers come with their results.
ANSWERED = sorted(path for path in (ROOT / "notebooks").glob("*.ipynb") if path.name < "14")


@pytest.mark.parametrize("path", ANSWERED, ids=lambda path: path.stem)
def test_every_exercise_of_the_notebooks_has_an_answer(path):
    exercises, answers = (
        "\n".join(cell.source for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "markdown")
        for file in (path, COURSEWORK / "solutions" / path.name)
    )
    asked = re.findall(r"(?m)^(\d)\. ", exercises.partition("## Exercises")[2])
    assert re.findall(r"(?m)^## (\d)\. ", answers) == asked


def test_there_are_ten_slides_with_pictures_that_fit(tmp_path):
    assert len((COURSEWORK / "slides.md").read_text(encoding="utf-8").split("\n---\n")) == 10
    page = build.slides(tmp_path).read_text(encoding="utf-8")
    widths = re.findall(r'<img [^>]*src="data:image/png[^>]*width="(\d+)"', page)
    assert len(widths) == 3 and max(map(int, widths)) <= 860  # a slide has 900 pixels


def test_a_badge_is_rendered_only_where_the_repository_has_an_address():
    assert [cell.cell_type for cell in build.front("prune", "")] == ["code"]
    assert "colab.research" not in build.front("prune", "")[0].source
    badge, install = build.front("prune", "https://github.com/someone/study")
    assert "/github/someone/study/blob/main/coursework/student/prune.ipynb" in badge.source
    assert 'pip install --quiet "ganprune_utils @ git+https://github.com/someone/study"' in install.source


@pytest.mark.parametrize(("lesson", "task"), TASKS)
def test_hidden_tests_catch_the_usual_mistakes(lesson, task):
    cells = cells_of(lesson)
    by_id = {grade_id(cell): cell.source for cell in cells}
    solution, test = by_id[task], by_id[f"test_{task}"]

    before = {}
    for source in what_it_needs(cells, solution, test):
        exec(compile(without_plots(source), f"{lesson}: before {task}", "exec"), before)

    def passes(code, checked):
        kept = dict(before)  # functions in it look their names up in `before` itself
        try:
            exec(compile(code, f"{lesson}: {task}", "exec"), before)
            exec(compile(checked, f"{lesson}: test_{task}", "exec"), before)
        finally:
            before.clear()
            before.update(kept)

    passes(solution, test)
    for mistake in MISTAKES[lesson][task]:
        with pytest.raises(Exception):  # noqa: B017 (whatever a student's code may raise)
            passes(mistake["code"], test)
            pytest.fail(f"not caught: {mistake['what']}", pytrace=False)
        if mistake.get("hidden", True):
            passes(mistake["code"], visible(test))
