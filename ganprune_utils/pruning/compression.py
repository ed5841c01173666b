"""Pruning to a compression ratio: the parameters of the dense network over those that are left."""

import functools

import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.models.inputs import Inputs
from ganprune_utils.parameters import ALLOCATIONS, check_criterion, check_real
from ganprune_utils.pruning.activation import input_scores
from ganprune_utils.pruning.groups import filter_groups
from ganprune_utils.pruning.importance import choose_filters, filter_scores, ratio_for
from ganprune_utils.pruning.layers import current_masks, hold, last_prunable, magnitudes, prunable_layers
from ganprune_utils.pruning.magnitude import allocated_masks, keep_largest, same_share
from ganprune_utils.pruning.random import random_scores
from ganprune_utils.pruning.removal import remove_filters
from ganprune_utils.pruning.taylor import adversarial_loss


def masks_at(
    model: nn.Module, compression: float, criterion: str, inputs, seed: int = 0, allocation: str = "own"
) -> dict[str, torch.Tensor]:
    """Keep-masks that leave 1 / `compression` of the dense parameters; BatchNorm and biases count, but always stay.

    Args:
        criterion: "magnitude"; "activation", |w| times the mean |activation| of its input channel; "wanda", |w| times
            the norm of its input channel, ranked within each output (Sun et al. 2024); or "random".
        allocation: what each layer gives. "own": all layers are ranked together, but "wanda" takes the same share of
            every output. "last_dense": likewise, but the last layer keeps all its weights and the others give more.
            "as_filters": each layer keeps as many weights as `filters_at` leaves it at this compression. (The reverse
            there is not: the widths of three layers cannot give four layers any shares.)
    """
    check_criterion("unstructured", criterion)
    everything, weights = size(model), sum(layer.weight.numel() for layer in prunable_layers(model).values())
    rest = everything - weights
    left = everything / check_compression(compression) - rest
    if left < 1:
        most = f"of {everything} parameters {rest} are not pruned; at most {everything / (rest + 1):.3g}"
        raise ParameterError(f"compression = {compression:g}: {most}")
    fraction = max(0.0, 1 - left / weights)
    if allocation not in ALLOCATIONS:
        raise ParameterError(f"allocation = {allocation!r}: must be one of {', '.join(ALLOCATIONS)}")
    dense = (last_prunable(model),) if allocation == "last_dense" else ()
    scores = _weight_scores(model, criterion, inputs, seed)
    held = hold(scores, dense, fraction)
    if allocation == "as_filters":
        shares = _shares_of_filters(model, everything / compression, inputs)
    elif criterion == "wanda":
        shares = same_share(scores, fraction, dense)
    else:
        return keep_largest(held, current_masks(model), fraction)
    return allocated_masks(model, shares, scores, within_outputs=criterion == "wanda")


def _weight_scores(model: nn.Module, criterion: str, inputs, seed: int) -> dict[str, torch.Tensor]:
    if criterion == "random":
        return random_scores(model, seed)
    if criterion == "magnitude":
        return magnitudes(model)
    return input_scores(model, inputs, order=1 if criterion == "activation" else 2)


def _shares_of_filters(model: nn.Module, parameters: float, inputs) -> dict[str, float]:
    """The share of its weights that each layer loses in `filters_at`, which does not depend on the criterion."""
    small = remove_filters(model, filters_at(model, parameters, "magnitude", inputs), _example(inputs))
    left = {name: layer.weight.numel() for name, layer in prunable_layers(small).items()}
    return {name: 1 - left[name] / layer.weight.numel() for name, layer in prunable_layers(model).items()}


def filters_at(
    model: nn.Module, parameters: float, criterion: str, inputs, seed: int = 0, discriminator=None
) -> dict[str, torch.Tensor]:
    """The filters to remove so that about `parameters` are left: the same share of every layer, found by bisection.

    criterion: "magnitude" (L2 norm), "activation" (mean |activation| on `inputs`), "bn_scale", "taylor" (of the
    output), "taylor_adversarial" (of a generator's loss, given its `discriminator`), or "random".
    """
    check_criterion("structured", criterion)
    example, loss = _example(inputs), None
    if criterion == "taylor_adversarial":
        if discriminator is None:
            raise ParameterError("criterion = 'taylor_adversarial': needs the generator's discriminator")
        loss = functools.partial(adversarial_loss, discriminator=discriminator)
    groups = filter_groups(model, example)
    name = {"magnitude": "l2", "taylor_adversarial": "taylor"}.get(criterion, criterion)
    scores = filter_scores(model, groups, name, inputs, seed, loss)

    @functools.cache
    def left_at(ratio):
        return size(remove_filters(model, choose_filters(scores, ratio), example, groups))

    highest = 1 - 0.51 / min(group.size for group in groups.values())  # one filter of the smallest layer stays
    if parameters < left_at(highest) / 1.1:
        least = f"with the same share of every layer removed at least {left_at(highest)} are left"
        raise ParameterError(f"parameters = {parameters:.0f}: {least}")
    return choose_filters(scores, ratio_for(left_at, parameters, highest))


def _example(inputs) -> Inputs:
    return next(Inputs.of(inputs).split(2))


def size(model: nn.Module) -> int:
    """All parameters, also those that are masked."""
    return sum(parameter.numel() for parameter in model.parameters())


def check_compression(compression: float) -> float:
    check_real("compression", compression, "a ratio of 1 or more", lambda value: value >= 1)
    return compression
