"""Which channels of a network belong together, found by following one run of it.

Every element of every activation carries a label, the channel that it comes from. Whatever moves elements (views,
permutations, chunks, concatenations, PixelShuffle ...) moves labels alike; whatever joins elements of two channels ties
their labels. No formula for any reshape is needed, and one run costs about as much as the network, however deep it is.
"""

import dataclasses
import re
from collections.abc import Mapping

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from ganprune_utils.models.inputs import Inputs
from ganprune_utils.pruning.labels import BITS, along, compact, differs, pairs
from ganprune_utils.pruning.layers import PRUNABLE

CHANNELWISE = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm, nn.GroupNorm, nn.PReLU)
FOLLOWED = (*PRUNABLE, nn.Linear, nn.Embedding, *CHANNELWISE)

# Operations of ATen by what they do to channels; element-wise ones say so themselves, but for these (the activations:
# in torch 2.11).
ELEMENTWISE = re.compile(
    "leaky_relu|elu|hardtanh|gelu|silu|mish|softplus|alias|detach|_to_copy|copy|lift_fresh|hardswish|_prelu_kernel|log_sigmoid_forward|rrelu_with_noise|bernoulli|normal"
    "|uniform|exponential"
)
MOVES = re.compile(
    "view|_unsafe_view|_reshape_alias|expand|permute|transpose|t|select|slice|split|split_with_sizes|unbind|squeeze|unsqueeze"
    "|cat|stack|repeat|pixel_shuffle|pixel_unshuffle|channel_shuffle|flip|roll|index_select|index|gather|diagonal"
    "|constant_pad_nd"
)
MIXES = re.compile(
    "mean|sum|prod|amax|amin|max|min|var|std|var_mean|std_mean|_softmax|_log_softmax|cumsum|cumprod|logsumexp"
    "|linalg_vector_norm|native_layer_norm|native_batch_norm|_native_batch_norm_legit|cudnn_batch_norm"
)
SPATIAL = re.compile(".*pool.*|.*upsample.*|grid_sampler.*|reflection_pad.*|replication_pad.*")
INPUT, WEIGHT = 1, 2  # labels of what no layer makes


def channel_axis(module: nn.Module) -> int:
    """The axis of a module's input and output along which its channels lie."""
    if isinstance(module, CHANNELWISE):
        return 1
    return -1 - len(module.kernel_size) if isinstance(module, PRUNABLE) else -1


def weight_axes(module: nn.Module) -> tuple[int | None, int | None]:
    """Axes of a layer's weight along which its output and its input channels lie."""
    if isinstance(module, PRUNABLE):
        axes = (1, 0) if module.transposed else (0, 1)
        # The second axis of a convolution in groups counts the channels of one group, which goes as a whole.
        return axes if module.groups == 1 else tuple(axis if axis == 0 else None for axis in axes)
    if isinstance(module, nn.Embedding):
        return 1, None
    return (0, 1) if isinstance(module, nn.Linear) else (0, None)


class DispatchMode(TorchDispatchMode):
    """A dispatch mode that does not import the compiler, which takes seconds."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False


class ChannelTrace(DispatchMode):
    """Follows one run of `model`, which it may change: give it a copy, without masks and reparametrisations.

    made, read, normed: labels of the output channels, input channels, or normalised channels of each module that was
        called, by name; parameters: labels (of the tensor's shape) of parameters and buffers outside of layers.
    fixed, mixed: why the channels of these labels stay, and through what channels were tied to that of this label.
    positional: names of layers that read positions of an activation, not its channels.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.count, self.within, self.pairs = 3, 0, []
        self.fixed = {INPUT: "are tied to the network's input", WEIGHT: "meet a layer's weight outside of the layer"}
        self.mixed, self.made, self.read, self.normed, self.parameters, self._slots = {}, {}, {}, {}, {}, {}
        self.positional = set()
        self._known = {}  # id -> labels, of tensors that are there before the run
        self.names = {module: name for name, module in model.named_modules() if isinstance(module, FOLLOWED)}
        of_layers = {id(p) for module in self.names for p in [*module.parameters(), *module.buffers()]}
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
            if id(tensor) in of_layers:
                self._known[id(tensor)] = torch.tensor(WEIGHT).double().to(tensor.device).expand(tensor.shape)
            elif tensor.is_floating_point() and tensor.numel() > 1:
                self.parameters[name] = self._new(tensor.numel(), tensor.device).view(tensor.shape)
                self._known[id(tensor)] = self.parameters[name]
        self.first_of_layers = self.count
        self.model = model

    @torch.no_grad()
    def run(self, inputs: Inputs) -> None:
        """Follow the network on `inputs`. Raises ParameterError where they do not say which output is the image."""
        for tensor in tree_leaves((inputs.arguments, inputs.keywords)):
            if isinstance(tensor, torch.Tensor):
                self._known[id(tensor)] = torch.tensor(INPUT).double().to(tensor.device).expand(tensor.shape)
        hooks = [module.register_forward_pre_hook(self._enter) for module in self.names]
        hooks += [module.register_forward_hook(self._leave, with_kwargs=True) for module in self.names]
        try:
            with self:
                returned = inputs.run(self.model)
        finally:
            for hook in hooks:
                hook.remove()
        inputs.image(returned)
        for tensor in _tensors(returned):
            self._fix(self._labels(tensor), "are channels of the output")
        for found in (self.made, self.read, self.normed, self.parameters):
            found |= {name: labels.long().cpu().numpy() for name, labels in found.items()}

    def classes(self, *also: np.ndarray) -> np.ndarray:
        """The class of every label: those that were tied to one another share one; each of `also` are tied as well."""
        codes = torch.cat([torch.zeros(0), *self.pairs]).long().numpy()
        more = [np.stack([labels, np.full_like(labels, labels[0])]) for labels in also]
        ends = np.concatenate([np.stack([codes // BITS, codes % BITS]), *more], 1)
        graph = coo_matrix((np.ones(ends.shape[1]), tuple(ends)), (self.count, self.count))
        return connected_components(graph, directed=False)[1]

    # -- layers -------------------------------------------------------------------------------------------------------

    def _enter(self, *_):
        self.within += 1

    def _leave(self, module, args, keywords, output):
        if self.within == 1:
            self._pass(module, args, keywords, _first(output))
        self.within -= 1

    def _pass(self, module, args, keywords, output):
        given = next((x for x in [*args, *keywords.values()] if isinstance(x, torch.Tensor)), None)
        labels, axis, name = self._labels(given), channel_axis(module), self.names[module]
        if isinstance(module, CHANNELWISE):
            count = output.shape[1] if not isinstance(module, nn.PReLU) else module.num_parameters
            if isinstance(module, nn.PReLU) and count == 1:
                return self._set(output, labels)
            made = self.normed[name] = self._slot(module, 0, count, output.device)
            if labels is None:
                self._fix(made, f"are normalised by {name} where it is not known which they are")
            else:
                self._tie(labels.movedim(1, -1), made)
            if isinstance(module, nn.GroupNorm):
                self._mix(made.view(module.num_groups, -1), [1], name)
            return self._set(output, along(made, axis, output.shape))
        if labels is not None and not isinstance(module, nn.Embedding):
            moved = labels.movedim(axis, -1)
            if not differs(moved, -1) and any(differs(moved, i) for i in range(moved.ndim - 1)):
                # It reads pixels, as a blur of each channel for itself does: the channels lie along another axis.
                self.positional.add(name)
                dims = range(axis, 0) if isinstance(module, PRUNABLE) else [-1]
                return self._set(output, self._mix(labels, dims, name).expand(output.shape))
            read = self.read[name] = self._slot(module, 1, given.shape[axis], output.device)
            self._tie(moved, read)
        made = self.made[name] = self._slot(module, 0, output.shape[axis], output.device)
        if getattr(module, "groups", 1) > 1:  # a group of channels comes and goes as a whole
            parts = [labels.view(module.groups, -1) for labels in (self.read.get(name), made) if labels is not None]
            self._mix(torch.cat(parts, 1), [1], name)
        self._set(output, along(made, axis, output.shape))

    def _slot(self, module, side: int, count: int, device) -> torch.Tensor:
        """Labels of a module's output (side 0) or input channels (1); layers that share a weight share them."""
        weight = getattr(module, "weight", None)
        key = (id(module if weight is None else weight), weight_axes(module)[side])
        if key not in self._slots:
            self._slots[key] = self._new(count, device)
        return self._slots[key]

    # -- everything else ----------------------------------------------------------------------------------------------

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if self.within or _first(out) is None:
            return out
        name = func._schema.name.split("::")[1].rstrip("_")
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        labels = [self._labels(x) for x in given]
        fresh = name.startswith("new_") or name.endswith("_like")
        if not fresh and any(some is not None for some in labels):
            try:
                self._follow(func, name, args, kwargs or {}, given, labels, out)
            except Exception:  # an operation called in a way that is not foreseen here
                self._fix_all(labels, f"go through {name}, where channels cannot be followed")
        return out

    def _follow(self, func, name, args, kwargs, given, labels, out):
        if name == "copy" and args[0]._base is not None:
            return self._fix_all(labels, "are written into a part of a tensor")
        if torch.Tag.pointwise in func.tags or ELEMENTWISE.fullmatch(name):
            shape = _first(out).shape
            joined = None
            for operand in labels[1:] if name == "copy" else labels:
                joined = operand if joined is None else self._join(joined, operand, shape)
            return self._set(_first(out), joined.expand(shape))
        if MOVES.fullmatch(name):
            if name in ("view", "_unsafe_view", "_reshape_alias", "expand"):
                moved = getattr(labels[0], "expand" if name == "expand" else "reshape")(out.shape)
            else:
                moved = func(*tree_map(self._as_labels, args), **kwargs)
            outs, moved = ([out], [moved]) if isinstance(out, torch.Tensor) else (out, moved)
            for tensor, part in zip(outs, moved, strict=True):
                self._set(tensor, part)
            return None
        if name == "glu":
            first, second = labels[0].chunk(2, kwargs.get("dim", args[1] if len(args) > 1 else -1))
            self._tie(first, second)
            return self._set(out, first)
        if MIXES.fullmatch(name) or SPATIAL.fullmatch(name):
            return self._reduce(func, name, args, kwargs, labels[0], out)
        if name in ("bmm", "mm"):
            return self._multiply(*map(self._as_labels, given), out)
        if name == "convolution" and args[8] == given[0].shape[1] == given[1].shape[0]:  # each channel for itself
            if labels[1] is not None and differs(labels[1], 0):
                kernels = self._mix(labels[1], range(1, out.ndim), name).flatten()
                self._tie(labels[0].movedim(1, -1), kernels)
            return self._set(out, self._mix(labels[0], range(2, out.ndim), name).expand(out.shape))
        return self._fix_all(labels, f"go through {name}, where channels cannot be followed")

    def _join(self, a, b, shape):
        """Labels of an element-wise operation: what meets is tied, but where one channel meets many."""
        if b is None or a is b:
            return a
        for one, many in ((a, b), (b, a)):
            wide, offset = many.expand(shape), len(shape) - one.ndim
            spread = [i for i in range(len(shape)) if i < offset or one.shape[i - offset] < shape[i]]
            if any(differs(wide, i) for i in spread):
                of_layers = one[one >= self.first_of_layers]
                self._fix(of_layers, "each meet many channels at once, as a scale of all of them")
                return many
        a, b = a.expand(shape), b.expand(shape)
        self._tie(a, b)
        small_a, small_b = compact(a, b)
        return torch.where(small_a > 0, small_a, small_b).expand(shape)

    def _reduce(self, func, name, args, kwargs, labels, out):
        first, ndim = _first(out), labels.ndim
        if SPATIAL.fullmatch(name):
            dims = range(2, ndim)
        elif name == "native_layer_norm":
            dims = range(ndim - len(args[1]), ndim)
        elif "batch_norm" in name:
            dims = [0, *range(2, ndim)]
        else:
            names = [argument.name for argument in func._schema.arguments]
            bound = dict(zip(names, args, strict=False)) | kwargs
            dims = bound.get("dim")
            dims = [dims] if isinstance(dims, int) else dims or range(ndim)
        left = self._mix(labels, dims, name)
        for tensor in [first] if "norm" in name else [t for t in tree_leaves(out) if isinstance(t, torch.Tensor)]:
            same = tensor.ndim == ndim
            self._set(tensor, left.expand(tensor.shape) if same else left.reshape(tensor.shape))

    def _multiply(self, a, b, out):
        """Labels of a product of matrices (..., i, k) and (..., k, j)."""
        labelled = [(x > 0).any() for x in (a, b)]
        if any(differs(x, i) for x in (a, b) for i in range(x.ndim - 2)):
            return self._fix_all([a, b], "are split into heads")
        inner = differs(a, -1), differs(b, -2)
        if not any(inner) and not all(labelled):  # a sum over positions
            one = a[..., :1] if labelled[0] else b[..., :1, :]
            return self._set(out, one.expand(out.shape))
        if all(inner) and not differs(a, -2) and not differs(b, -1):  # a sum over channels
            return self._tie(a[..., 0, :], b[..., 0])
        return self._fix_all([a, b], "meet in a product of matrices that is no layer")

    # -- labels -------------------------------------------------------------------------------------------------------

    def _new(self, count: int, device) -> torch.Tensor:
        self.count += count
        return torch.arange(self.count - count, self.count, dtype=torch.float64, device=device)

    def _labels(self, tensor):
        if not isinstance(tensor, torch.Tensor):
            return None
        return getattr(tensor, "_channel_labels", self._known.get(id(tensor)))

    def _set(self, tensor: torch.Tensor, labels) -> None:
        tensor._channel_labels = labels

    def _as_labels(self, x):
        """Labels in place of a tensor; what carries none counts as no channel."""
        if not isinstance(x, torch.Tensor) or not (x.is_floating_point() or self._labels(x) is not None):
            return x
        labels = self._labels(x)
        return torch.zeros((), dtype=torch.float64, device=x.device).expand(x.shape) if labels is None else labels

    def _tie(self, a: torch.Tensor, b: torch.Tensor) -> bool:
        found = pairs(*torch.broadcast_tensors(a, b))
        if len(found):
            self.pairs.append(found)
        return len(found) > 0

    def _mix(self, labels: torch.Tensor, dims, what: str) -> torch.Tensor:
        """Tie what differs along `dims`, and give one label for it, with these axes of length one."""
        one = labels
        for dim in dims:
            one = one.amax(dim, keepdim=True) if differs(one, dim) else one.narrow(dim, 0, 1)
        if self._tie(labels, one):
            self.mixed |= dict.fromkeys(one.unique().long().tolist(), what)
        return one

    def _fix(self, labels, reason: str) -> None:
        if labels is not None:
            (small,) = compact(labels)
            for label in small.unique().tolist():
                self.fixed.setdefault(int(label), reason)

    def _fix_all(self, labels, reason: str) -> None:
        for some in labels:
            self._fix(some, reason)


def _first(found):
    return next((x for x in tree_leaves(found) if isinstance(x, torch.Tensor)), None)


def _tensors(returned) -> list[torch.Tensor]:
    """All tensors that a network returned, in tuples, lists, dictionaries and dataclasses."""
    if isinstance(returned, torch.Tensor):
        return [returned]
    if dataclasses.is_dataclass(returned):
        returned = [getattr(returned, field.name) for field in dataclasses.fields(returned)]
    if isinstance(returned, Mapping):
        returned = list(returned.values())
    return [x for part in returned for x in _tensors(part)] if isinstance(returned, tuple | list) else []
