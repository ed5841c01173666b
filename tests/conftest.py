import os
from pathlib import Path

import pytest
import torch

from ganprune_utils import datasets
from ganprune_utils.models import Generator
from ganprune_utils.models.dcgan import init_weights

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def digits():
    return datasets.load("digits")


@pytest.fixture
def small_generator():
    """A small untrained generator whose layers differ in size, weights from a fixed seed."""
    generator = Generator(latent_dim=8, ngf=4, channels=1)
    init_weights(generator, torch.Generator().manual_seed(0))
    return generator


def real_data(name: str) -> bool:
    """Whether the complete data set lies in GANPRUNE_DATA."""
    root = Path(os.environ.get("GANPRUNE_DATA", "missing"))
    places = {"fashion_mnist": root / "FashionMNIST", "cifar10": root / "cifar10.tar.xz"}
    return places[name].exists()
