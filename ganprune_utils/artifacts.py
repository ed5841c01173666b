"""Files that a run leaves behind: folders, files written whole or not at all, tables, weights and states."""

import gzip
import hashlib
import json
import os
import pickle
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from ganprune_utils.errors import CheckpointError, ParameterError, StudyError, first_line, is_disk_full

PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parent if (PACKAGE.parent / "pyproject.toml").is_file() else None
ROOM = 2**20  # bytes without which no work is begun
DISK_FULL = "cannot be written, the disk is full; make room and start again: what was finished is kept"

if not str(PACKAGE).isascii() and sys.getfilesystemencoding() != "utf-8":
    raise ParameterError(f"{PACKAGE}: cannot be named in {sys.getfilesystemencoding()}; set LC_ALL=C.UTF-8")


def project_root() -> Path:
    """The checkout that the package is used from, or the working folder when it is installed as a wheel."""
    return CHECKOUT or Path.cwd()


def pretrained_root() -> Path:
    """The folder of the weights that come with the study, in a checkout and in a wheel alike."""
    return CHECKOUT / "checkpoints" if CHECKOUT else PACKAGE / "checkpoints"


def has_classifier(dataset: str, name: str = "classifier") -> bool:
    """Whether a pretrained classifier of the data set is there, so that quality can be measured on it."""
    return (pretrained_root() / dataset / name / "classifier.safetensors").is_file()


def resolve(path) -> Path:
    """`path` with `~` expanded; a relative one is meant from the project's root."""
    path = Path(path).expanduser()
    return path if path.is_absolute() else project_root() / path


def output_folder(path, sources=(), trains: bool = False) -> Path:
    """Create the folder `path` and prove that files can be written there, before any work is done.

    Raises ParameterError when that fails, or when writing there would replace what is read: one of the folders
    `sources`, or the pretrained weights; or, of a run that reads `sources`, what a training left. One that `trains`
    itself goes on there.
    """
    path, reads = resolve(path), [pretrained_root().resolve(), *(Path(source).resolve() for source in sources)]
    try:
        target = path.resolve()
        if target.is_relative_to(reads[0]) or target in reads:
            raise ParameterError(f"output folder {path}: holds the trained weights that are read; choose another")
        if sources and not trains and any(target.glob("checkpoint-*.pt")):
            raise ParameterError(f"output folder {path}: holds a training's weights; choose another")
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(bytes(ROOM))
    except ParameterError:
        raise
    except (OSError, ValueError) as error:
        reason = "the disk is full; make room" if is_disk_full(error) else getattr(error, "strerror", None) or error
        raise ParameterError(f"output folder {path}: cannot be written ({reason})") from None
    return path


def write_atomic(path, content: str | bytes) -> Path:
    """Write a file whole or not at all: readers see the old content or the new one, never half of it."""
    data = content.encode() if isinstance(content, str) else content
    return replace_atomic(path, lambda temporary: temporary.write_bytes(data))


def replace_atomic(path, write) -> Path:
    """Let `write(temporary_path)` make a file beside `path`, flush it to disk, then rename it onto `path`.

    Raises StudyError where the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with open(temporary, "rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except Exception as error:
        if is_disk_full(error):
            raise StudyError(f"{path.absolute()}: {DISK_FULL}") from None
        raise
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


def write_tables(folder, tables: dict, key: dict) -> None:
    """Write `<name>.csv` for each table that has rows, the columns `key` (of the run) in front of its own."""
    import pandas as pd

    for name, table in tables.items():
        if len(table):
            write_csv(Path(folder) / f"{name}.csv", pd.DataFrame([key]).merge(table, how="cross"))


def file_sha256(path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def write_weights(path, weights: dict) -> Path:
    """Write tensors by name as a safetensors file."""
    from safetensors.torch import save_file

    weights = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in weights.items()}  # none shared
    return replace_atomic(path, lambda temporary: save_file(weights, temporary))


def read_weights(path) -> dict:
    """Tensors by name from a safetensors file; nothing in the file is executed.

    Raises CheckpointError when the file is missing, truncated or of another kind.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not Path(path).is_file():
        raise CheckpointError(f"checkpoint {path}: no such file")
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError):
        raise CheckpointError(f"checkpoint {path}: truncated, or not a safetensors file") from None


def write_state(path, state) -> Path:
    """Write an unfinished work's state (tensors, numbers, text, lists, dictionaries) as one file."""
    import torch

    def write(temporary: Path) -> None:
        with open(temporary, "wb") as file:  # given a path, torch would not tell why it cannot write
            torch.save(state, file)

    return replace_atomic(path, write)


@contextmanager
def reading_state(path):
    """The state that `write_state` left in `path`; whatever does not fit inside the block is one CheckpointError."""
    import torch

    try:
        yield torch.load(path, map_location="cpu", weights_only=True)  # data only: no code in the file is run
    except (RuntimeError, KeyError, TypeError, ValueError, EOFError, OSError, pickle.UnpicklingError) as error:
        reason = first_line(error)
        raise CheckpointError(f"checkpoint {path}: truncated or foreign; remove it to train anew ({reason})") from None
