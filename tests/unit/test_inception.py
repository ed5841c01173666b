"""The optional Inception FID: clear errors without its parts, and a real run where torch-fidelity is installed."""

import importlib.util

import pytest
import torch

from ganprune_utils.errors import CheckpointError, ParameterError
from ganprune_utils.metrics.inception import inception_fid

IMAGES = torch.randint(0, 256, (8, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
INSTALLED = importlib.util.find_spec("torch_fidelity") is not None


def test_missing_weights_and_wrong_images_are_one_clear_line(tmp_path):
    with pytest.raises(CheckpointError, match="none.pth: no such file"):
        inception_fid(IMAGES, IMAGES, tmp_path / "none.pth")
    with pytest.raises(ParameterError, match="generated: needs at least 2 uint8 images"):
        inception_fid(IMAGES.float(), IMAGES, tmp_path / "none.pth")
    (tmp_path / "other.pth").write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match="other.pth: truncated or of another network"):
        inception_fid(IMAGES, IMAGES, tmp_path / "other.pth")


@pytest.mark.skipif(INSTALLED, reason="torch-fidelity is installed")
def test_without_torch_fidelity_it_says_what_to_install(tmp_path):
    torch.save({}, tmp_path / "weights.pth")
    with pytest.raises(ParameterError, match="pip install torch-fidelity"):
        inception_fid(IMAGES, IMAGES, tmp_path / "weights.pth")
