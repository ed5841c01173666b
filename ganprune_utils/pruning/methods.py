"""The study's methods by name: (method, scope, threshold) in the units of a parameter file to masks."""

import torch
from torch import nn

from ganprune_utils.parameters import check_method
from ganprune_utils.pruning.layers import magnitudes
from ganprune_utils.pruning.magnitude import dense_sigmas, percentage_masks, sensitivity_masks
from ganprune_utils.pruning.random import random_masks, shuffled_masks


def masks_for(model: nn.Module, method: str, scope: str, threshold: float, seed: int) -> dict[str, torch.Tensor]:
    """Keep-masks of a method.

    Args:
        method, scope: see `ganprune_utils.parameters.METHODS`. "random" with scope "shuffled" has the layer
            sparsities of a global percentage mask at the same threshold.
        threshold: percent of the weights, in [0, 100), for percentage and random; s > 0 for sensitivity.
        seed: of random masks.
    """
    scope = check_method(method, scope, threshold)
    if method == "sensitivity":
        return sensitivity_masks(model, threshold)
    if method == "percentage":
        return percentage_masks(model, threshold / 100, scope)
    if scope == "uniform":
        return random_masks(model, threshold / 100, seed)
    return shuffled_masks(percentage_masks(model, threshold / 100), seed)


def layer_threshold(model: nn.Module, masks: dict, method: str, threshold: float, layer: str) -> float | None:
    """The |w| of the dense `model` below which `layer` was cut; None for random masks and the row "overall".

    By percentage this is the smallest magnitude that was kept where the ranking was made: in all layers for the
    scope "global" (every layer then shows the same or a slightly larger value), in the layer itself for "layer".
    """
    if method == "random" or layer not in masks:
        return None
    if method == "sensitivity":
        return threshold * dense_sigmas(model)[layer]
    kept = magnitudes(model)[layer][masks[layer]]
    return kept.min().item() if len(kept) else None
