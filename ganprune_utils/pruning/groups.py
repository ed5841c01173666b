"""Which filters can be removed, and what has to go with them: BatchNorm, and the inputs of the layers that follow.

The dependencies are found by Torch-Pruning (Fang et al. 2023), which follows an example input through the network.
Layers whose outputs are added to one another, or tied in another way, form one group and lose their filters together.
"""

import copy
import warnings
from dataclasses import dataclass

import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.pruning.layers import PRUNABLE, prunable_layers

NORMS = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm, nn.GroupNorm)


@dataclass(frozen=True)
class FilterGroup:
    """`size` filters that go together.

    Each of `layers`, `norms` and `consumers` maps a module's name to the channels (size,) in which filter 0, 1, ...
    appears: outputs of convolutions and norms, inputs of the layers that follow. `others` names what is tied to them
    in another way, as the linear layer whose output is reshaped into their channels.
    """

    size: int
    layers: dict[str, torch.Tensor]
    norms: dict[str, torch.Tensor]
    consumers: dict[str, torch.Tensor]
    others: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The tied layers by name, joined by a plus sign."""
        return " + ".join([*self.layers, *self.others])


def filter_groups(model: nn.Module, example: torch.Tensor) -> dict[str, FilterGroup]:
    """The groups of filters of `model` by name, in the order of its layers.

    Filters that cannot be removed belong to no group: those that are the channels of the output, and those whose number
    is written into the model's code, as in `x.view(-1, 128, 4, 4)` (a -1 in place of the 128 would free them).

    Args:
        example: an input of the model (N, ...), as it gets it in use.

    Raises:
        ParameterError: nothing can be removed, the model carries masks, or it does not take the example.
    """
    graph = dependencies(model, example)
    names = {module: name for name, module in model.named_modules()}
    found, seen = {}, set()
    for name, layer in prunable_layers(model).items():
        items = full_group(graph, layer)
        if name in seen or any(item.dep.target.type.name == "OUTPUT" for item in items):
            continue
        group = _read(items, names, layer.out_channels)
        seen |= set(group.layers)
        # What is surely free is only read by convolutions; all else has to prove it.
        if (group.consumers and not group.others) or _works_without(model, name, example):
            found[group.name] = group
    if not found:
        raise ParameterError(
            f"model {type(model).__name__}: has no filters that could be removed, but for its output's"
        )
    return found


def dependencies(model: nn.Module, example: torch.Tensor):
    """Torch-Pruning's dependency graph of a model without masks."""
    import torch_pruning  # two seconds to import, and most users of this package remove no filters

    for name, layer in prunable_layers(model).items():
        if hasattr(layer, "weight_orig"):
            raise ParameterError(f"layer {name}: carries a mask; make_permanent comes before filters are removed")
    mode, frozen = model.training, [p for p in model.parameters() if not p.requires_grad]
    try:
        # The graph is read off autograd's, so that is on for the moment.
        model.requires_grad_(True)
        with warnings.catch_warnings(), torch.enable_grad():
            warnings.simplefilter("ignore")  # of parameters outside of modules: none of ours
            return torch_pruning.DependencyGraph().build_dependency(model.eval(), example_inputs=example)
    except (RuntimeError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ParameterError(
            f"model {type(model).__name__}: does not take the example of shape {tuple(example.shape)} ({reason})"
        ) from None
    finally:
        model.train(mode)
        for parameter in frozen:
            parameter.requires_grad_(False)


def full_group(graph, layer: nn.Module):
    """Everything that depends on the filters of `layer`, all of them asked for."""
    return graph.get_pruning_group(
        layer, graph.get_pruner_of_module(layer).prune_out_channels, idxs=list(range(layer.out_channels))
    )


def _works_without(model: nn.Module, name: str, example: torch.Tensor) -> bool:
    """Whether the model still gives the same shape when its layer `name` has lost one filter."""
    trial = copy.deepcopy(model).eval()
    with torch.no_grad():
        shape = trial(example).shape
    graph, layer = dependencies(trial, example), trial.get_submodule(name)
    graph.get_pruning_group(layer, graph.get_pruner_of_module(layer).prune_out_channels, idxs=[0]).prune()
    try:
        with torch.no_grad():
            return trial(example).shape == shape
    except RuntimeError:
        return False


def _read(items, names: dict, size: int) -> FilterGroup:
    layers, norms, consumers, others = {}, {}, {}, []
    for item in items:
        module, channels = item.dep.target.module, torch.tensor(item.idxs)
        if module not in names:
            continue  # an operation without weights
        name, aligned = names[module], len(channels) == size
        if "out_channels" not in item.dep.handler.__name__:
            consumers |= {name: channels} if aligned else {}  # flattened inputs of a linear layer have more
        elif isinstance(module, NORMS):
            norms[name] = channels
        elif isinstance(module, PRUNABLE) and aligned:
            layers[name] = channels
        else:
            others.append(name)
    return FilterGroup(size, layers, norms, consumers, tuple(others))
