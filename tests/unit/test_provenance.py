"""No result can be stale: an edit of a module makes due exactly what imports it.

In a copy of the package each file is edited in turn. What an edit must make due is known without `provenance` and its
import graph: a notebook's imports, or a module, are really imported, and Python tells what that loaded.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow

WORK = r"""
import ast, functools, importlib, json, re, sys
from pathlib import Path

copy = Path.cwd()
sys.path[:0] = [str(copy), str(copy / "workflow")]
NOTEBOOKS = sorted(str(path) for path in Path("notebooks").rglob("*.ipynb"))
FILES = sorted(str(p) for p in Path("ganprune_utils").rglob("*") if p.is_file() and "__pycache__" not in p.parts)
# Modules whose code names a cache of results, or the state of an unfinished training.
CACHED = r"(ResultCache|fingerprint)\(.*__name__"
MODULES = [file[:-3].replace("/", ".") for file in FILES if re.search(CACHED, Path(file).read_text())]


def forget():
    for name in [name for name in sys.modules if name.split(".")[0] == "ganprune_utils"]:
        del sys.modules[name]


def imports(notebook):
    cells = json.loads(Path(notebook).read_text())["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    lines = [line for source in sources for line in source.splitlines() if not line.startswith(("%", "!"))]
    nodes = ast.walk(ast.parse("\n".join(lines)))
    return "\n".join(ast.unparse(node) for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom)))


def loaded():
    return {name for name in sys.modules if name.split(".")[0] == "ganprune_utils"}


def files_of(modules):
    # Beside the code of a package may lie a style sheet or, in a folder without code, templates; they belong to it.
    there = set()
    for file in map(Path, FILES):
        package = next(folder for folder in file.parents if (folder / "__init__.py").is_file())
        name = ".".join(package.parts)
        if file.suffix == ".py" and file.name != "__init__.py":
            name += f".{file.stem}"
        if name in modules:
            there.add(str(file))
    return there


# First the truth, then what `provenance` says; it is itself of the package, so it must not be loaded before.
used, recorded = {}, {}
for notebook in NOTEBOOKS:
    forget()
    exec(imports(notebook), {})
    used[notebook] = loaded()
    if "ganprune_utils.provenance" in used[notebook]:
        provenance = sys.modules["ganprune_utils.provenance"]
        path = provenance.write_manifest("manifests", parameters={}, seed=0, data_sha256=None, seconds=0.0)
        recorded[notebook] = json.loads(path.read_text())["code_sha256"]
for module in MODULES:
    forget()
    importlib.import_module(module)
    used[module] = loaded()
forget()
import study
from ganprune_utils import cache, provenance

# Which files there are does not change here, nor what they import; only what they hold.
provenance.closure, provenance.imports_of = map(functools.cache, (provenance.closure, provenance.imports_of))
needed = {key: files_of(modules) for key, modules in used.items()}


def state():
    study.code_of.cache_clear()
    due = {("workflow", notebook): study.code_of(notebook) for notebook in NOTEBOOKS}
    due |= {("manifest", notebook): provenance.code_sha256(*used[notebook]) for notebook in recorded}
    due |= {("cache", module): cache.ResultCache("results", module).folder.name for module in MODULES}
    return due


before, wrong = state(), []
for file in FILES:
    path = Path(file)
    content = path.read_bytes()
    path.write_bytes(content + b"\n")
    after = state()
    path.write_bytes(content)
    due = {key for key in before if after[key] != before[key]}
    expected = {key for key in before if file in needed[key[1]]}
    wrong += [f"{file}: {key} is due, but does not import it" for key in sorted(due - expected)]
    wrong += [f"{file}: {key} stays, but imports it" for key in sorted(expected - due)]
wrong += ["an edit taken back leaves results due"] if state() != before else []
print(json.dumps({
    "edited": FILES,
    "wrong": wrong,
    "manifests": {notebook: [recorded[notebook], before["workflow", notebook]] for notebook in recorded},
    "used": {key: sorted(modules) for key, modules in used.items()},
}))
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    copy = tmp_path_factory.mktemp("copy")
    for name in ("ganprune_utils", "notebooks", "workflow"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "agg"}
    command = [sys.executable, "-c", WORK]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_an_edit_makes_due_what_imports_it_and_nothing_else(outcome):
    assert outcome["wrong"] == []


def test_every_file_was_edited_and_some_edits_matter_to_some_notebooks_only(outcome):
    edited = set(outcome["edited"])
    assert {"ganprune_utils/training/precision.py", "ganprune_utils/plots/study.mplstyle"} <= edited
    assert {"ganprune_utils/__init__.py", "ganprune_utils/report/templates/paper.md.j2"} <= edited
    used = outcome["used"]
    assert {"ganprune_utils.evaluation.unet_runs", "ganprune_utils.training.pix2pix"} <= used.keys()
    assert "ganprune_utils.pruning.magnitude" in used["notebooks/02_prune.ipynb"]
    assert "ganprune_utils.training.dcgan" in used["notebooks/01_train.ipynb"]
    assert "ganprune_utils.pruning.magnitude" not in used["notebooks/01_train.ipynb"]


def test_a_manifest_records_the_hash_that_the_workflow_computes(outcome):
    assert "notebooks/02_prune.ipynb" in outcome["manifests"]
    for notebook, (recorded, computed) in outcome["manifests"].items():
        assert recorded == computed, notebook
