"""Trained networks as safetensors with a JSON card each: those that ship with the study, and those of a run folder."""

import json
import os
import pickle
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from ganprune_utils.artifacts import (
    code_version,
    file_sha256,
    machine,
    project_root,
    replace_atomic,
    shipped_root,
    versions,
    write_json,
)
from ganprune_utils.errors import CheckpointError
from ganprune_utils.models import build

PARTS = ("generator", "discriminator")


def load_generator(dataset: str, seed: int = 0) -> nn.Module:
    """The shipped generator: noise (N, latent_dim, 1, 1) to images (N, C, 32, 32) in [-1, 1], in evaluation mode.

    Raises CheckpointError naming what ships, when this data set or seed does not.
    """
    return load_part(find(dataset, seed), "generator")


def load_discriminator(dataset: str, seed: int = 0) -> nn.Module:
    """The shipped discriminator: images (N, C, 32, 32) in [-1, 1] to logits (N,), in evaluation mode."""
    return load_part(find(dataset, seed), "discriminator")


def find(dataset: str, seed: int, checkpoint: str = "shipped") -> Path:
    """The folder of a trained pair: `checkpoint` is "shipped", or a run folder (relative to the project).

    Raises CheckpointError when there is none, or when its card names another data set or seed.
    """
    if checkpoint == "shipped":
        known = sorted(
            str(p.parent.relative_to(shipped_root())) for p in shipped_root().glob("*/*/generator.safetensors")
        )
        if f"{dataset}/seed{seed}" not in known:
            raise CheckpointError(
                f"checkpoint {dataset}/seed{seed}: does not ship; these do: {', '.join(known) or 'none'}"
            )
        return shipped_root() / dataset / f"seed{seed}"
    folder = Path(checkpoint).expanduser()
    folder = folder if folder.is_absolute() else project_root() / folder
    if not checkpoint or not os.path.isdir(folder):
        raise CheckpointError(
            f"checkpoint {folder}: no such folder; allowed are 'shipped' and folders of a training run"
        )
    card = read_card(folder / "generator.safetensors")
    for name, value in (("dataset", dataset), ("seed", seed)):
        if card.get(name) != value:
            raise CheckpointError(f"checkpoint {folder}: was trained with {name} = {card.get(name)}, not {value}")
    return folder


def parts_in(folder: Path) -> tuple[str, ...]:
    """Which networks of a pair are there: the discriminator ships with seed 0 only."""
    return tuple(part for part in PARTS if (Path(folder) / f"{part}.safetensors").is_file())


def load_part(folder: Path, part: str, channels: int | None = None) -> nn.Module:
    """One network of a pair in evaluation mode; `channels`, where given, must be what it was trained on."""
    path = Path(folder) / f"{part}.safetensors"
    if not path.is_file():
        raise CheckpointError(f"checkpoint {path}: no such file")
    card = read_card(path)
    config = card["model"]
    if config["architecture"].split("_")[-1] != part:  # dcgan_generator, classifier
        raise CheckpointError(f"checkpoint {path}: its card says {config['architecture']}, a {part} is needed")
    network = build(config)
    if channels is not None and network.channels != channels:
        raise CheckpointError(f"checkpoint {path}: made for {network.channels} channels, the data set has {channels}")
    load_weights(network, path)
    if file_sha256(path) != card.get("weights_sha256"):
        raise CheckpointError(
            f"checkpoint {path}: its SHA-256 is not the one in its card {path.with_suffix('.json').name}"
        )
    return network.eval()


def save_weights(module: nn.Module, path, card: dict) -> Path:
    """Write `path` (safetensors) and the card beside it (same name, .json).

    The card gets the architecture (`module.config`) and the SHA-256 of the weights, so that the pair is
    enough to rebuild the network and to notice a file that does not belong to its card.
    """
    path = Path(path)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    replace_atomic(path, lambda temporary: save_file(weights, temporary))
    config = getattr(module, "config", {"architecture": type(module).__name__})  # a network from elsewhere
    write_json(path.with_suffix(".json"), {"model": config, "weights_sha256": file_sha256(path), **card})
    return path


@contextmanager
def reading(path):
    """The state of an unfinished training that lies in `path`; whatever does not fit inside the block is one error."""
    try:
        yield torch.load(path, map_location="cpu", weights_only=True)  # data only: no code in the file is run
    except (RuntimeError, KeyError, TypeError, ValueError, EOFError, OSError, pickle.UnpicklingError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"checkpoint {path}: truncated or foreign; remove it to train anew ({reason})") from None


def provenance(data, settings: dict) -> dict:
    """What every card says of a training: the data (a Dataset), the parameters and seed, where and by which code."""
    return {
        "dataset": data.name,
        "data": {"split": data.split, "images": len(data), "sha256": data.sha256},
        "parameters": settings,
        "seed": settings["seed"],
        "machine": machine(),
        "versions": versions(),
        "code_version": code_version(),
    }


def read_card(path) -> dict:
    """The JSON card that lies beside a weights file."""
    card = Path(path).with_suffix(".json")
    if not card.is_file():
        raise CheckpointError(f"checkpoint {path}: its card {card.name} is missing")
    try:
        content = json.loads(card.read_text())
        content["model"]["architecture"].endswith("")
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"checkpoint {path}: {card.name} is not a card with a model entry") from None
    return content


def load_weights(module: nn.Module, path) -> None:
    """Fill `module` from a safetensors file; nothing in the file is executed.

    Raises CheckpointError when the file is missing, truncated, or made for another architecture.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"checkpoint {path}: no such file")
    try:
        weights = load_file(path)
    except (SafetensorError, OSError, ValueError):
        raise CheckpointError(f"checkpoint {path}: truncated, or not a safetensors file") from None
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise CheckpointError(
                f"checkpoint {path}: belongs to another network; {name} has shape {found.get(name, 'none')}, "
                f"{type(module).__name__} needs {expected.get(name, 'none')}"
            )
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"checkpoint {path}: {name} has NaN or infinite values")
    module.load_state_dict(weights)
