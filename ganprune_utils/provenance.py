"""Where a number comes from: the code that decides it, the versions, the machine; and the manifest that says so.

One answer to "which code decides this result?": the *import closure* of a module, all that it imports directly or
through one another, with the `__init__` of each package on the way and the files beside the code (a style sheet,
templates). Its hash names cached results, tells Snakemake what is due, and stands in every manifest.
"""

import ast
import functools
import hashlib
import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import grimp

from ganprune_utils.artifacts import CHECKOUT, PACKAGE, file_sha256, write_json

RECORDED_PACKAGES = ("torch", "torchvision", "numpy", "scipy", "pandas", "sewar", "papermill")


@functools.cache
def _import_graph():
    return grimp.build_graph(PACKAGE.name, cache_dir=None)


def closure(*modules: str) -> list[Path]:
    """Files of the package that decide what `modules` ("ganprune_utils.training.dcgan", ...) compute, sorted.

    Names that are no module of the package are passed over.
    """
    graph, waiting, reached = _import_graph(), set(modules), set()
    while waiting:
        module = waiting.pop()
        if module in graph.modules and module not in reached:
            reached.add(module)
            parent = module.rpartition(".")[0]  # its __init__ runs first
            waiting |= {parent} | graph.find_modules_directly_imported_by(module)
    return sorted(path for module in reached for path in _files_of(module))


def _files_of(module: str) -> list[Path]:
    base = PACKAGE.joinpath(*module.split(".")[1:])
    if not base.is_dir():
        return [base.with_suffix(".py")]
    # A package owns what lies beside its code, in folders that hold no code too.
    others = [path for path in base.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    packages = {path.parent for path in base.rglob("__init__.py")} - {base}
    own = [path for path in others if not packages & set(path.parents) and "checkpoints" not in path.parts]
    return [base / "__init__.py", *own]


def imports_of(notebook) -> list[str]:
    """Names under `ganprune_utils` that the code cells of a notebook import."""
    cells = json.loads(Path(notebook).read_text("utf-8"))["cells"]
    lines = [line for cell in cells if cell["cell_type"] == "code" for line in [*cell["source"], "\n"]]
    source = "".join(line for line in lines if not line.lstrip().startswith(("%", "!")))
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:  # what is imported from a package may be a module of it
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return sorted(name for name in names if name.split(".")[0] == PACKAGE.name)


def code_sha256(*modules: str) -> str:
    """The hash of the import closure of `modules`; of all that this process has imported where none is given."""
    digest = hashlib.sha256()
    for path in closure(*(modules or sys.modules)):
        digest.update(f"{path.relative_to(PACKAGE)} {file_sha256(path)}\n".encode())
    return digest.hexdigest()


def fingerprint(module: str, **decided) -> str:
    """A short name of a result: by the code of `module` and all else that decides it, as values that JSON can hold."""
    text = json.dumps(decided | {"code": code_sha256(module)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def versions() -> dict:
    """Versions of Python and of the packages that can change a number."""
    return {"python": platform.python_version()} | {package: _version(package) for package in RECORDED_PACKAGES}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def machine() -> dict:
    """The processor, core count and accelerator that a number was obtained on."""
    import torch  # seconds to import, and most users of this module need only its files

    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text("utf-8").splitlines() if "model name" in line
        ]
        processor = names[0] if names else processor
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"system": platform.system(), "processor": processor, "cores": os.cpu_count(), "gpu": gpu}


def code_version() -> str:
    """The git commit of the checkout (with `+` when files differ from it), or the package's version."""
    if CHECKOUT:
        try:
            # What a run writes does not change the code that ran.
            changes = _git("status", "--porcelain", "-uno", "--", ".", ":!reports", ":!checkpoints")
            return _git("rev-parse", "--short=12", "HEAD") + ("+" if changes else "")
        except (OSError, subprocess.CalledProcessError):
            pass
    return _version(PACKAGE.name) or "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(CHECKOUT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def training_card(data, settings: dict) -> dict:
    """What every card says of a training: the data (name, split, sha256), the parameters and seed, where and by which
    code."""
    card = {"dataset": data.name, "data": {"split": data.split, "images": len(data), "sha256": data.sha256}}
    card |= {"parameters": settings, "seed": settings["seed"]}
    return card | {"machine": machine(), "versions": versions(), "code_version": code_version()}


def write_manifest(folder, *, parameters: dict, seed: int, data_sha256: str | None, seconds: float, **more) -> Path:
    """Write `manifest.json`: everything needed to get the numbers in `folder` again.

    seconds: of the run, with what earlier calls of it spent on the work that this one found done.
    """
    manifest = {"parameters": parameters, "seed": seed, "data_sha256": data_sha256, "code_version": code_version()}
    manifest |= {"code_sha256": code_sha256(), "versions": versions(), "machine": machine()}
    return write_json(Path(folder) / "manifest.json", manifest | {"seconds": round(seconds, 1)} | more)
