"""Which filters can be removed, and what has to go with them: norms, linear layers, and the inputs of what follows.

Layers whose outputs are added to one another, or tied in another way, form one group and lose their filters together
(the groups of Fang et al. 2023). They are found by `channels`, and proven by values.
"""

import copy

import numpy as np
import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.models.inputs import Inputs, one_line, unchanged
from ganprune_utils.models.state import check_unmasked, original
from ganprune_utils.pruning.channels import ChannelTrace
from ganprune_utils.pruning.cut import FilterGroup, Groups, copies, cut, difference
from ganprune_utils.pruning.layers import PRUNABLE


def filter_groups(model: nn.Module, example) -> Groups:
    """The groups of filters of `model` by name, in the order of its layers.

    Filters that cannot be removed belong to no group; `why_not` says of each layer why. Each group has proven itself:
    on copies that lost one half of its filters or the other, the image is that of a copy in which nobody reads these.

    `example` is what the model gets in use: a tensor, a tuple or list of arguments, a dictionary by name, or `Inputs`.
    Raises ParameterError where nothing can be removed, the model carries masks, or it does not take the example.
    """
    groups, reasons = examine(model, example)
    if not groups:
        alike = {reason: [name for name in reasons if reasons[name] == reason] for reason in reasons.values()}
        said = "; ".join(f"{', '.join(names[:5])}{' ...' * (len(names) > 5)}: {why}" for why, names in alike.items())
        raise ParameterError(f"model {type(original(model)).__name__}: has no filters that could be removed; {said}")
    return groups


def why_not(model: nn.Module, example) -> dict[str, str]:
    """Why filters stay: name of a convolution or linear layer -> reason, without the layers in `filter_groups`."""
    return examine(model, example)[1]


def examine(model: nn.Module, example) -> tuple[Groups, dict[str, str]]:
    """`filter_groups` and `why_not` at once; groups may be none."""
    copied, inputs, trace = follow(model, example, torch.Generator().manual_seed(0))
    groups, reasons = found_groups(trace)
    with unchanged(copied):
        failed = _failing(copied, inputs, groups, list(groups)) if groups else {}
    for name, reason in failed.items():
        group = groups.pop(name)
        reasons |= dict.fromkeys([*group.layers, *group.others], reason)
    return groups, {name: reasons[name] for name in trace.names.values() if name in reasons}


def follow(model: nn.Module, example, random: torch.Generator | None = None) -> tuple[nn.Module, Inputs, ChannelTrace]:
    """A copy of the model in evaluation mode, in float64 where its forward can, the example for it, and its channels.

    With `random` its weights move a little: layers that start at zero then show whether they are followed rightly.
    """
    check_unmasked(original(model), "make_permanent comes before filters are removed")
    if not any(isinstance(module, (*PRUNABLE, nn.Linear)) for module in original(model).modules()):
        raise ParameterError(f"model {type(model).__name__}: has no convolution or linear layer, so nothing to remove")
    for network in copies(model):
        inputs = Inputs.of(example).to(network).map(torch.clone)
        _move(network, random)
        trace = ChannelTrace(network)
        try:
            with one_line(network, f"cannot be followed from an example of shape {inputs}"), unchanged(network):
                trace.run(inputs)
            return network, inputs, trace
        except ParameterError as error:
            refused = error
    raise refused


@torch.no_grad()
def _move(network: nn.Module, random: torch.Generator | None) -> None:
    for parameter in network.parameters() if random else ():
        if parameter.is_floating_point():
            noise = torch.randn(parameter.shape, generator=random).to(parameter)
            parameter += noise * (0.1 * parameter.square().mean().sqrt() + 0.02)


def found_groups(trace: ChannelTrace) -> tuple[Groups, dict[str, str]]:
    """The groups that the channels of a run make, and why the other layers are in none."""
    classes = trace.classes()
    fixed = {classes[label]: reason for label, reason in trace.fixed.items()}
    layers = {name: layer for layer, name in trace.names.items() if isinstance(layer, (*PRUNABLE, nn.Linear))}
    made = {name: classes[trace.made[name]] for name in layers if name in trace.made}
    convolutions = [name for name in made if isinstance(layers[name], PRUNABLE)]
    convolved = {number for name in convolutions for number in made[name]}
    roots = convolutions + [name for name in made if convolved.isdisjoint(made[name])]
    # Layers that share a channel share a group: for this one question all channels of a layer are tied.
    together = trace.classes(*(trace.made[name] for name in roots))
    group_of, filter_of = np.full((2, classes.max() + 1), -1)
    first, sizes = {}, {}
    for name in roots:
        group = together[trace.made[name][0]]
        first.setdefault(group, name)
        for number in made[name]:
            if number not in fixed and group_of[number] < 0:
                group_of[number], filter_of[number] = group, sizes.get(group, 0)
                sizes[group] = sizes.get(group, 0) + 1
    found = {group: FilterGroup(size) for group, size in sizes.items()}

    def place(role: str, name: str, numbers: np.ndarray) -> None:
        for group in set(group_of[numbers].flat) - {-1}:
            owner = np.where(group_of[numbers] == group, filter_of[numbers], -1)
            getattr(found[group], role)[name] = torch.from_numpy(owner)

    for name in trace.names.values():
        for role, labels in (("norms", trace.normed), ("consumers", trace.read)):
            if name in labels:
                place(role, name, classes[labels[name]])
        if name in trace.made:
            place("layers" if name in convolutions else "others", name, classes[trace.made[name]])
    split = {}
    for name, labels in trace.parameters.items():
        numbers = classes[labels]
        ones = [
            numbers[tuple(slice(None if i == axis else 1) for i in range(numbers.ndim))] for axis in range(numbers.ndim)
        ]
        of_channels = [one for one in ones if one.size > 1 and (one == numbers).all()]
        if of_channels:
            place("others", name, of_channels[0])
        else:
            split |= dict.fromkeys(set(group_of[numbers].flat) - {-1}, f"{name} has other entries within a filter")
    order = {name: i for i, name in enumerate(layers)}
    usable = [found[group] for group in sorted(found, key=lambda group: order[first[group]]) if group not in split]
    groups = {group.name: group for group in usable if group.size > 1 and group.consumers}
    within = {name for group in groups.values() for name in (*group.layers, *group.others)}
    mixed = {classes[label]: what for label, what in trace.mixed.items()}
    reasons = {}
    for name in layers.keys() - within:
        numbers = made.get(name)
        if numbers is None:
            positions = name in trace.positional
            reasons[name] = "it reads positions, not channels" if positions else "forward does not call it"
        elif len(set(numbers)) == 1 < len(numbers) and (numbers[0] in mixed or numbers[0] not in fixed):
            reasons[name] = f"its filters only go all at once, tied by {mixed.get(numbers[0], 'what follows')}"
        else:
            known = [f"its filters {fixed[number]}" for number in numbers if number in fixed]
            known += [split[group] for group in group_of[numbers] if group in split]
            reasons[name] = [*known, "it has one filter" if len(numbers) == 1 else "no layer reads its filters"][0]
    return groups, reasons


def _failing(model: nn.Module, inputs: Inputs, groups: Groups, names: list[str]) -> dict[str, str]:
    """Which of the groups `names` cannot be removed rightly, and why: all at once, by halves where that fails."""
    for part in (0, 1):
        removed = {name: _half(groups[name], part) for name in names}
        small = copy.deepcopy(model)
        cut(small, groups, removed)
        reason = difference(model, small, inputs, groups, removed)
        if reason:
            break
    if not reason or len(names) == 1:
        return dict.fromkeys(names, reason) if reason else {}
    middle = len(names) // 2
    failed = [_failing(model, inputs, groups, half) for half in (names[:middle], names[middle:])]
    return failed[0] | failed[1] or dict.fromkeys(names, reason)


def _half(group: FilterGroup, part: int) -> torch.Tensor:
    """One half or the other of its filters, drawn at random but always the same, so that every layer keeps one."""
    drawn = torch.randperm(group.size, generator=torch.Generator().manual_seed(0))
    kept = set(drawn[1 - part :: 2].tolist())
    for owner in (*group.layers.values(), *group.others.values()):
        there = owner[owner >= 0].unique().tolist()
        kept |= set() if kept & set(there) else {there[0]}
    return torch.tensor([i for i in range(group.size) if i not in kept], dtype=torch.long)
