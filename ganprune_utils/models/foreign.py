"""Weights that other people's code saved, found in the file by the names and shapes that a network needs."""

import argparse
import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import nn

from ganprune_utils.artifacts import read_weights
from ganprune_utils.errors import CheckpointError, first_line
from ganprune_utils.models.checkpoints import fill
from ganprune_utils.models.state import original


def load_foreign_weights(module: nn.Module, path, prefix: str | None = None) -> str:
    """Fill `module` from a safetensors file, or one that `torch.save` wrote; no code in the file is run.

    A file may hold several networks, each below a prefix: "module" of DataParallel, "_orig_mod" of `torch.compile`,
    "state_dict.generator" of Lightning, "g_ema" of a running average. The one is taken whose names and shapes are those
    of `module`.

    Args:
        prefix: which one, where several fit; "" is the whole file.

    Returns the prefix. Raises CheckpointError, nothing changed, when the file is missing, truncated or holds code, when
    no network in it fits, or when several do and none is named.
    """
    module, weights = original(module), dict(_tensors(_read(Path(path).expanduser())))
    shapes = {name: tensor.shape for name, tensor in module.state_dict().items()}
    # Files from before PyTorch 0.4.1 have no such counters.
    counters = {name: t for name, t in module.state_dict().items() if name.endswith("num_batches_tracked")}
    networks = {start: counters | _below(weights, start) for start in sorted(_prefixes(weights, shapes))}
    fitting = [s for s, state in networks.items() if {name: t.shape for name, t in state.items()} == shapes]
    if prefix is None and len(fitting) > 1:
        names = ", ".join(map(repr, fitting))
        raise CheckpointError(f"checkpoint {path}: has several such networks; prefix is one of {names}")
    if prefix is not None and prefix not in networks or not networks:
        names = ", ".join(map(repr, networks)) or f"none (its first name is {next(iter(weights), 'missing')!r})"
        raise CheckpointError(f"checkpoint {path}: no such network; prefixes of a {type(module).__name__} are {names}")

    def alike(start):
        return sum(shapes.get(name) == tensor.shape for name, tensor in networks[start].items())

    chosen = prefix if prefix is not None else (fitting or sorted(networks, key=alike))[-1]
    fill(module, networks[chosen], path)
    return chosen


def _read(path: Path):
    """All that a file holds, read as data."""
    if path.suffix == ".safetensors":
        return read_weights(path)
    if not path.is_file():
        raise CheckpointError(f"checkpoint {path}: no such file")
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):  # settings, which have no code in them
            return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, KeyError, TypeError, ValueError, EOFError, OSError, pickle.UnpicklingError) as error:
        if code := re.search(r"GLOBAL (\S+)", str(error)):
            words = f"holds {code[1]}, which is code; torch.save(model.state_dict(), path) saves the weights alone"
        else:
            words = f"truncated, or not written by torch.save ({first_line(error)})"
        raise CheckpointError(f"checkpoint {path}: {words}") from None


def _tensors(content, start: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor in nested dictionaries, by its dotted name."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from _tensors(value, f"{start}.{key}".removeprefix("."))
    elif isinstance(content, torch.Tensor):
        yield start, content


def _prefixes(names, needed) -> set[str]:
    """What stands before a needed name, in any of `names`."""
    parts = [name.split(".") for name in names]
    places = [(part[:i], part[i:]) for part in parts for i in range(len(part))]
    return {".".join(before) for before, after in places if ".".join(after) in needed}


def _below(weights: dict, prefix: str) -> dict[str, torch.Tensor]:
    start = prefix and f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in weights.items() if name.startswith(start)}
