"""Removing filters from a network for good, or zeroing them in place."""

import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.models.inputs import Inputs, one_line, unchanged
from ganprune_utils.models.state import original, plain_copy
from ganprune_utils.pruning.channels import weight_axes
from ganprune_utils.pruning.cut import Groups, Removed, channels_of, copies, cut, difference
from ganprune_utils.pruning.groups import filter_groups, follow, found_groups


def remove_filters(model: nn.Module, removed: Removed, example, groups: Groups | None = None) -> nn.Module:
    """A smaller copy of `model` without the filters `removed` (group name -> indices); `model` stays as it is.

    What depends on a filter goes with it: its norm's channel, the rows of linear layers that make or scale it, and the
    inputs of the layers that follow. The result is a dense network of fewer channels, equal up to rounding to `model`
    in which nobody reads these filters; that is proven on `example`. Spectral and weight norm are folded: each weight
    is what it was in use. `groups` are those of `filter_groups`, where they are at hand.

    Raises ParameterError for an unknown group, an index that it does not have, a layer without a filter left, or where
    the proof fails.
    """
    groups = groups or found_groups(follow(model, example)[2])[0]
    checked(removed, groups)
    small = plain_copy(model)
    cut(small, groups, removed)
    small.zero_grad()
    _prove(model, small, example, groups, removed, "cannot be removed")
    return small


@torch.no_grad()
def zero_filters(model: nn.Module, removed: Removed, example) -> nn.Module:
    """Set the filters `removed` to zero in place, with the weights, biases and means that would bring them back.

    Raises ParameterError, nothing changed, where that is not what `remove_filters` does: a sigmoid gives one half for
    zero, and noise that is added is read on.
    """
    groups = filter_groups(model, example)
    checked(removed, groups)
    zeroed = plain_copy(model)
    _zero(zeroed, groups, removed)
    _prove(model, zeroed, example, groups, removed, "cannot be zeroed, only removed")
    _zero(original(model), groups, removed)
    return model


def _zero(model: nn.Module, groups: Groups, removed: Removed) -> None:
    made, read = (channels_of(groups, removed, *roles) for roles in (("layers", "norms", "others"), ("consumers",)))
    modules = dict(model.named_modules())
    for name, gone in made.items():
        if name not in modules:
            owner, _, attribute = name.rpartition(".")
            getattr(modules[owner], attribute).masked_fill_(gone, 0.0)
            continue
        module, axis = modules[name], weight_axes(modules[name])[0]
        channels = [(tensor, 0, gone) for tensor in ("bias", *([] if module.weight is not None else ["running_mean"]))]
        channels.append(("weight", 0, read[name]) if axis is None else ("weight", axis, gone))
        for tensor, dim, which in channels:
            if getattr(module, tensor, None) is not None:
                if tensor == "weight" and tensor not in module._parameters:
                    raise ParameterError(f"layer {name}: its weight is computed anew; only remove_filters folds that")
                getattr(module, tensor).index_fill_(dim, which.nonzero().flatten(), 0.0)


def _prove(model: nn.Module, changed: nn.Module, example, groups: Groups, removed: Removed, otherwise: str) -> None:
    """Raise ParameterError unless `changed` gives the image of `model` in which nobody reads the filters."""
    inputs = Inputs.of(example)
    for last, pair in enumerate(zip(copies(model), copies(changed), strict=True)):
        with unchanged(pair[0]):
            try:
                with one_line(original(model), f"cannot be run on an example of shape {inputs}"):
                    reason = difference(*pair, inputs.to(pair[0]), groups, removed)
                break
            except ParameterError:
                if last:
                    raise
    if reason:
        raise ParameterError(f"filters of {', '.join(removed)}: {otherwise}; {reason}")


def checked(removed: Removed, groups: Groups) -> None:
    for name, indices in removed.items():
        if name not in groups:
            raise ParameterError(f"filters of {name!r}: no such layer; filters can go from {', '.join(groups)}")
        size, found = groups[name].size, indices.tolist()
        if len(set(found)) != len(found) or not set(found) <= set(range(size)):
            raise ParameterError(f"filters of {name}: needs different indices from 0 to {size - 1}, got {found[:5]}")
        if len(found) >= size:
            raise ParameterError(f"filters of {name}: all {size} would go; at least one has to stay")
        for layer, owner in (groups[name].layers | groups[name].others).items():
            if torch.isin(owner, indices).all():
                raise ParameterError(f"filters of {name}: all channels of {layer} would go; at least one has to stay")
