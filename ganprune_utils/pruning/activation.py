"""Weights ranked by what reaches them: |w| times the mean |activation| of its input channel."""

import functools

import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.pruning.layers import current_masks, magnitudes, prunable_layers
from ganprune_utils.pruning.magnitude import check_fraction, keep_largest


def activation_masks(model: nn.Module, fraction: float, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
    """Remove the share `fraction`, in [0, 1), of all prunable weights, the smallest |w| * mean |input| first.

    The product of Sun et al. (2024, Wanda) with mean |a| over `inputs` (N, ...) for their norm, ranked over all layers
    together. Exact to the weight, masked weights first, like `percentage_masks`.
    """
    check_fraction(fraction)
    layers, reach, scores = prunable_layers(model), input_activations(model, inputs), {}
    for name, score in magnitudes(model).items():
        if layers[name].groups > 1:
            raise ParameterError(f"layer {name}: convolutions in groups have no activation score here")
        axis = 0 if layers[name].transposed else 1
        scores[name] = (score.movedim(axis, -1) * reach[name]).movedim(-1, axis)
    return keep_largest(scores, current_masks(model), fraction)


def input_activations(model: nn.Module, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
    """Mean |activation| of every input channel of every prunable layer: name -> (in_channels,), float64."""
    return mean_inputs(model, prunable_layers(model), inputs, torch.abs)


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
