"""Removing filters from a network for good, or zeroing them in place."""

import copy

import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.pruning.groups import FilterGroup, filter_groups, remove_in_place, zero_in_place


def remove_filters(
    model: nn.Module, removed: dict[str, torch.Tensor], example: torch.Tensor, groups: dict | None = None
) -> nn.Module:
    """A smaller copy of `model` without the filters `removed` (group name -> indices); `model` stays as it is.

    What depends on a filter goes with it: its BatchNorm channel and the inputs of the layers that follow. The result
    is a dense network of fewer channels, equal to `zero_filters` of the same filters up to rounding. `groups` are
    those of `filter_groups`, where they are at hand. Raises ParameterError for an unknown group, an index that it does
    not have, or a group without a filter left.
    """
    checked(removed, groups or filter_groups(model, example))
    small = copy.deepcopy(model)
    remove_in_place(small, {name.split(" + ")[0]: indices.tolist() for name, indices in removed.items()}, example)
    with torch.no_grad():
        before, after = (copy.deepcopy(m).eval()(example).shape for m in (model, small))
    if before != after:
        raise ParameterError(f"model without these filters: gives {tuple(after)}, not {tuple(before)}")
    small.zero_grad()
    return small


@torch.no_grad()
def zero_filters(model: nn.Module, removed: dict[str, torch.Tensor], example: torch.Tensor) -> nn.Module:
    """Set the filters `removed` to zero in place, and the weight and bias of their BatchNorm, which would go on giving
    its bias.

    Raises ParameterError where a group cannot be zeroed: a linear layer is tied to it, or its norm has no weight.
    """
    groups = filter_groups(model, example)
    checked(removed, groups)
    for name, indices in removed.items():
        zero_in_place(model, groups[name], indices)
    return model


def checked(removed: dict[str, torch.Tensor], groups: dict[str, FilterGroup]) -> None:
    for name, indices in removed.items():
        if name not in groups:
            raise ParameterError(f"filters of {name!r}: no such layer; filters can go from {', '.join(groups)}")
        size, found = groups[name].size, indices.tolist()
        if len(set(found)) != len(found) or not set(found) <= set(range(size)):
            raise ParameterError(f"filters of {name}: needs different indices from 0 to {size - 1}, got {found[:5]}")
        if len(found) >= size:
            raise ParameterError(f"filters of {name}: all {size} would go; at least one has to stay")
