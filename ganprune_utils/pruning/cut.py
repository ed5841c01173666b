"""Cutting the filters of a group out of a network, and the proof by values that nothing else changed."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import nn

from ganprune_utils.errors import first_line
from ganprune_utils.models.inputs import Inputs, one_line
from ganprune_utils.models.state import original, plain_copy
from ganprune_utils.pruning.channels import DispatchMode, channel_axis, weight_axes
from ganprune_utils.pruning.layers import PRUNABLE

TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-3}  # of the image's largest value; below float32 2 %


@dataclass(frozen=True)
class FilterGroup:
    """`size` filters that go together. A filter may be several channels, as the two that meet in a gate.

    `layers`, `norms`, `consumers` and `others` map a name to the filter (0, 1, ...) that each channel belongs to, -1
    where it belongs to none of this group: outputs of convolutions, channels of norms, inputs of the layers that read
    them, and what else is tied: outputs of linear layers and embeddings, parameters outside of layers (in a shape that
    broadcasts to theirs).
    """

    size: int
    layers: dict[str, torch.Tensor] = field(default_factory=dict)
    norms: dict[str, torch.Tensor] = field(default_factory=dict)
    consumers: dict[str, torch.Tensor] = field(default_factory=dict)
    others: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The tied layers by name, joined by a plus sign."""
        return " + ".join([*self.layers, *self.others])


Groups = dict[str, FilterGroup]
Removed = dict[str, torch.Tensor]


def channels_of(groups: Groups, removed: Removed, *roles: str) -> dict[str, torch.Tensor]:
    """Which channels belong to the filters `removed` (group name -> indices), by the name of the module: boolean."""
    gone = {}
    for group, indices in removed.items():
        for role in roles:
            for name, owner in getattr(groups[group], role).items():
                gone[name] = gone.get(name, False) | torch.isin(owner, indices)
    return gone


@torch.no_grad()
def cut(model: nn.Module, groups: Groups, removed: Removed) -> None:
    """Remove filters (group name -> indices) in place, with everything that belongs to them."""
    made = channels_of(groups, removed, "layers", "norms", "others")
    read = channels_of(groups, removed, "consumers")
    modules, replaced = dict(model.named_modules()), {}

    def narrow(owner: nn.Module, name: str, axis: int, gone: torch.Tensor) -> None:
        old = getattr(owner, name, None)
        if not isinstance(old, torch.Tensor):
            return
        if (id(old), axis) not in replaced:  # a weight that layers share stays shared
            new = old.detach().index_select(axis, (~gone).nonzero().flatten().to(old.device))
            new = nn.Parameter(new, old.requires_grad) if isinstance(old, nn.Parameter) else new
            replaced[id(old), axis] = old, new  # `old` as well, so that its id stays its own
        setattr(owner, name, replaced[id(old), axis][1])

    for name, gone in made.items():
        if name not in modules:  # a parameter or buffer outside of layers
            owner, _, attribute = name.rpartition(".")
            axis = max(range(gone.ndim), key=lambda i: gone.shape[i])
            narrow(modules[owner], attribute, axis, gone.flatten())
    for name in [name for name in modules if name in made or name in read]:
        _cut_module(modules[name], made.get(name), read.get(name), narrow)


def _cut_module(module: nn.Module, made: torch.Tensor | None, read: torch.Tensor | None, narrow) -> None:
    for gone, axis, count in zip((made, read), weight_axes(module), _counts(module), strict=True):
        if gone is not None:
            setattr(module, count, int((~gone).sum()))
            if axis is not None:
                narrow(module, "weight", axis, gone)
    if made is not None:
        for name in ("bias", "running_mean", "running_var"):
            narrow(module, name, 0, made)
        for name in {"groups", "num_groups"} & vars(module).keys():  # groups go as a whole
            if getattr(module, name) > 1:
                setattr(module, name, getattr(module, name) * int((~made).sum()) // len(made))


def _counts(module: nn.Module) -> tuple[str, str | None]:
    """Attributes in which a layer counts its output and its input channels."""
    named = {nn.Linear: ("out_features", "in_features"), nn.Embedding: ("embedding_dim", None)}
    named |= {nn.GroupNorm: ("num_channels", None), nn.PReLU: ("num_parameters", None)}
    other = ("out_channels", "in_channels") if isinstance(module, PRUNABLE) else ("num_features", None)
    return named.get(_kind(module), other)


def _kind(module: nn.Module) -> type | None:
    kinds = (nn.Linear, nn.Embedding, nn.GroupNorm, nn.PReLU)
    return next((kind for kind in kinds if isinstance(module, kind)), None)


@contextlib.contextmanager
def unread(model: nn.Module, groups: Groups, removed: Removed) -> Iterator[None]:
    """In this context nobody reads the filters: they are zero where layers make them and where layers read them."""
    modules, hooks = dict(model.named_modules()), []

    def silenced(module, x, gone):
        shape = [1] * x.ndim
        shape[channel_axis(module)] = -1
        return torch.where(gone.to(x.device).view(shape), torch.zeros((), dtype=x.dtype, device=x.device), x)

    for name, gone in channels_of(groups, removed, "consumers").items():
        hook = lambda module, args, gone=gone: (silenced(module, args[0], gone), *args[1:])  # noqa: E731
        hooks.append(modules[name].register_forward_pre_hook(hook))
    for name, gone in channels_of(groups, removed, "layers", "norms", "others").items():
        if name in modules:
            hook = lambda module, _, output, gone=gone: silenced(module, output, gone)  # noqa: E731
            hooks.append(modules[name].register_forward_hook(hook))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


class _SameDraws(DispatchMode):
    """Whatever is drawn at random is one half: two networks of other widths would draw other numbers."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if torch.Tag.nondeterministic_seeded in func.tags and isinstance(out, torch.Tensor):
            out.fill_(0.5)
        return out


def copies(model: nn.Module) -> Iterator[nn.Module]:
    """Copies in evaluation mode to compute with, in float64 and, for a forward that cannot do that, in its own type."""
    with one_line(original(model), "cannot be copied"):
        copied = plain_copy(model).eval()
    yield copied.double()
    yield plain_copy(model).eval()


@torch.no_grad()
def difference(model: nn.Module, small: nn.Module, inputs: Inputs, groups: Groups, removed: Removed) -> str | None:
    """None where the image of `small` is that of `model` in which nobody reads the filters `removed`, or what differs.

    `inputs` fit both networks, which are in evaluation mode.
    """
    with _SameDraws(), unread(model, groups, removed):
        wanted = inputs.map(torch.clone).call(model)
    try:
        with _SameDraws():
            found = inputs.map(torch.clone).call(small)
    except Exception as error:  # whatever somebody's forward may raise
        return f"without some filters forward fails, as where their number is written into it ({first_line(error)})"
    if found.shape != wanted.shape:
        return f"without some filters the image is {tuple(found.shape)}, not {tuple(wanted.shape)}"
    if not (found - wanted).abs().max() <= TOLERANCE.get(wanted.dtype, 0.02) * wanted.abs().max():
        return "without some filters the others do not do the same as before"
    return None
