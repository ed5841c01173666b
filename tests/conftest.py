import os
from pathlib import Path

import pytest
import torch

from ganprune_utils.data import images
from ganprune_utils.models.dcgan import Generator, init_weights

ROOT = Path(__file__).resolve().parent.parent
torch.set_num_threads(1)  # tests run side by side, one core each


@pytest.fixture(scope="session")
def digits():
    return images.load("digits")


@pytest.fixture
def small_generator():
    """A small untrained generator whose layers differ in size, weights from a fixed seed."""
    generator = Generator(latent_dim=8, ngf=4, channels=1)
    init_weights(generator, torch.Generator().manual_seed(0))
    return generator


def real_data(name: str) -> bool:
    """Whether the complete data set lies in GANPRUNE_DATA."""
    root = Path(os.environ.get("GANPRUNE_DATA", "missing"))
    places = {"fashion_mnist": root / "FashionMNIST", "cifar10": root / "cifar10.tar.xz", "grid": root / "grid"}
    return places[name].exists()
