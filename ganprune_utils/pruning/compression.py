"""Pruning to a compression ratio: the parameters of the dense network over those that are left."""

import functools

import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.parameters import CRITERIA, check_real
from ganprune_utils.pruning.activation import activation_masks
from ganprune_utils.pruning.groups import filter_groups
from ganprune_utils.pruning.importance import choose_filters, filter_scores, ratio_for
from ganprune_utils.pruning.layers import prunable_layers
from ganprune_utils.pruning.magnitude import percentage_masks
from ganprune_utils.pruning.random import random_masks
from ganprune_utils.pruning.removal import remove_filters


def masks_at(
    model: nn.Module, compression: float, criterion: str, inputs: torch.Tensor, seed: int = 0
) -> dict[str, torch.Tensor]:
    """Keep-masks that leave 1 / `compression` of the dense parameters; BatchNorm and biases count, but always stay.

    criterion: "magnitude", "activation" (|w| times the input's mean |activation| on `inputs`) or "random"; all layers
    are ranked together.
    """
    check_criterion(criterion)
    everything, weights = size(model), sum(layer.weight.numel() for layer in prunable_layers(model).values())
    rest = everything - weights
    left = everything / check_compression(compression) - rest
    if left < 1:
        most = f"of {everything} parameters {rest} are not pruned; at most {everything / (rest + 1):.3g}"
        raise ParameterError(f"compression = {compression:g}: {most}")
    fraction = max(0.0, 1 - left / weights)
    if criterion == "random":
        return random_masks(model, fraction, seed)
    return activation_masks(model, fraction, inputs) if criterion == "activation" else percentage_masks(model, fraction)


def filters_at(
    model: nn.Module, parameters: float, criterion: str, inputs: torch.Tensor, seed: int = 0
) -> dict[str, torch.Tensor]:
    """The filters to remove so that about `parameters` are left: the same share of every layer, found by bisection.

    criterion: "magnitude" (L2 norm), "activation" (mean |activation| on `inputs`) or "random".
    """
    check_criterion(criterion)
    example = inputs[:2]
    groups = filter_groups(model, example)
    scores = filter_scores(model, groups, "l2" if criterion == "magnitude" else criterion, inputs, seed)

    @functools.cache
    def left_at(ratio):
        return size(remove_filters(model, choose_filters(scores, ratio), example, groups))

    highest = 1 - 0.51 / min(group.size for group in groups.values())  # one filter of the smallest layer stays
    if parameters < left_at(highest) / 1.1:
        least = f"with the same share of every layer removed at least {left_at(highest)} are left"
        raise ParameterError(f"parameters = {parameters:.0f}: {least}")
    return choose_filters(scores, ratio_for(left_at, parameters, highest))


def size(model: nn.Module) -> int:
    """All parameters, also those that are masked."""
    return sum(parameter.numel() for parameter in model.parameters())


def check_compression(compression: float) -> float:
    check_real("compression", compression, "a ratio of 1 or more", lambda value: value >= 1)
    return compression


def check_criterion(criterion: str) -> None:
    if criterion not in CRITERIA:
        raise ParameterError(f"criterion = {criterion!r}: unknown; allowed are {', '.join(CRITERIA)}")
