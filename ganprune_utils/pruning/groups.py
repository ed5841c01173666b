"""Which filters can be removed, and what has to go with them: BatchNorm, and the inputs of the layers that follow.

The dependencies are found by Torch-Pruning (Fang et al. 2023), which follows an example input through the network.
Layers whose outputs are added to one another, or tied in another way, form one group and lose their filters together.
"""

import copy
import warnings
from dataclasses import dataclass

import torch
from torch import nn

from ganprune_utils.errors import ParameterError, first_line
from ganprune_utils.pruning.layers import PRUNABLE, prunable_layers

NORMS = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm, nn.GroupNorm)


@dataclass(frozen=True)
class FilterGroup:
    """`size` filters that go together.

    `layers`, `norms` and `consumers` map a module's name to the channels (size,) in which filter 0, 1, ... appears:
    outputs of convolutions and norms, inputs of the layers that follow. `others` names what is tied to them in another
    way, as the linear layer whose output is reshaped into their channels.
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

    Filters that cannot be removed belong to no group: those that are the channels of the output, those whose number is
    written into the model's code, as in `x.view(-1, 128, 4, 4)` (a -1 in place of the 128 would free them), and those
    that Torch-Pruning does not remove rightly. Each group has proven itself: on a copy that lost one of its filters,
    the output is that of a copy in which this filter is zero.

    `example` is an input of the model (N, ...), as it gets it in use. Raises ParameterError where nothing can be
    removed, the model carries masks, or it does not take the example.
    """
    graph = dependencies(model, example)
    names = {module: name for name, module in model.named_modules()}
    found, seen = {}, set()
    for name, layer in prunable_layers(model).items():
        items = _group(graph, layer, list(range(layer.out_channels)))
        if name in seen or any(item.dep.target.type.name == "OUTPUT" for item in items):
            continue
        group = _read(items, names, layer.out_channels)
        seen |= set(group.layers)
        if _is_free(model, name, group, example):
            found[group.name] = group
    if not found:
        raise ParameterError(f"model {type(model).__name__}: has no filters that could be removed, but its output's")
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
    except Exception as error:  # whatever a model of any kind may raise
        words = f"cannot be followed from an example of shape {tuple(example.shape)} ({first_line(error)})"
        raise ParameterError(f"model {type(model).__name__}: {words}") from None
    finally:
        model.train(mode)
        for parameter in frozen:
            parameter.requires_grad_(False)


def _group(graph, layer: nn.Module, indices: list[int]):
    """Everything that depends on these filters of `layer`."""
    return graph.get_pruning_group(layer, graph.get_pruner_of_module(layer).prune_out_channels, idxs=indices)


@torch.no_grad()
def _is_free(model: nn.Module, name: str, group: FilterGroup, example: torch.Tensor) -> bool:
    """Whether removing one filter of layer `name` gives what zeroing it gives (what is tied in other ways cannot be
    zeroed: then, whether the output keeps its shape)."""
    small, zeroed = copy.deepcopy(model).eval(), copy.deepcopy(model).eval()
    try:
        remove_in_place(small, {name: [0]}, example)
        output = small(example)
        if group.others:
            return output.shape == zeroed(example).shape
        zero_in_place(zeroed, group, torch.tensor([0]))
        wanted = zeroed(example)
        return output.shape == wanted.shape and torch.allclose(output, wanted, rtol=1e-3, atol=1e-4)
    except Exception:  # whatever a model of any kind may raise: its filters are not free
        return False


def remove_in_place(model: nn.Module, removed: dict[str, list[int]], example: torch.Tensor) -> None:
    """Remove filters in place, layer name -> indices, with everything that depends on them."""
    graph = dependencies(model, example)
    for name, indices in removed.items():
        if indices:
            _group(graph, model.get_submodule(name), indices).prune()


@torch.no_grad()
def zero_in_place(model: nn.Module, group: FilterGroup, indices: torch.Tensor) -> None:
    """Zero filters in place, with the weight and bias of their BatchNorm.

    Raises ParameterError where that is not possible: another layer is tied to them, or the norm has no weight.
    """
    if group.others:
        raise ParameterError(f"layer {group.name}: {', '.join(group.others)} cannot be zeroed filter by filter")
    modules = dict(model.named_modules())
    for norm in group.norms:
        if modules[norm].weight is None:
            raise ParameterError(f"layer {group.name}: its norm {norm} has no weight that could be zero")
    for name, channels in (group.layers | group.norms).items():
        module = modules[name]
        module.weight.index_fill_(1 if getattr(module, "transposed", False) else 0, channels[indices], 0.0)
        if module.bias is not None:
            module.bias[channels[indices]] = 0.0


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
