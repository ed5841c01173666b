"""Trained networks as safetensors with a JSON card each: the pretrained ones, and those of a run folder.

A model knows its architecture (`config`), and its card is enough to rebuild it.
"""

import json
import os
from pathlib import Path

import torch
from torch import nn

from ganprune_utils.artifacts import file_sha256, pretrained_root, read_weights, resolve, write_json, write_weights
from ganprune_utils.errors import CheckpointError
from ganprune_utils.models.classifier import Classifier, PlainClassifier
from ganprune_utils.models.dcgan import Discriminator, Generator
from ganprune_utils.models.landmarks import MouthLandmarks
from ganprune_utils.models.state import check_unmasked, original
from ganprune_utils.models.sync import SyncJudge, SyncNet
from ganprune_utils.models.unet import PatchDiscriminator, UNet
from ganprune_utils.models.wav2lip import Wav2Lip
from ganprune_utils.parameters import NETWORKS

ARCHITECTURES = {
    "dcgan_generator": Generator,
    "dcgan_discriminator": Discriminator,
    "classifier": Classifier,
    "plain_classifier": PlainClassifier,
    "unet_generator": UNet,
    "patch_discriminator": PatchDiscriminator,
    "talking_face_sync": SyncNet,
    "talking_face_judge": SyncJudge,
    "mouth_landmarks": MouthLandmarks,
    "wav2lip_generator": Wav2Lip,
}


def build(config: dict) -> nn.Module:
    """The network that a card's `model` entry describes, with weights not yet loaded."""
    name = config.get("architecture")
    arguments = {key: value for key, value in config.items() if key != "architecture"}
    if name not in ARCHITECTURES:
        raise CheckpointError(f"architecture = {name!r}: unknown; known are {', '.join(ARCHITECTURES)}")
    try:
        return ARCHITECTURES[name](**arguments)
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"architecture {name}: does not take {arguments} ({error})") from None


def load_generator(dataset: str, seed: int = 0) -> nn.Module:
    """The pretrained generator: noise (N, latent_dim, 1, 1) to images (N, C, 32, 32) in [-1, 1], in evaluation mode.

    Raises CheckpointError naming what there is, when this data set or seed has none.
    """
    return load_network(find(dataset, seed), "generator")


def load_discriminator(dataset: str, seed: int = 0) -> nn.Module:
    """The pretrained discriminator: images (N, C, 32, 32) in [-1, 1] to logits (N,), in evaluation mode."""
    return load_network(find(dataset, seed), "discriminator")


def find(dataset: str, seed: int, checkpoint: str = "pretrained") -> Path:
    """The folder of a trained pair: `checkpoint` is "pretrained", or a run folder (relative to the project).

    Raises CheckpointError when there is none, or when its card names another data set or seed.
    """
    if checkpoint == "pretrained":
        root = pretrained_root()
        known = sorted(str(path.parent.relative_to(root)) for path in root.glob("*/*/generator.safetensors"))
        name = f"{dataset}/seed{seed}"
        if name not in known:
            raise CheckpointError(f"checkpoint {name}: is not pretrained; these are: {', '.join(known) or 'none'}")
        return root / name
    folder = resolve(checkpoint)
    if not checkpoint or not os.path.isdir(folder):
        raise CheckpointError(f"checkpoint {folder}: no such folder; allowed are 'pretrained' and run folders")
    card = read_card(folder / "generator.safetensors")
    for name, value in (("dataset", dataset), ("seed", seed)):
        if card.get(name) != value:
            raise CheckpointError(f"checkpoint {folder}: was trained with {name} = {card.get(name)}, not {value}")
    return folder


def find_judges(source: str, judges: str) -> Path:
    """The run folder `judges` of the sync networks for talking faces of a source.

    Raises CheckpointError where they are not there, or were trained on another source.
    """
    folder = resolve(judges)
    if not (folder / "sync.safetensors").is_file():
        raise CheckpointError(f"judges {folder}: hold no sync.safetensors; run notebook 14 with source {source}")
    if (trained := read_card(folder / "sync.safetensors").get("dataset")) != source:
        raise CheckpointError(f"judges {folder}: were trained on {trained}, not on {source}")
    return folder


def networks_in(folder: Path) -> tuple[str, ...]:
    """Which networks of a pair are there: the pretrained discriminators are of seed 0 only."""
    return tuple(name for name in NETWORKS if (Path(folder) / f"{name}.safetensors").is_file())


def load_network(folder: Path, name: str, channels: int | None = None) -> nn.Module:
    """One network of a pair in evaluation mode; `channels`, where given, must be what it was trained on."""
    path = Path(folder) / f"{name}.safetensors"
    if not path.is_file():
        raise CheckpointError(f"checkpoint {path}: no such file")
    card = read_card(path)
    config = card["model"]
    if config["architecture"].split("_")[-1] != name:  # dcgan_generator, classifier
        raise CheckpointError(f"checkpoint {path}: its card says {config['architecture']}, a {name} is needed")
    network = build(config)
    if channels is not None and network.channels != channels:
        raise CheckpointError(f"checkpoint {path}: made for {network.channels} channels, the data set has {channels}")
    load_weights(network, path)
    if file_sha256(path) != card.get("weights_sha256"):
        raise CheckpointError(f"checkpoint {path}: its SHA-256 is not the one in its card {path.stem}.json")
    return network.eval()


def save_network(module: nn.Module, path, card: dict) -> Path:
    """Write `path` (safetensors) and the card beside it (same name, .json).

    The card gets the architecture (`module.config`) and the SHA-256 of the weights: enough to rebuild the network, and
    to notice a file that does not belong to its card. Raises ParameterError where a layer carries a mask.
    """
    module = original(module)
    check_unmasked(module)
    path = write_weights(path, module.state_dict())
    config = getattr(module, "config", {"architecture": type(module).__name__})  # a network from elsewhere
    write_json(path.with_suffix(".json"), {"model": config, "weights_sha256": file_sha256(path), **card})
    return path


def read_card(path) -> dict:
    """The JSON card that lies beside a weights file."""
    card = Path(path).with_suffix(".json")
    if not card.is_file():
        raise CheckpointError(f"checkpoint {path}: its card {card.name} is missing")
    try:
        content = json.loads(card.read_text("utf-8"))
        content["model"]["architecture"].endswith("")
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"checkpoint {path}: {card.name} is not a card with a model entry") from None
    return content


def data_sha256(folder: Path) -> str:
    """The hash of the data that the pair in `folder` was trained on, as its card has it."""
    return read_card(Path(folder) / "generator.safetensors")["data"]["sha256"]


def load_weights(module: nn.Module, path) -> None:
    """Fill `module` from a safetensors file; nothing in the file is executed.

    Raises CheckpointError when the file is missing, truncated, or made for another architecture.
    """
    fill(module, read_weights(path), path)


def fill(module: nn.Module, weights: dict[str, torch.Tensor], path) -> None:
    """Copy `weights` into `module`, names and shapes being the same; else CheckpointError that names `path`."""
    expected, shapes = ({name: tuple(t.shape) for name, t in state.items()} for state in (module.state_dict(), weights))
    for name in sorted(expected.keys() | shapes.keys()):
        if expected.get(name) != shapes.get(name):
            raise CheckpointError(
                f"checkpoint {path}: belongs to another network; {name} has shape {shapes.get(name, 'none')}, "
                f"{type(module).__name__} needs {expected.get(name, 'none')}"
            )
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"checkpoint {path}: {name} has NaN or infinite values")
    module.load_state_dict(weights)
