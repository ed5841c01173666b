"""Weights ranked by what reaches them: |w| times the mean |activation| of its input channel."""

import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.pruning.layers import current_masks, magnitudes, prunable_layers
from ganprune_utils.pruning.magnitude import check_fraction, keep_largest


def activation_masks(model: nn.Module, fraction: float, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
    """Remove the share `fraction` of all prunable weights, the smallest |w| * mean |input| first.

    The product of Sun et al. (2024, Wanda) with mean |a| for their norm, ranked over all layers together. Exact to the
    weight, masked weights first, like `percentage_masks`.

    Args:
        fraction: share removed, in [0, 1).
        inputs: what the model gets in use (N, ...): activations are averaged over it, in evaluation mode.
    """
    check_fraction(fraction)
    reach = input_activations(model, inputs)
    scores = {}
    for name, score in magnitudes(model).items():
        layer = prunable_layers(model)[name]
        shape = [1] * score.ndim
        shape[0 if layer.transposed else 1] = -1
        if layer.groups > 1:
            raise ParameterError(f"layer {name}: convolutions in groups have no activation score here")
        scores[name] = score * reach[name].view(shape)
    return keep_largest(scores, current_masks(model), fraction)


def input_activations(model: nn.Module, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
    """Mean |activation| of every input channel of every prunable layer: name -> (in_channels,), float64."""
    return mean_inputs(model, prunable_layers(model), inputs, torch.abs)


@torch.no_grad()
def mean_inputs(model: nn.Module, layers, inputs: torch.Tensor, value, batch_size: int = 250) -> dict:
    """Mean of `value(x)` over a layer's inputs x, channel by channel: name -> (channels,), float64.

    Args:
        layers: names of the layers that are watched.
        inputs: what the model gets in use (N, ...), seen in evaluation mode.
    """
    if inputs is None or not len(inputs):
        raise ParameterError("inputs: none given, and activations need inputs to be looked at on")
    totals, hooks = {}, []

    def watch(name):
        def hook(_, arguments):
            x = value(arguments[0].double())
            totals[name] = totals.get(name, 0) + x.mean([axis for axis in range(x.ndim) if axis != 1]) * len(x)

        return model.get_submodule(name).register_forward_pre_hook(hook)

    mode = model.training
    try:
        hooks = [watch(name) for name in layers]
        model.eval()
        for batch in inputs.split(batch_size):
            model(batch)
    finally:
        model.train(mode)
        for hook in hooks:
            hook.remove()
    return {name: total / len(inputs) for name, total in totals.items()}
