"""A network's tensors as they act: the network inside its wrappers, its masks and reparametrisations applied."""

import copy

import torch
from torch import nn
from torch.nn.utils import parametrize, prune, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm
from torch.optim.swa_utils import AveragedModel

from ganprune_utils.errors import ParameterError

WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel, AveragedModel)


def original(model: nn.Module) -> nn.Module:
    """The network itself, inside `torch.compile`, DataParallel or a running average of its weights."""
    while True:
        if "_orig_mod" in model._modules:  # torch.compile
            model = model._orig_mod
        elif isinstance(model, WRAPPERS):
            model = model.module
        else:
            return model


def plain_copy(model: nn.Module) -> nn.Module:
    """A copy of the network itself that computes the same in evaluation mode: spectral and weight norm are folded.

    Masks stay on.
    """
    copied = safe_copy(original(model))
    for module in copied.modules():
        fold_reparametrisations(module)
    return copied


def safe_copy(model: nn.Module) -> nn.Module:
    """`copy.deepcopy`, which by itself fails on weights that a hook computed with gradients on (masks, weight norm)."""
    attributes = [value for module in model.modules() for value in vars(module).values()]
    computed = {id(x): x.detach().clone() for x in attributes if isinstance(x, torch.Tensor) and x.grad_fn is not None}
    return copy.deepcopy(model, computed)


def fold_reparametrisations(layer: nn.Module) -> None:
    """Make what spectral norm, weight norm or a parametrization computes a plain parameter, in place.

    Its value is that of evaluation mode. An optimiser that was made before does not know the new parameter.
    """
    computed = {name: found for name, found in _computed(layer).items() if f"{name}_mask" not in found[1]}
    trained = any(parameter.requires_grad for parameter in layer.parameters())
    if parametrize.is_parametrized(layer):
        # As `remove_parametrizations` does, which would also take the weight from the layer's copies.
        delattr(layer, "parametrizations")
        layer.__class__ = type(layer).__bases__[0]
    for name, (weight, sources) in computed.items():
        if f"{name}_u" in sources:
            remove_spectral_norm(layer, name)
        elif f"{name}_g" in sources:
            remove_weight_norm(layer, name)
        layer.register_parameter(name, nn.Parameter(weight.clone(), trained))


def effective_weight(layer: nn.Module) -> torch.Tensor:
    """The weight as the next forward pass in evaluation mode will use it.

    `layer.weight` is what the last forward pass used, where a hook computes it: a training step or a loaded state since
    then would not be in it. Raises KeyError where the weight is neither a parameter of the layer nor made by
    `torch.nn.utils`.
    """
    computed = _computed(layer)
    return computed["weight"][0] if "weight" in computed else layer._parameters["weight"].detach()


def effective_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """Weights (masks and reparametrisations applied) and buffers of the network itself, by name."""
    return _effective(original(model))[0]


def effective_parameters(model: nn.Module) -> dict[str, torch.Tensor]:
    """Weights (masks and reparametrisations applied), by name; without the buffers. What is shared counts once."""
    state, renamed = _effective(original(model))
    names = [renamed.get(name, name) for name, _ in original(model).named_parameters()]
    return {name: state[name] for name in names}


def check_unmasked(model: nn.Module, what: str = "make_permanent comes first") -> None:
    """Raise ParameterError where a layer carries a mask of `torch.nn.utils.prune`."""
    for name, layer in model.named_modules():
        if any(isinstance(hook, prune.BasePruningMethod) for hook in layer._forward_pre_hooks.values()):
            raise ParameterError(f"layer {name}: carries a mask; {what}")


def _effective(model: nn.Module) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The state by name, and of each tensor that a weight is computed from the weight's name."""
    state, renamed = dict(model.state_dict()), {}
    for prefix, module in model.named_modules(remove_duplicate=False):
        start = f"{prefix}." if prefix else ""
        for name, (weight, sources) in _computed(module).items():
            renamed |= {start + source: start + name for source in sources}
            state[start + name] = weight
    return {name: tensor for name, tensor in state.items() if name not in renamed}, renamed


@torch.no_grad()
def _computed(module: nn.Module) -> dict[str, tuple[torch.Tensor, list[str]]]:
    """What the module computes before it is called: name -> (value in evaluation mode, names it is computed from)."""
    found = {}
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, prune.BasePruningMethod):
            name = hook._tensor_name
            found[name] = hook.apply_mask(module), [f"{name}_orig", f"{name}_mask"]
        elif isinstance(hook, SpectralNorm):
            name = hook.name
            value = hook.compute_weight(module, do_power_iteration=False)
            found[name] = value, [f"{name}_orig", f"{name}_u", f"{name}_v"]
        elif isinstance(hook, WeightNorm):
            found[hook.name] = hook.compute_weight(module), [f"{hook.name}_g", f"{hook.name}_v"]
    if parametrize.is_parametrized(module):
        for name, chain in module.parametrizations.items():
            modes = {part: part.training for part in chain.modules()}
            value = chain.eval()()  # a spectral norm in training mode would go on with its power iteration
            for part, mode in modes.items():
                part.training = mode
            found[name] = value, [f"parametrizations.{name}.{key}" for key in chain.state_dict()]
    return found
