"""Student copies, executed instructor's copies, the autograder's bundle and the slides, from source/.

usage: python coursework/build.py [LESSON ...] [--students-only]

Writes coursework/student/ and coursework/executed/, and below results/coursework/ the course that nbgrader works in,
autograder.zip and slides.html. Fails where an instructor's copy misses a point, or an empty one gets any.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell
from traitlets.config import Config, PyFileConfigLoader

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "workflow"))
from pictures import pack  # noqa: E402

COURSE = ROOT / "results" / "coursework"
LESSONS = ("prune", "metric", "filters", "your_gan")

INSTALL = """\
# Run this first on Colab, or wherever the package is missing. The trained weights come with it.
import importlib.util

if importlib.util.find_spec("ganprune_utils") is None:
    {install}"""


def repository() -> str:
    """The address of the repository on GitHub, or "" while `[project.urls]` has none."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"].get("urls", {}).get("Repository", "")


def front(lesson: str, address: str) -> list:
    """The first cells of a student's copy: a badge where the repository has an address, and the installation."""
    missing = 'raise SystemExit("install the package first: see coursework/README.md")'
    install = f'%pip install --quiet "ganprune_utils @ git+{address}"' if address else missing
    cells = [new_code_cell(INSTALL.format(install=install), id="install")]
    if address:
        name = address.removeprefix("https://github.com/").removesuffix(".git")
        notebook = f"https://colab.research.google.com/github/{name}/blob/main/coursework/student/{lesson}.ipynb"
        badge = "https://colab.research.google.com/assets/colab-badge.svg"
        cells.insert(0, new_markdown_cell(f"[![Open in Colab]({badge})]({notebook})", id="badge"))
    return cells


def with_front(lesson: str, address: str):
    """The source notebook of a lesson with its first cells."""
    notebook = nbformat.read(HERE / "source" / lesson / f"{lesson}.ipynb", as_version=4)
    notebook.cells[:0] = front(lesson, address)
    return notebook


def open_course(course: Path):
    """nbgrader's interface to the course in the folder `course`."""
    # nbgrader calls `alembic` by name, and it lies beside this Python.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    from nbgrader.apps import NbGraderAPI

    course.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "nbgrader_config.py", course)
    config = Config(PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config())
    config.CourseDirectory.root = str(course)
    return NbGraderAPI(config=config)


def release(api, course: Path, lesson: str) -> Path:
    """The student's copy: no solutions, no hidden tests, no outputs."""
    source = course / "source" / lesson / f"{lesson}.ipynb"
    source.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(with_front(lesson, repository()), source)
    told(api.generate_assignment(lesson), f"{lesson}: student's copy")
    return course / "release" / lesson / f"{lesson}.ipynb"


def grade(api, course: Path, lesson: str, student: str, notebook: Path) -> tuple[float, float]:
    """Submit `notebook` as `student` and let nbgrader execute and mark it: (points, of how many)."""
    submitted = course / "submitted" / student / lesson / f"{lesson}.ipynb"
    submitted.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(notebook, submitted)  # without the mode: nbgrader's own files are read-only
    told(api.autograde(lesson, student), f"{lesson}: {student}")
    with api.gradebook as gradebook:
        submission = gradebook.find_submission(lesson, student)
        return submission.score, submission.max_score


def told(answer: dict, what: str) -> None:
    if not answer["success"]:
        lines = (answer.get("error") or answer.get("log") or "no reason given").strip().splitlines()
        raise SystemExit(f"{what}: {lines[-1]}")


def bundle(course: Path) -> Path:
    """What a teacher unpacks to mark submissions elsewhere: sources, student's copies and nbgrader's database."""
    path = course / "autograder.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("nbgrader_config.py", "gradebook.db", "source", "release"):
            for file in sorted((course / name).rglob("*.ipynb")) if (course / name).is_dir() else [course / name]:
                archive.write(file, file.relative_to(course))
    return path


def slides(course: Path) -> Path:
    """Slides as one HTML file that needs no network."""
    page = course / "slides.html"
    darkslide = [
        sys.executable,
        "-m",
        "darkslide",
        "--embed",
        "-t",
        "white",
        "-x",
        "tables,attr_list",
        "-d",
        str(page),
        str(HERE / "slides.md"),
    ]
    subprocess.run(darkslide, check=True, stdout=subprocess.DEVNULL)
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", default=LESSONS, metavar="LESSON")
    parser.add_argument("--students-only", action="store_true", help="execute nothing: minutes less, nothing checked")
    arguments = parser.parse_args()
    shutil.rmtree(COURSE, ignore_errors=True)
    api = open_course(COURSE)
    for name in ("student", "executed"):
        (HERE / name).mkdir(exist_ok=True)
    for lesson in arguments.lessons:
        copy = release(api, COURSE, lesson)
        shutil.copyfile(copy, HERE / "student" / copy.name)
        if arguments.students_only:
            continue
        right, whole = grade(api, COURSE, lesson, "instructor", COURSE / "source" / lesson / f"{lesson}.ipynb")
        empty, _ = grade(api, COURSE, lesson, "empty", copy)
        print(f"{lesson}: instructor's copy {right:g} of {whole:g} points, empty copy {empty:g}", flush=True)
        if right != whole or empty:
            raise SystemExit(f"{lesson}: the tests do not tell a right copy from an empty one")
        shutil.copyfile(COURSE / "autograded" / "instructor" / lesson / copy.name, HERE / "executed" / copy.name)
        pack(HERE / "executed" / copy.name)
    with api.gradebook as gradebook:  # the bundle's database begins without students
        for student in list(gradebook.students):
            gradebook.remove_student(student.id)
    print(f"{bundle(COURSE).relative_to(ROOT)}, {slides(COURSE).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
