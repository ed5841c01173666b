"""Results of long work, one file a piece: what was broken off goes on with the first piece that is not there."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import torch

from ganprune_utils.artifacts import replace_atomic
from ganprune_utils.checkpoints import reading


class Kept:
    """Pieces of one run in `folder`, apart for every `identity`: what decides them, as values that JSON can hold."""

    def __init__(self, folder, identity):
        self.folder = Path(folder) / _short_hash(json.dumps(identity, sort_keys=True))

    def __call__(self, name: str, compute: Callable[..., dict], *arguments) -> dict:
        """The piece `name`: read if it is there, else `compute(*arguments)`, written. It may have tensors, numbers,
        text, lists and dictionaries."""
        path = self.folder / f"{_short_hash(name)}.pt"
        if path.is_file():
            with reading(path) as piece:
                return piece
        piece = compute(*arguments)
        replace_atomic(path, lambda temporary: torch.save(piece, temporary))
        return piece


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
