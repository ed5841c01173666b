"""What runs read of the data, as hashes: a picture changed, added or removed makes them due. Nothing is decoded."""

import hashlib
import json
import os
from pathlib import Path

from ganprune_utils.artifacts import project_root, resolve, write_json
from ganprune_utils.errors import DataError

PLACES = {  # files of the named data sets, as `ganprune_utils.data` looks for them
    "fashion_mnist": ("FashionMNIST/raw/*-ubyte*", "FashionMNIST/*-ubyte*", "*-ubyte*"),
    "cifar10": ("cifar10/**/*", "cifar-10-batches-py/*"),
    "faces": ("grid/*/*.mp4",),
    "grid": ("grid/*/*.*",),  # frames and sound
}
SEEN = Path(".snakemake/data.json")


def of(runs: dict) -> dict[str, str]:
    """A hash of the files that each run (`study.Run`, by its folder) reads, but for `sources`; empty where none.

    It is empty, too, for a named data set as it was first seen, or as long as it is missing: a run fetches it. Files
    are read again only where a size or a time has changed. Raises DataError where one cannot be read.
    """
    seen = json.loads(SEEN.read_text("utf-8")) if SEEN.is_file() else {}
    before, found = json.dumps(seen), {"": ""}
    try:
        for name in {run.data for run in runs.values()} - {""}:
            found[name] = _named(name, seen) if name in PLACES else _content(name, Path(name), _files_in(name), seen)
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror})") from None
    if json.dumps(seen) != before:
        write_json(SEEN, seen)
    return {folder: found[run.data] for folder, run in runs.items()}


def roots() -> list[Path]:
    named = os.environ.get("GANPRUNE_DATA")
    return [*([resolve(named)] if named else []), project_root() / "data"]


def _named(name: str, seen: dict) -> str:
    for root in roots():
        for place in PLACES[name]:
            if files := sorted(path for path in root.glob(place) if path.is_file()):
                content = _content(f"{root}/{place}", root, files, seen)
                return "" if content == seen.setdefault(name, content) else content
    return ""


def _files_in(folder: str) -> list[Path]:
    """All files at any depth, through links, but for hidden ones."""
    files, visited = [], set()
    for place, folders, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(place)) in visited:  # a link to a folder above
            folders.clear()
            continue
        visited.add(real)
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [path for name in names if not name.startswith(".") and (path := Path(place, name)).is_file()]
    return sorted(files)


def _content(key: str, folder: Path, files: list[Path], seen: dict) -> str:
    """A hash of the names and bytes of `files` in `folder`, kept in `seen` with one of their sizes and times."""
    states = [(str(path.relative_to(folder)), (state := path.stat()).st_size, state.st_mtime_ns) for path in files]
    listed = hashlib.sha256(json.dumps(states).encode()).hexdigest()
    if key not in seen or seen[key][0] != listed:
        whole = hashlib.sha256()
        for path, (name, *_) in zip(files, states, strict=True):
            with open(path, "rb") as file:
                whole.update(f"{json.dumps(name)} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        seen[key] = [listed, whole.hexdigest()]
    return seen[key][1]
