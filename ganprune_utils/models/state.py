"""A network's tensors as they act, whether masks of `torch.nn.utils.prune` are on or have been made permanent."""

import torch
from torch import nn


def effective_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """Weights (masks applied) and buffers, by name."""
    state = {name.removesuffix("_orig"): tensor for name, tensor in model.state_dict().items()}
    masks = {name.removesuffix("_mask"): state.pop(name) for name in list(state) if name.endswith("_mask")}
    return {name: tensor * masks[name] if name in masks else tensor for name, tensor in state.items()}


def effective_parameters(model: nn.Module) -> dict[str, torch.Tensor]:
    """Weights (masks applied), by name; without the buffers."""
    names = {name.removesuffix("_orig") for name, _ in model.named_parameters()}
    return {name: tensor for name, tensor in effective_state(model).items() if name in names}
