"""Noise in, images out."""

import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.parameters import check_seed

# Streams of noise that share no vector: results are reported on one, choices made on another, and BatchNorm
# statistics taken from a third.
NOISE_SEEDS = {"test": 0, "validation": 1, "recalibration": 2}
N_RECALIBRATION = 1000  # noise vectors that BatchNorm statistics are taken from


def draw_noise(n: int, latent_dim: int, seed: int) -> torch.Tensor:
    """`n` noise vectors (n, latent_dim, 1, 1) from N(0, 1), drawn on the CPU: the same on every device.

    One seed gives one sequence, so that the first k vectors are the same whatever `n` is.
    """
    check_seed(seed)
    if n < 1:
        raise ParameterError(f"n = {n}: must be at least 1 noise vector")
    random = torch.Generator().manual_seed(int(seed))
    return torch.stack([torch.randn(latent_dim, generator=random) for _ in range(n)])[:, :, None, None]


@torch.no_grad()
def generate(generator: nn.Module, noise: torch.Tensor, n: int | None = None, batch_size: int = 250) -> torch.Tensor:
    """Images (n, C, 32, 32) in [-1, 1] of the first `n` noise vectors (all of them by default), on the CPU.

    The module keeps its mode: in evaluation mode (which `load_generator` sets) an image does not depend on its batch.

    Raises ParameterError when `n` is more than there is noise.
    """
    n = len(noise) if n is None else n
    if not 0 < n <= len(noise):
        raise ParameterError(f"n_samples = {n}: the noise given is for {len(noise)}; allowed are 1 to {len(noise)}")
    device = next(generator.parameters()).device
    return torch.cat([generator(batch.to(device)).float().cpu() for batch in noise[:n].split(batch_size)])


def recalibration_noise(latent_dim: int) -> torch.Tensor:
    """The noise (1000, latent_dim, 1, 1) that BatchNorm statistics are taken from."""
    return draw_noise(N_RECALIBRATION, latent_dim, NOISE_SEEDS["recalibration"])
