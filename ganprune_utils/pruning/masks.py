"""Putting masks on a model, taking them off for good, and counting what is left."""

import pandas as pd
import torch
from torch import nn
from torch.nn.utils import prune

from ganprune_utils.errors import ParameterError
from ganprune_utils.pruning.layers import prunable_layers
from ganprune_utils.pruning.magnitude import dense_sigmas


def apply_masks(model: nn.Module, masks: dict[str, torch.Tensor]) -> nn.Module:
    """Prune `model` in place with boolean keep-masks, through `torch.nn.utils.prune`.

    The weight becomes `weight_orig * weight_mask` in every forward pass, so zeros stay zero under any optimiser.
    Layers without a mask are left alone; a second mask is combined with the first (a pruned weight never returns).

    Raises ParameterError, nothing changed, where a mask names no prunable layer or has another shape than its weight.
    """
    layers, sigmas = prunable_layers(model), dense_sigmas(model)
    for name, mask in masks.items():
        if name not in layers:
            raise ParameterError(f"mask {name!r}: no such layer; prunable are {', '.join(layers)}")
        wanted, found = (f"{m.dtype} of shape {tuple(m.shape)}" for m in (layers[name].weight.bool(), mask))
        if found != wanted:
            raise ParameterError(f"mask {name!r}: needs {wanted}, got {found}")
    for name, mask in masks.items():
        layers[name].dense_sigma = sigmas[name]
        prune.custom_from_mask(layers[name], "weight", mask.to(layers[name].weight))
    return model


def make_permanent(model: nn.Module) -> nn.Module:
    """Write the zeros into the weights and take the masks off, in place.

    Needed before a copy is taken: `copy.deepcopy` fails on a module that carries masks.
    """
    for layer in prunable_layers(model).values():
        if hasattr(layer, "weight_mask"):
            prune.remove(layer, "weight")
    return model


def sparsity(model: nn.Module) -> pd.DataFrame:
    """Weights, zeros and sparsity (a fraction) of each prunable layer, in order, and of all of them in row "overall".

    Zeros are masked weights, or exact zeros where no mask is on. The mean of the layers' sparsities is another number
    than the overall sparsity, because layers differ in size.
    """
    layers = prunable_layers(model).items()
    rows = [(name, layer.weight.numel(), int((layer.weight == 0).sum())) for name, layer in layers]
    table = pd.DataFrame(rows, columns=["layer", "weights", "zeros"]).set_index("layer")
    table.loc["overall"] = table.sum()
    return table.assign(sparsity=table.zeros / table.weights)
