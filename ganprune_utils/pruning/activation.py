"""Weights scored by what reaches them: |w| times the norm of its input channel."""

import functools

import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.models.inputs import Inputs, one_line, unchanged
from ganprune_utils.models.state import original
from ganprune_utils.pruning.channels import channel_axis
from ganprune_utils.pruning.layers import magnitudes, prunable_layers


def input_scores(model: nn.Module, inputs, order: int) -> dict[str, torch.Tensor]:
    """|w| of every prunable weight times the norm of the channel that it reads, float64 of the weight's shape.

    With order 2 the product of Sun et al. (2024, Wanda), up to a factor that all weights of a layer share: all
    positions of a channel count alike, whichever taps of the kernel meet them. That holds of transposed convolutions
    too: each tap multiplies every position of its input channel, but for a border row that padding crops.
    """
    layers, norms, scores = prunable_layers(model), input_norms(model, inputs, order), {}
    for name, score in magnitudes(model).items():
        groups, norm = getattr(layers[name], "groups", 1), norms[name]
        if getattr(layers[name], "transposed", False):
            scores[name] = (score.movedim(0, -1) * norm).movedim(-1, 0)
        else:  # an output of group g reads the g-th part of the channels
            of_outputs = norm.view(groups, 1, -1).expand(-1, len(score) // groups, -1).flatten(0, 1)
            scores[name] = score * of_outputs.view(*of_outputs.shape, *[1] * (score.ndim - 2))
    return scores


def input_norms(model: nn.Module, inputs, order: int) -> dict[str, torch.Tensor]:
    """The mean |x| (order 1) or root mean square (order 2) of every input channel of every prunable layer, over images
    and positions: name -> (in_channels,), float64."""
    means = mean_inputs(model, prunable_layers(model), inputs, lambda x: x.abs() ** order)
    return {name: mean ** (1 / order) for name, mean in means.items()}


@torch.no_grad()
def mean_inputs(model: nn.Module, layers, inputs, value, batch_size: int = 250) -> dict:
    """Mean of `value(x)` over the inputs x of each of the `layers`, by channel: name -> (channels,), float64.

    `inputs` is what the model gets in use, in any form that `Inputs.of` takes, seen in evaluation mode.
    """
    if inputs is None:
        raise ParameterError("inputs: none given; a criterion that looks at activations needs inputs")
    model = original(model)
    inputs, totals, counts = Inputs.of(inputs).to(model), {}, {}

    def add(name, layer, arguments):
        x = value(arguments[0].double())
        others = [axis for axis in range(x.ndim) if axis != channel_axis(layer) % x.ndim]
        totals[name] = totals.get(name, 0) + x.mean(others) * len(x)
        counts[name] = counts.get(name, 0) + len(x)

    hooks = [model.get_submodule(name).register_forward_pre_hook(functools.partial(add, name)) for name in layers]
    try:
        with unchanged(model), one_line(model, f"cannot be run on inputs of shape {inputs}"):
            model.eval()
            for batch in inputs.split(batch_size):
                batch.run(model)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: total / counts[name] for name, total in totals.items()}
