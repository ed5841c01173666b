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
    norms = (m for m in generator.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm))
    layers = [layer for layer in norms if layer.track_running_stats]
    if not layers:
        raise ParameterError(f"model {type(generator).__name__}: has no BatchNorm with running statistics")
    if len(noise) < 2:
        raise ParameterError(f"noise: recalibration needs at least 2 vectors, got {len(noise)}")
    mode, momenta = generator.training, [layer.momentum for layer in layers]
    generator.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain average over all batches
        layer.train()
    for batch in noise.split(batch_size):
        generator(batch.to(next(generator.parameters()).device))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    return generator.train(mode)
