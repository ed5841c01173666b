"""The state of an unfinished training as one file: whole or not at all, and data only when it is read."""

from pathlib import Path

import torch

from ganprune_utils.artifacts import replace_atomic
from ganprune_utils.checkpoints import reading

PARTS = ("generator", "discriminator")


def save(path: Path, run, optimizers: dict, random: torch.Generator, kept: tuple[str, ...]) -> None:
    """Write both networks of `run`, the optimizers, the random stream and the fields `kept` of `run`."""
    state = {part: getattr(run, part).state_dict() for part in PARTS}
    state |= {"optimizers": {name: optimizer.state_dict() for name, optimizer in optimizers.items()}}
    state |= {"random": random.get_state()} | {name: getattr(run, name) for name in kept}
    replace_atomic(path, lambda temporary: torch.save(state, temporary))


def restore(path: Path, run, optimizers: dict, random: torch.Generator, kept: tuple[str, ...]) -> None:
    """Fill all of these from what `save` wrote. Raises CheckpointError where the file is truncated or foreign."""
    with reading(path) as state:
        for part in PARTS:
            getattr(run, part).load_state_dict(state[part])
        for name, optimizer in optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        random.set_state(state["random"])
        for name in kept:
            setattr(run, name, state[name])
