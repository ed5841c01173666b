"""Taking filters out of a network for good, or silencing them in place."""

import copy

import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.pruning.groups import FilterGroup, dependencies, filter_groups


def remove_filters(model: nn.Module, removed: dict[str, torch.Tensor], example: torch.Tensor) -> nn.Module:
    """A smaller copy of `model` without the filters `removed` (group name -> indices); `model` stays as it is.

    What depends on a filter goes with it: its BatchNorm channel and the inputs of the layers that follow. The result
    is a dense network of fewer channels, equal to `silence_filters` of the same filters up to rounding.

    Raises:
        ParameterError: an unknown group, an index it does not have, a group without a filter left; nothing is changed.
    """
    checked(removed, filter_groups(model, example))
    model = copy.deepcopy(model)
    graph = dependencies(model, example)
    modules = dict(model.named_modules())
    for name, indices in removed.items():
        if len(indices):
            layer = modules[name.split(" + ")[0]]
            prune = graph.get_pruner_of_module(layer).prune_out_channels
            graph.get_pruning_group(layer, prune, idxs=indices.tolist()).prune()
    for parameter in model.parameters():
        parameter.grad = None
    return model


@torch.no_grad()
def silence_filters(model: nn.Module, removed: dict[str, torch.Tensor], example: torch.Tensor) -> nn.Module:
    """Set the filters `removed` to zero in place, with the weight and bias of their BatchNorm.

    Without the latter a silenced filter would go on giving the BatchNorm's bias.
    """
    groups = filter_groups(model, example)
    checked(removed, groups)
    modules = dict(model.named_modules())
    for name, indices in removed.items():
        for layer_name, channels in groups[name].layers.items():
            layer = modules[layer_name]
            layer.weight.index_fill_(1 if getattr(layer, "transposed", False) else 0, channels[indices], 0.0)
            if layer.bias is not None:
                layer.bias[channels[indices]] = 0.0
        for norm_name, channels in groups[name].norms.items():
            modules[norm_name].weight[channels[indices]] = 0.0
            modules[norm_name].bias[channels[indices]] = 0.0
    return model


def checked(removed: dict[str, torch.Tensor], groups: dict[str, FilterGroup]) -> None:
    for name, indices in removed.items():
        if name not in groups:
            raise ParameterError(f"filters of {name!r}: no such layer; filters can go from {', '.join(groups)}")
        size, found = groups[name].size, indices.tolist()
        if len(set(found)) != len(found) or not all(0 <= index < size for index in found):
            raise ParameterError(f"filters of {name}: needs different indices from 0 to {size - 1}, got {found[:5]}")
        if len(found) >= size:
            raise ParameterError(f"filters of {name}: all {size} would go; at least one has to stay")
