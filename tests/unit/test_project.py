"""The repository itself: one set of versions, clean source notebooks, nothing too large, an installable wheel."""

import ast
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement

from ganprune_utils import load_discriminator, load_generator
from ganprune_utils.models.sampling import draw_noise, generate
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DEPENDENCIES = [Requirement(line) for group in PROJECT["optional-dependencies"].values() for line in group]
DEPENDENCIES += [Requirement(line) for line in PROJECT["dependencies"]]
PINS = dict(re.findall(r"(?m)^([\w.-]+)==(\S+)", (ROOT / "constraints.txt").read_text()))


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_tested_versions_satisfy_every_range():
    pins = {canonical(name): version for name, version in PINS.items()}
    for requirement in DEPENDENCIES:
        assert canonical(requirement.name) in pins, f"{requirement.name} has no tested version in constraints.txt"
        assert requirement.specifier.contains(pins[canonical(requirement.name)]), requirement


def test_an_older_torch_is_allowed():
    torch = next(requirement for requirement in DEPENDENCIES if requirement.name == "torch")
    assert torch.specifier.contains("2.11.0")


def test_conda_gives_the_same_environment():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, inside = environment["dependencies"]
    assert pip == "pip" and inside == {"pip": ["-c constraints.txt", "-e .[test,site,coursework]"]}
    version = python.removeprefix("python=")
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(version)


def tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_nothing_is_too_large():
    sizes = {path: path.stat().st_size for path in tracked()}
    assert max(sizes.values()) < 8 * 2**20, max(sizes, key=sizes.get)
    assert sum(sizes.values()) < 60 * 2**20


def test_no_executed_notebook_shows_a_path_of_the_machine_that_ran_it():
    for path in (path for path in tracked() if path.suffix == ".ipynb" and "reports" in path.parts):
        assert "PosixPath('/" not in path.read_text(), path


def test_benchmarks_import_what_the_package_has():
    for path in (ROOT / "benchmarks").glob("*.py"):
        runpy.run_path(str(path))  # its name is not __main__, so nothing is timed


def test_text_is_read_and_written_as_utf_8_whatever_the_locale():
    for path in [path for name in ("ganprune_utils", "workflow", "benchmarks") for path in (ROOT / name).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                named = "utf-8" in ast.unparse(node) or any("b" in a.value for a in node.args[1:] if name == "open")
                assert named or not (name == "open" or name.endswith((".read_text", ".write_text"))), ast.unparse(node)


def test_a_home_that_cannot_be_written_is_replaced(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    for home, expected in ((tmp_path, tmp_path), ("/dev/null/none", tmp_path / ".snakemake/home")):
        (tmp_path / "home.mk").write_text("include Makefile\nhome:\n\t@echo $$HOME $$LC_ALL\n")
        command, environment = ["make", "-s", "-f", "home.mk", "home"], os.environ | {"HOME": str(home)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.stdout == f"{expected} C.UTF-8\n", done


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").rglob("*.ipynb")), ids=lambda path: path.name)
def test_source_notebooks_are_clean(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert notebook.metadata.kernelspec.name == "python3"
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1
    assert max(len(cell.source.splitlines()) for cell in code) <= 25
    parameters = next(cell for cell in code if "parameters" in cell.metadata.get("tags", []))
    assert all(re.match(r"\w+: (str|int|float|bool) = .+", line) for line in parameters.source.splitlines())
    headings = [line for cell in notebook.cells for line in cell.source.splitlines() if line.startswith("## ")]
    assert headings[-2:] == ["## Summary", "## Exercises"]


def test_pretrained_networks_load_in_evaluation_mode():
    generator = load_generator("fashion_mnist", seed=0)
    assert not generator.training
    images = generate(generator, draw_noise(4, generator.latent_dim, seed=0))
    assert images.shape == (4, 1, 32, 32) and images.abs().max() <= 1 and images.std(dim=0).mean() > 0.2
    assert load_discriminator("fashion_mnist")(images).shape == (4,)


LOAD = """
import sys
import ganprune_utils, torch
from ganprune_utils import provenance
from ganprune_utils.plots import style
from ganprune_utils.report.page import TEMPLATES
assert "site" in ganprune_utils.__file__, ganprune_utils.__file__
assert len(list(TEMPLATES.glob("*.md.j2"))) == int(sys.argv[1]) and len(provenance.code_sha256()) == 64
print(ganprune_utils.load_generator("fashion_mnist")(torch.zeros(1, 100, 1, 1)).shape)
"""


@pytest.mark.slow
def test_an_installed_wheel_brings_the_weights_and_the_templates(tmp_path):
    wheel = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), "."]
    subprocess.run(wheel, cwd=ROOT, check=True)
    built = next(tmp_path.glob("*.whl"))
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--target",
        str(tmp_path / "site"),
        str(built),
    ]
    subprocess.run(install, check=True)
    environment = {"PYTHONPATH": str(tmp_path / "site"), "PATH": ""}
    templates = str(len(list((ROOT / "ganprune_utils/report/templates").glob("*.md.j2"))))
    run = subprocess.run(
        [sys.executable, "-c", LOAD, templates], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert "torch.Size([1, 1, 32, 32])" in run.stdout, run.stderr
