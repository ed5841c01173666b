"""Which layers are pruned, and their weights and masks as one ordered dictionary each."""

import math
from collections.abc import Collection

import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.models.state import effective_weight

PRUNABLE = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def prunable_layers(model: nn.Module) -> dict[str, nn.Module]:
    """The convolutions and transposed convolutions of `model` by name, in order; ParameterError when there is none.

    BatchNorm and biases are never pruned, as in both sources of the criteria (METHODS: Deep-Compression, distiller).
    """
    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, PRUNABLE)}
    if not layers:
        raise ParameterError(f"model {type(model).__name__}: has no convolution, so there is nothing to prune")
    return layers


def current_masks(model: nn.Module) -> dict[str, torch.Tensor]:
    """The keep-masks in force, by layer; all True where a layer was not pruned yet."""
    layers = prunable_layers(model)
    return {name: getattr(layer, "weight_mask", torch.ones_like(layer.weight)).bool() for name, layer in layers.items()}


def magnitudes(model: nn.Module) -> dict[str, torch.Tensor]:
    """|w| of every prunable layer in float64, which no float32 threshold arithmetic can blur; masked weights are 0."""
    found = {name: effective_weight(layer).abs().double() for name, layer in prunable_layers(model).items()}
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
