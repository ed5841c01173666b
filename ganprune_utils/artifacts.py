"""What a run leaves behind: folders, files written whole or not at all, and the manifest."""

import gzip
import hashlib
import json
import os
import platform
import subprocess
import tempfile
from importlib import metadata
from pathlib import Path

from ganprune_utils.errors import ParameterError

PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parent if (PACKAGE.parent / "pyproject.toml").is_file() else None
RECORDED_PACKAGES = ("torch", "torchvision", "numpy", "scipy", "pandas", "sewar", "papermill")


def project_root() -> Path:
    """The checkout that the package is used from, or the working folder when it is installed as a wheel."""
    return CHECKOUT or Path.cwd()


def shipped_root() -> Path:
    """The folder of the weights that ship with the study, in a checkout and in a wheel alike."""
    return CHECKOUT / "checkpoints" if CHECKOUT else PACKAGE / "checkpoints"


def has_classifier(dataset: str) -> bool:
    """Whether a classifier ships for the data set, so that quality can be measured on it."""
    return (shipped_root() / dataset / "classifier" / "classifier.safetensors").is_file()


def output_folder(path, sources=()) -> Path:
    """Create the folder `path` and prove that files can be written there, before any work is done.

    Raises ParameterError when that fails, or when writing there would replace what is read: one of the folders
    `sources`, or the weights that ship with the study.
    """
    path = Path(path).expanduser()
    path = path if path.is_absolute() else project_root() / path
    try:
        whole = path.resolve()
        if whole.is_relative_to(shipped_root().resolve()) or whole in {Path(source).resolve() for source in sources}:
            raise ParameterError(f"output folder {path}: holds the trained weights that are read; choose another")
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except (OSError, ValueError) as error:
        if isinstance(error, ParameterError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise ParameterError(f"output folder {path}: cannot be written ({reason})") from None
    return path


def write_atomic(path, content: str | bytes) -> Path:
    """Write a file whole or not at all: readers see the old content or the new one, never half of it."""
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    return replace_atomic(path, lambda temporary: temporary.write_bytes(data))


def replace_atomic(path, write) -> Path:
    """Let `write(temporary_path)` make a file beside `path`, flush it to disk, then rename it onto `path`."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with open(temporary, "rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def write_json(path, content: dict) -> Path:
    return write_atomic(path, json.dumps(content, indent=2) + "\n")


def write_csv(path, table, digits: int = 6) -> Path:
    """Write a tidy table, gzipped where the name ends in .gz; floats with `digits` significant digits."""
    text = table.to_csv(index=False, float_format=f"%.{digits}g")
    # Without a time stamp in it the same table gives the same file.
    return write_atomic(path, gzip.compress(text.encode(), mtime=0) if str(path).endswith(".gz") else text)


def file_sha256(path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def versions() -> dict:
    """Versions of Python and of the packages that can change a number."""
    found = {"python": platform.python_version()}
    for package in RECORDED_PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def machine() -> dict:
    """The processor, core count and accelerator that a number was obtained on."""
    import torch  # seconds to import, and most users of this module need only its files

    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        processor = names[0] if names else processor
    return {
        "system": platform.system(),
        "processor": processor,
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def code_version() -> str:
    """The git commit of the checkout (with `+` when files differ from it), or the package's version."""
    if CHECKOUT:
        try:
            git = ["git", "-C", str(CHECKOUT)]
            run = dict(capture_output=True, text=True, check=True)
            commit = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], **run)
            # What a run writes does not change the code that ran.
            changes = subprocess.run(
                [*git, "status", "--porcelain", "-uno", "--", ".", ":!reports", ":!checkpoints"], **run
            )
            return commit.stdout.strip() + ("+" if changes.stdout.strip() else "")
        except (OSError, subprocess.CalledProcessError):
            pass
    try:
        return metadata.version("ganprune_utils")
    except metadata.PackageNotFoundError:
        return "unknown"


def write_manifest(folder, *, parameters: dict, seed: int, data_sha256: str | None, seconds: float, **more) -> Path:
    """Write `manifest.json`: everything needed to get the numbers in `folder` again."""
    return write_json(
        Path(folder) / "manifest.json",
        {
            "parameters": parameters,
            "seed": seed,
            "data_sha256": data_sha256,
            "code_version": code_version(),
            "versions": versions(),
            "machine": machine(),
            "seconds": round(seconds, 1),
            **more,
        },
    )
