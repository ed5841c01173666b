"""What a network of any kind is called with, which of its outputs is the image, and how a call leaves no trace."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping

import torch
from torch import nn

from ganprune_utils.errors import ParameterError, first_line


class Inputs:
    """The arguments of a network's `forward`, several samples at once.

    `Inputs(z)`, `Inputs(z, labels)` and `Inputs(z=z, labels=labels)` are called as they are written. Tensors with as
    many rows as the first tensor are split into batches; all else goes with each batch as it is. `output` names the
    image where the network returns several things: a position in a tuple or list, a key, or a field of a dataclass.
    """

    def __init__(self, *arguments, output: int | str | None = None, **keywords):
        self.arguments, self.keywords, self.output = arguments, keywords, output
        tensors = [
            value for value in [*arguments, *keywords.values()] if isinstance(value, torch.Tensor) and value.ndim
        ]
        if not tensors or not len(tensors[0]):
            raise ParameterError("inputs: hold no tensor with samples; give what the network's forward takes")
        self.size = len(tensors[0])

    @classmethod
    def of(cls, inputs) -> "Inputs":
        """`inputs` themselves, or made of a tensor, a tuple or list of arguments, or a dictionary by name."""
        if isinstance(inputs, Inputs):
            return inputs
        if isinstance(inputs, Mapping):
            return cls(**inputs)
        return cls(*inputs) if isinstance(inputs, tuple | list) else cls(inputs)

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        named = [*map(_words, self.arguments), *(f"{name}={_words(value)}" for name, value in self.keywords.items())]
        return named[0] if len(named) == 1 and self.arguments else f"({', '.join(named)})"

    def map(self, change) -> "Inputs":
        """The same inputs with `change(tensor)` in place of each tensor that has a row for every sample."""

        def changed(value):
            rows = isinstance(value, torch.Tensor) and value.ndim and len(value) == self.size
            return change(value) if rows else value

        keywords = {name: changed(value) for name, value in self.keywords.items()}
        return Inputs(*map(changed, self.arguments), output=self.output, **keywords)

    def split(self, batch_size: int) -> Iterator["Inputs"]:
        """Batches of at most `batch_size` samples, in order."""
        for start in range(0, self.size, batch_size):
            yield self.map(lambda tensor, start=start: tensor[start : start + batch_size])

    def to(self, model: nn.Module) -> "Inputs":
        """The same inputs on the device of `model`; floating-point ones in its floating-point type."""
        weight = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
        return self.map(lambda x: x.to(weight.device, weight.dtype if x.is_floating_point() else None))

    def call(self, model: nn.Module) -> torch.Tensor:
        """The image that `model` makes of these inputs.

        Raises ParameterError where `model` returns several things and `output` does not say which is the image.
        """
        return self.image(self.run(model))

    def run(self, model: nn.Module):
        """All that `model` returns for these inputs."""
        return model(*self.arguments, **self.keywords)

    def image(self, returned) -> torch.Tensor:
        """The image among what a network returned."""
        found = returned
        if self.output is not None:
            by_name = isinstance(self.output, str) and not isinstance(returned, Mapping)
            try:
                found = getattr(returned, self.output) if by_name else returned[self.output]
            except (AttributeError, IndexError, KeyError, TypeError):
                raise ParameterError(f"output = {self.output!r}: no such output; {_outputs(returned)}") from None
        if not isinstance(found, torch.Tensor):
            raise ParameterError(f"output: say which one is the image, as in Inputs(z, output=0); {_outputs(found)}")
        return found


@contextlib.contextmanager
def unchanged(model: nn.Module) -> Iterator[None]:
    """Give back, also after an error, the mode of every submodule, `requires_grad`, buffers and the random state."""
    modes = {module: module.training for module in model.modules()}
    wanted = {parameter: parameter.requires_grad for parameter in model.parameters()}
    buffers = {buffer: buffer.clone() for buffer in model.buffers()}
    devices = {tensor.device.index for tensor in [*wanted, *buffers] if tensor.device.type == "cuda"}
    with torch.random.fork_rng(sorted(devices)):
        try:
            yield
        finally:
            for module, mode in modes.items():
                module.training = mode
            for parameter, requires in wanted.items():
                parameter.requires_grad_(requires)
            with torch.no_grad():
                for buffer, value in buffers.items():
                    buffer.copy_(value)


@contextlib.contextmanager
def one_line(model: nn.Module, what: str) -> Iterator[None]:
    """Whatever a network of any kind raises becomes one ParameterError that names it and says `what` could not be."""
    try:
        yield
    except ParameterError:
        raise
    except Exception as error:  # whatever somebody's forward may raise
        raise ParameterError(f"model {type(model).__name__}: {what} ({first_line(error)})") from None


@torch.no_grad()
def called_modules(model: nn.Module, inputs) -> set[nn.Module]:
    """The modules of `model` whose forward runs for the first of `inputs`."""
    called, inputs = set(), Inputs.of(inputs).to(model)
    hooks = [module.register_forward_pre_hook(lambda module, _: called.add(module)) for module in model.modules()]
    try:
        with unchanged(model), one_line(model, f"cannot be run on {inputs}"):
            next(inputs.split(2)).run(model.eval())
    finally:
        for hook in hooks:
            hook.remove()
    return called


def _words(value) -> str:
    return str(tuple(value.shape)) if isinstance(value, torch.Tensor) else repr(value)


def _outputs(returned) -> str:
    kind = type(returned).__name__
    if dataclasses.is_dataclass(returned):
        return f"{kind} has {', '.join(field.name for field in dataclasses.fields(returned))}"
    if isinstance(returned, Mapping):
        return f"the {kind} has {', '.join(map(repr, returned))}"
    return f"the {kind} has 0 to {len(returned) - 1}" if isinstance(returned, tuple | list) else f"it is a {kind}"
