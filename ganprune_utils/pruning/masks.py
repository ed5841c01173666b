"""Putting masks on a model, taking them off for good, and counting what is left."""

from collections.abc import Collection

import pandas as pd
import torch
from torch import nn
from torch.nn.utils import prune

from ganprune_utils.errors import ParameterError
from ganprune_utils.models.state import effective_parameters, fold_reparametrisations, original
from ganprune_utils.pruning.layers import effective_weights, prunable_layers
from ganprune_utils.pruning.magnitude import dense_sigmas


def apply_masks(model: nn.Module, masks: dict[str, torch.Tensor]) -> nn.Module:
    """Prune `model` in place with boolean keep-masks, through `torch.nn.utils.prune`.

    The weight becomes `weight_orig * weight_mask` in every forward pass, so zeros stay zero under any optimiser.
    Layers without a mask are left alone; a second mask is combined with the first (a pruned weight never returns).

    Spectral norm, weight norm and other parametrizations of a masked layer are folded first: its weight becomes a plain
    parameter with the value that evaluation mode uses, and training goes on without them, with a new optimiser. A
    parameter that several layers share is masked in all of them.

    Raises ParameterError, nothing changed, where a mask names no prunable layer or has another shape than its weight.
    """
    layers = prunable_layers(model, linear=True)
    for name in masks:
        if name not in layers:
            raise ParameterError(f"mask {name!r}: no such layer; prunable are {', '.join(layers)}")
    for name, weight in effective_weights(model, masks).items():
        wanted, found = (f"{m.dtype} of shape {tuple(m.shape)}" for m in (weight.bool(), masks[name]))
        if found != wanted:
            raise ParameterError(f"mask {name!r}: needs {wanted}, got {found}")
    for name, sigma in dense_sigmas(model, masks).items():
        layers[name].dense_sigma = sigma
        fold_reparametrisations(layers[name])
        parameter = layers[name]._parameters.get("weight_orig", layers[name]._parameters.get("weight"))
        for holder, key in _holders(original(model), parameter):
            prune.custom_from_mask(holder, key, masks[name].to(parameter))
    return model


def make_permanent(model: nn.Module) -> nn.Module:
    """Write the zeros into the weights and take the masks off, in place.

    Needed before a copy is taken: `copy.deepcopy` fails on a module that carries masks.
    """
    for module in model.modules():
        for hook in list(module._forward_pre_hooks.values()):
            if isinstance(hook, prune.BasePruningMethod):
                prune.remove(module, hook._tensor_name)
    return model


def sparsity(model: nn.Module, layers: Collection[str] | None = None) -> pd.DataFrame:
    """Weights, zeros and sparsity (a fraction) of each of the `layers`, in order, and of all of them in row "overall".

    Zeros are masked weights, or exact zeros where no mask is on. The mean of the layers' sparsities is another number
    than the overall sparsity, because layers differ in size. By default the layers are all convolutions. Row "not
    pruned", where there is one, counts the matrices that are in no row: linear layers, embeddings, attention.
    """
    weights = effective_weights(model, layers)
    counted = {f"{name}.weight".removeprefix(".") for name in weights}
    rest = [t for name, t in effective_parameters(model).items() if t.ndim > 1 and name not in counted]
    rows = {name: _weights_and_zeros(weight) for name, weight in weights.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["weights", "zeros"]).rename_axis("layer")
    table.loc["overall"] = table.sum()
    if rest:
        table.loc["not pruned"] = [sum(counts) for counts in zip(*map(_weights_and_zeros, rest), strict=True)]
    return table.assign(sparsity=table.zeros / table.weights)


def _weights_and_zeros(weight: torch.Tensor) -> tuple[int, int]:
    return weight.numel(), int((weight == 0).sum())


def _holders(model: nn.Module, parameter: nn.Parameter) -> list[tuple[nn.Module, str]]:
    """Every module that has `parameter` among its own, and the name that it has there without a mask."""
    modules = [(module, key, own) for module in model.modules() for key, own in module._parameters.items()]
    return [(module, key.removesuffix("_orig")) for module, key, own in modules if own is parameter]
