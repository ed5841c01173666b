"""The state of an unfinished training as one file: whole or not at all, and data only when it is read."""

from pathlib import Path

import torch

from ganprune_utils.artifacts import reading_state, write_state
from ganprune_utils.parameters import NETWORKS


def save(path: Path, run, optimizers: dict, random: torch.Generator, fields: tuple[str, ...]) -> None:
    """Write both networks of `run`, the optimizers, the random stream and these fields of `run`."""
    state = {name: getattr(run, name).state_dict() for name in NETWORKS}
    state |= {"optimizers": {name: optimizer.state_dict() for name, optimizer in optimizers.items()}}
    write_state(path, state | {"random": random.get_state()} | {name: getattr(run, name) for name in fields})


def restore(path: Path, run, optimizers: dict, random: torch.Generator, fields: tuple[str, ...]) -> None:
    """Fill all of these from what `save` wrote. Raises CheckpointError where the file is truncated or foreign."""
    with reading_state(path) as state:
        for name in NETWORKS:
            getattr(run, name).load_state_dict(state[name])
        for name, optimizer in optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        random.set_state(state["random"])
        for name in fields:
            setattr(run, name, state[name])
