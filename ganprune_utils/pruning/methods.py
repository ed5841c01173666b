"""The study's methods by name: (method, scope, threshold) in the units of a parameter file to masks."""

import torch
from torch import nn

from ganprune_utils.pruning.layers import last_prunable, magnitudes
from ganprune_utils.pruning.magnitude import matched_s, percentage_masks, sensitivity_masks
from ganprune_utils.pruning.random import random_masks, shuffled_masks


def masks_for(
    model: nn.Module, method: str, scope: str, threshold: float, seed: int, last_layer: str = "pruned"
) -> dict[str, torch.Tensor]:
    """Keep-masks of a method.

    Args:
        method, scope: a pair of `parameters.METHODS`. "shuffled" random masks have the layer sparsities of a global
            percentage mask at the same threshold; "matched" sensitivity takes the s that removes that percentage.
        threshold: s > 0 for sensitivity by layer; for all others percent of the weights, in [0, 100).
        seed: of random masks.
        last_layer: "pruned", or "dense": it keeps all its weights, and the others give as many more.
    """
    dense = (last_prunable(model),) if last_layer == "dense" else ()
    if method == "sensitivity":
        s = matched_s(model, threshold / 100, dense) if scope == "matched" else threshold
        return sensitivity_masks(model, s, dense)
    if method == "percentage":
        return percentage_masks(model, threshold / 100, scope, dense)
    if scope == "uniform":
        return random_masks(model, threshold / 100, seed, dense)
    return shuffled_masks(percentage_masks(model, threshold / 100, dense=dense), seed)


def layer_threshold(model: nn.Module, masks: dict, method: str, layer: str) -> float | None:
    """The |w| of the dense `model` below which `layer` was cut; None for random masks and the row "overall".

    It is the smallest magnitude that was kept in the layer, so never below the threshold that was asked for.
    """
    if method == "random" or layer not in masks:
        return None
    kept = magnitudes(model)[layer][masks[layer]]
    return kept.min().item() if len(kept) else None
