"""Which layers are pruned, and their weights and masks as one ordered dictionary each."""

import math
from collections.abc import Collection

import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.models.inputs import called_modules
from ganprune_utils.models.state import effective_weight, original

PRUNABLE = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def prunable_layers(model: nn.Module, linear: bool = False, example=None) -> dict[str, nn.Module]:
    """The convolutions and transposed convolutions of `model` by name, in order; ParameterError when there is none.

    BatchNorm and biases are never pruned, as in both sources of the criteria (METHODS: Deep-Compression, distiller).

    Args:
        linear: linear layers too (but those inside `nn.MultiheadAttention`, which it does not call).
        example: inputs of the model; without the layers that it does not call for them, as of a network beside.
    """
    model = original(model)
    kinds = (*PRUNABLE, nn.Linear) if linear else PRUNABLE
    modules = set(model.modules()) if example is None else called_modules(model, example)
    modules -= {module.out_proj for module in modules if isinstance(module, nn.MultiheadAttention)}
    layers = {name: m for name, m in model.named_modules() if isinstance(m, kinds) and m in modules}
    if not layers:
        found = "no convolution or linear layer" if linear else "no convolution"
        raise ParameterError(f"model {type(model).__name__}: has {found}, so there is nothing to prune")
    return layers


def chosen_layers(model: nn.Module, names: Collection[str] | None = None) -> dict[str, nn.Module]:
    """The layers `names` in the model's order, convolutional or linear; all convolutions by default."""
    if names is None:
        return prunable_layers(model)
    layers = prunable_layers(model, linear=True)
    if unknown := [name for name in names if name not in layers]:
        raise ParameterError(f"layers = {unknown[0]!r}: no such layer; prunable are {', '.join(layers)}")
    return {name: layer for name, layer in layers.items() if name in names}


def effective_weights(model: nn.Module, layers: Collection[str] | None = None) -> dict[str, torch.Tensor]:
    """The weights of the chosen layers as the next forward pass in evaluation mode uses them."""
    found = {}
    for name, layer in chosen_layers(model, layers).items():
        try:
            found[name] = effective_weight(layer)
        except (KeyError, ValueError):
            raise ParameterError(f"layer {name}: has no weight of its own (yet) that a mask could be put on") from None
    return found


def current_masks(model: nn.Module, layers: Collection[str] | None = None) -> dict[str, torch.Tensor]:
    """The keep-masks in force, by layer; all True where a layer was not pruned yet."""
    weights, chosen = effective_weights(model, layers), chosen_layers(model, layers)
    return {name: getattr(chosen[name], "weight_mask", torch.ones_like(w)).bool() for name, w in weights.items()}


def magnitudes(model: nn.Module, layers: Collection[str] | None = None) -> dict[str, torch.Tensor]:
    """|w| of every chosen layer in float64, which no float32 threshold arithmetic can blur; masked weights are 0."""
    found = {name: weight.abs().double() for name, weight in effective_weights(model, layers).items()}
    check_finite(found)
    return found


def last_prunable(model: nn.Module) -> str:
    """The name of the last prunable layer: the one that paints a generator's image."""
    return list(prunable_layers(model))[-1]


def hold(scores: dict[str, torch.Tensor], dense: Collection[str], fraction: float = 0.0) -> dict[str, torch.Tensor]:
    """`scores` with infinity for every weight of the layers `dense`, so that none of them is ever among the lowest.

    Raises ParameterError where a name is of no layer, or the other layers have no more than `fraction` of all weights.
    """
    if unknown := sorted(set(dense) - set(scores)):
        raise ParameterError(f"dense = {unknown[0]!r}: no such layer; prunable are {', '.join(scores)}")
    total = sum(score.numel() for score in scores.values())
    reach = 1 - sum(scores[name].numel() for name in dense) / total
    if dense and fraction >= reach:
        raise ParameterError(f"fraction = {fraction:g}: must be below {reach:.4g} while {', '.join(dense)} stays dense")
    return {name: torch.full_like(score, math.inf) if name in dense else score for name, score in scores.items()}


def check_finite(scores: dict[str, torch.Tensor]) -> None:
    for name, score in scores.items():
        if not torch.isfinite(score).all():
            raise ParameterError(f"layer {name}: has NaN or infinite weights, which no criterion can rank")
