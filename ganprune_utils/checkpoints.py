"""The trained networks: those that ship with the study, and those of a run folder."""

from pathlib import Path

from torch import nn

from ganprune_utils.artifacts import file_sha256, load_weights, project_root, read_card, shipped_root
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
    """The folder of a trained pair: `checkpoint` is "shipped", or a run folder (relative to the project)."""
    if checkpoint != "shipped":
        folder = Path(checkpoint)
        folder = folder if folder.is_absolute() else project_root() / folder
        if not folder.is_dir():
            raise CheckpointError(
                f"checkpoint {folder}: no such folder; allowed are 'shipped' and folders of a training run"
            )
        return folder
    folder = shipped_root() / dataset / f"seed{seed}"
    if not folder.is_dir():
        known = sorted(
            str(p.parent.relative_to(shipped_root())) for p in shipped_root().glob("*/*/generator.safetensors")
        )
        raise CheckpointError(f"checkpoint {dataset}/seed{seed}: does not ship; these do: {', '.join(known) or 'none'}")
    return folder


def load_part(folder: Path, part: str, channels: int | None = None) -> nn.Module:
    """One network of a pair in evaluation mode; `channels`, where given, must be what it was trained on."""
    path = Path(folder) / f"{part}.safetensors"
    if not path.is_file():
        raise CheckpointError(f"checkpoint {path}: no such file")
    card = read_card(path)
    config = card["model"]
    if not config["architecture"].endswith(f"_{part}"):
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
