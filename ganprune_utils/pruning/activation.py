"""Weights scored by what reaches them: |w| times the norm of its input channel."""

import functools

import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.pruning.layers import magnitudes, prunable_layers


def input_scores(model: nn.Module, inputs: torch.Tensor, order: int) -> dict[str, torch.Tensor]:
    """|w| of every prunable weight times the norm of the channel that it reads, float64 of the weight's shape.

    With order 2 the product of Sun et al. (2024, Wanda), up to a factor that all weights of a layer share: all
    positions of a channel count alike, whichever taps of the kernel meet them. That holds of transposed convolutions
    too: each tap multiplies every position of its input channel, but for a border row that padding crops.
    """
    layers, norms, scores = prunable_layers(model), input_norms(model, inputs, order), {}
    for name, score in magnitudes(model).items():
        if layers[name].groups > 1:
            raise ParameterError(f"layer {name}: convolutions in groups have no activation score here")
        axis = 0 if layers[name].transposed else 1
        scores[name] = (score.movedim(axis, -1) * norms[name]).movedim(-1, axis)
    return scores


def input_norms(model: nn.Module, inputs: torch.Tensor, order: int) -> dict[str, torch.Tensor]:
    """The mean |x| (order 1) or root mean square (order 2) of every input channel of every prunable layer, over images
    and positions: name -> (in_channels,), float64."""
    means = mean_inputs(model, prunable_layers(model), inputs, lambda x: x.abs() ** order)
    return {name: mean ** (1 / order) for name, mean in means.items()}


@torch.no_grad()
def mean_inputs(model: nn.Module, layers, inputs: torch.Tensor, value, batch_size: int = 250) -> dict:
    """Mean of `value(x)` over the inputs x of each of the `layers`, by channel: name -> (channels,), float64.

    `inputs` is what the model gets in use (N, ...), seen in evaluation mode.
    """
    if inputs is None or not len(inputs):
        raise ParameterError("inputs: none given; a criterion that looks at activations needs inputs")
    totals, mode = {}, model.training

    def add(name, _, arguments):
        x = value(arguments[0].double())
        totals[name] = totals.get(name, 0) + x.mean([0, *range(2, x.ndim)]) * len(x)

    hooks = [model.get_submodule(name).register_forward_pre_hook(functools.partial(add, name)) for name in layers]
    try:
        model.eval()
        for batch in inputs.split(batch_size):
            model(batch)
    finally:
        model.train(mode)
        for hook in hooks:
            hook.remove()
    return {name: total / len(inputs) for name, total in totals.items()}
