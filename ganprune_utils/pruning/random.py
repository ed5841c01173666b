"""Random masks, the baseline that any criterion has to beat at the same sparsity."""

from collections.abc import Collection

import torch
from torch import nn

from ganprune_utils.parameters import check_seed
from ganprune_utils.pruning.layers import current_masks, effective_weights, hold
from ganprune_utils.pruning.magnitude import check_fraction, keep_largest


def random_masks(
    model: nn.Module, fraction: float, seed: int, dense: Collection[str] = (), layers: Collection[str] | None = None
) -> dict[str, torch.Tensor]:
    """Remove the share `fraction` (in [0, 1)) of all prunable weights, drawn uniformly over all layers.

    Exact to the weight, masked weights first, like `percentage_masks`. One seed gives one order of all weights, so a
    larger fraction removes what a smaller one did and more. `dense` and `layers` are as in `percentage_masks`.
    """
    check_fraction(fraction)
    scores = hold(random_scores(model, seed, layers), dense, fraction)
    return keep_largest(scores, current_masks(model, layers), fraction)


def random_scores(model: nn.Module, seed: int, layers: Collection[str] | None = None) -> dict[str, torch.Tensor]:
    """Uniform in [0, 1) for every weight of the chosen layers, by layer."""
    check_seed(seed)
    drawn = dict(generator=torch.Generator().manual_seed(int(seed)), dtype=torch.float64)
    weights = effective_weights(model, layers).items()
    return {name: torch.rand(weight.shape, **drawn).to(weight.device) for name, weight in weights}


def shuffled_masks(masks: dict[str, torch.Tensor], seed: int) -> dict[str, torch.Tensor]:
    """Shuffle each layer's mask within the layer: the same sparsity per layer, other weights.

    Against the mask it came from, this separates *which weights* from *how many in which layer*.
    """
    check_seed(seed)
    random = torch.Generator().manual_seed(int(seed))
    orders = {name: torch.randperm(mask.numel(), generator=random) for name, mask in masks.items()}
    return {name: mask.flatten()[orders[name].to(mask.device)].view_as(mask) for name, mask in masks.items()}
