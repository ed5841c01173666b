"""BatchNorm recalibration: a cheap repair after pruning, without a gradient step and without data."""

import contextlib
import math

import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.models.inputs import Inputs, one_line, unchanged
from ganprune_utils.models.state import original

NORMS = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)


@torch.no_grad()
def recalibrate_batchnorm(generator: nn.Module, noise, batch_size: int = 250) -> nn.Module:
    """Replace the running statistics of every BatchNorm by those of the network as it is now, in place.

    Pruning changes what reaches a BatchNorm, while its running mean and variance are still those of the dense network.
    They are taken anew as the average over batches of generated noise; NNCF recommends this where nothing is
    retrained. An InstanceNorm with running statistics counts as well. Weights, biases and masks are untouched.

    A norm keeps its statistics where it is not called, as in a discriminator beside, or where what it gets is the same
    for every sample: behind a sound or a label that is held constant, statistics of it would be those of one example.

    Args:
        noise: what the generator takes (N, latent_dim, 1, 1), or several arguments (`models.inputs.Inputs`), N >= 2.

    Raises ParameterError, nothing changed, where there is no norm with running statistics that the noise reaches, the
    generator does not run on it, or there are fewer than two samples.
    """
    model, inputs = original(generator), Inputs.of(noise)
    norms = [module for module in model.modules() if isinstance(module, NORMS) and module.track_running_stats]
    if not norms:
        raise ParameterError(f"model {type(model).__name__}: has no BatchNorm with running statistics")
    if len(inputs) < 2:
        raise ParameterError(f"noise: recalibration needs at least 2 vectors, got {len(inputs)}")
    calls, first, reached = dict.fromkeys(norms, 0), {}, set()

    def before(norm, arguments):
        calls[norm] += 1
        norm.momentum = 1 / calls[norm]  # a plain average over all batches
        if norm not in reached and len(arguments[0]) % len(batch) == 0:
            samples = arguments[0].reshape(len(batch), -1)
            reference = first.setdefault(norm, samples[0].clone())
            if not (samples - reference).abs().max() <= 1e-5 * reference.abs().max():
                reached.add(norm)

    batches = math.ceil(len(inputs) / batch_size)
    with unchanged(model), one_line(model, f"cannot be run on {inputs}"), contextlib.ExitStack() as afterwards:
        model.eval()
        for norm in norms:
            afterwards.callback(setattr, norm, "momentum", norm.momentum)
            afterwards.callback(norm.register_forward_pre_hook(before).remove)
            norm.reset_running_stats()
            norm.train()
        for batch in inputs.split(math.ceil(len(inputs) / batches)):  # of one size: each weighs the same
            batch.to(model).run(model)
        measured = {buffer: buffer.clone() for norm in reached for buffer in norm.buffers()}
    if not measured:
        raise ParameterError(f"noise: no BatchNorm of {type(model).__name__} gets anything that depends on it")
    for buffer, value in measured.items():
        buffer.copy_(value)
    return generator
