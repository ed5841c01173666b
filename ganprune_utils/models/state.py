"""A network's tensors as they act, whether masks of `torch.nn.utils.prune` are on or have been made permanent."""

import torch
from torch import nn


def effective_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """Weights (masks applied) and buffers, by name."""
    found, state = {}, model.state_dict()
    for name, tensor in state.items():
        if name.endswith("_mask"):
            continue
        if name.endswith("_orig"):
            name = name.removesuffix("_orig")
            tensor = tensor * state[f"{name}_mask"]
        found[name] = tensor
    return found


def effective_parameters(model: nn.Module) -> dict[str, torch.Tensor]:
    """Weights (masks applied), by name; without the buffers."""
    names = {name.removesuffix("_orig") for name, _ in model.named_parameters()}
    return {name: tensor for name, tensor in effective_state(model).items() if name in names}
