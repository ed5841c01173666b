"""Results of long work, one file each: what was interrupted goes on with the first result that is not there."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

from ganprune_utils.artifacts import reading_state, write_state
from ganprune_utils.provenance import fingerprint


class ResultCache:
    """Results of one run in `folder`, apart for all that decides them.

    Args:
        module: whose code computes them; an edit in its import closure begins a new cache.
        decided: what else decides them, as values that JSON can hold.

    `seconds` is what computing the results took that were found done.
    """

    def __init__(self, folder, module: str, **decided):
        self.folder = Path(folder) / fingerprint(module, **decided)
        self.seconds = 0.0
        self._counted: set[str] = set()  # computed by this call, or read by it before

    def __call__(self, name: str, compute: Callable[..., dict], *arguments) -> dict:
        """The result `name`: read if it is there, else `compute(*arguments)`, written. It may have tensors, numbers,
        text, lists and dictionaries."""
        path = self.folder / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.pt"
        if path.is_file():
            with reading_state(path) as state:
                self.seconds += state["seconds"] if name not in self._counted else 0.0
                self._counted.add(name)
                return state["result"]
        self._counted.add(name)
        start = time.perf_counter()
        result = compute(*arguments)
        write_state(path, {"result": result, "seconds": time.perf_counter() - start})
        return result
