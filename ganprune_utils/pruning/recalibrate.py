"""BatchNorm recalibration: a cheap repair after pruning, without a gradient step and without data."""

import torch
from torch import nn

from ganprune_utils.errors import ParameterError


@torch.no_grad()
def recalibrate_batchnorm(generator: nn.Module, noise: torch.Tensor, batch_size: int = 250) -> nn.Module:
    """Replace the running statistics of every BatchNorm by those of the network as it is now, in place.

    Pruning changes what reaches a BatchNorm, while its running mean and variance are still those of the dense network.
    They are taken anew as the average over batches of generated noise (N, latent_dim, 1, 1); NNCF recommends this
    where nothing is retrained. Weights, biases and masks are untouched; the mode is given back as it was.

    Raises ParameterError where there is no BatchNorm with running statistics, or fewer than two noise vectors.
    """
    norms = [module for module in generator.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    momenta = {norm: norm.momentum for norm in norms if norm.track_running_stats}
    if not momenta:
        raise ParameterError(f"model {type(generator).__name__}: has no BatchNorm with running statistics")
    if len(noise) < 2:
        raise ParameterError(f"noise: recalibration needs at least 2 vectors, got {len(noise)}")
    mode = generator.training
    generator.eval()
    for norm in momenta:
        norm.reset_running_stats()
        norm.train().momentum = None  # a plain average over all batches
    for batch in noise.split(batch_size):
        generator(batch.to(next(generator.parameters()).device))
    for norm, momentum in momenta.items():
        norm.momentum = momentum
    return generator.train(mode)
