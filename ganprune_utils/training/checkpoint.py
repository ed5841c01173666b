"""A training run, its state as one file (whole or not at all, and data only when it is read), and its epochs."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from ganprune_utils.artifacts import reading_state, write_state
from ganprune_utils.errors import ParameterError


@dataclass
class Run:
    """The two networks, one record per epoch, and of a DCGAN uint8 samples of one fixed noise by epoch.

    `seconds` are of all epochs, `resumed` of those that earlier calls had done.
    """

    generator: nn.Module
    discriminator: nn.Module
    history: list[dict] = field(default_factory=list)
    snapshots: dict[int, torch.Tensor] = field(default_factory=dict)
    seconds: float = 0.0
    resumed: float = 0.0


def state_file(folder, name: str, epochs: int, by_length: bool = False) -> Path:
    """Where the state of the run `name` goes; `by_length`: what it does in an epoch depends on how many are asked for.

    Raises ParameterError where `folder` has more than `epochs` epochs of this run, or another run's trained weights.
    """
    folder = Path(folder)
    path = folder / f"checkpoint-{name}{f'-{epochs}' * by_length}.pt"
    for other in folder.glob(f"checkpoint-{name}*.pt"):
        with reading_state(other) as state:
            done = len(state["run"]["history"])
        if done > epochs:
            raise ParameterError(
                f"epochs = {epochs}: {folder.absolute()} holds {done} epochs of this run already; "
                f"ask for as many or more, choose another output folder, or remove {other.name}"
            )
    if (folder / "manifest.json").is_file() and not path.is_file():
        raise ParameterError(
            f"{folder.absolute()}: holds the weights of a run with other parameters, data or code; "
            "choose another output folder, or remove this one"
        )
    return path


def save(path: Path, run, trained_by: dict, random: torch.Generator) -> None:
    """Write all of `run`, what trains it (optimizers, a schedule) by name, and the random stream."""
    fields = {name: value.state_dict() if isinstance(value, nn.Module) else value for name, value in vars(run).items()}
    parts = {name: part.state_dict() for name, part in trained_by.items()}
    write_state(path, {"run": fields, "trained_by": parts, "random": random.get_state()})


def restore(path: Path, run, trained_by: dict, random: torch.Generator) -> None:
    """Fill all of these from what `save` wrote. Raises CheckpointError where the file is truncated or foreign."""
    with reading_state(path) as state:
        for name, value in vars(run).items():
            if isinstance(value, nn.Module):
                value.load_state_dict(state["run"][name])
            else:
                setattr(run, name, state["run"][name])
        for name, part in trained_by.items():
            part.load_state_dict(state["trained_by"][name])
        random.set_state(state["random"])
        run.resumed = run.seconds


def train_epochs(
    path: Path, run: Run, optimizers: dict, random: torch.Generator, epochs: int, one_epoch: Callable[[int], dict]
) -> Iterator[Run]:
    """Yield `run` as earlier calls left it in `path`, if they did, then after each further epoch; the state is saved.

    `one_epoch` takes the epoch's number, trains, and returns its record. Raises CheckpointError as `restore`.
    """
    if path.is_file():
        restore(path, run, optimizers, random)
        yield run
    for epoch in range(len(run.history) + 1, epochs + 1):
        start = time.perf_counter()
        record = one_epoch(epoch)
        run.seconds += time.perf_counter() - start
        run.history.append({"epoch": epoch, **record, "seconds": run.seconds})
        save(path, run, optimizers, random)
        yield run
