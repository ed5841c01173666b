"""What a network costs: parameters, multiply-accumulates, time, memory and bytes on disk.

Times are medians with their spread, of calls that alternate between the networks compared, so that whatever else the
machine does meets all of them alike.
"""

import functools
import io
import itertools
import math
import os
import statistics
import time
import zipfile
from collections.abc import Callable

import pandas as pd
import torch
from safetensors.torch import save
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from ganprune_utils.errors import ParameterError
from ganprune_utils.models.inputs import Inputs, one_line, unchanged
from ganprune_utils.models.state import effective_parameters, effective_state, safe_copy

# PyTorch's profiler would write lines of its own into every notebook that measures memory.
os.environ.setdefault("KINETO_LOG_LEVEL", "99")


def parameters(model: nn.Module) -> dict[str, int]:
    """`parameters`, and `nonzeros` among them as they act: a masked weight is a zero."""
    tensors = effective_parameters(model).values()
    return {"parameters": sum(t.numel() for t in tensors), "nonzeros": sum(int((t != 0).sum()) for t in tensors)}


@torch.no_grad()
def macs(model: nn.Module, example) -> int:
    """Multiply-accumulates of the convolutions and matrix products for one sample of the inputs `example` (N, ...).

    PyTorch's own counter, exact for transposed convolutions; a multiplication and an addition are one. Zeros and what
    meets padding count: the library's dense kernels multiply by them too.
    """
    sample = next(Inputs.of(example).to(model).split(1))
    with unchanged(model), one_line(model, f"cannot be run on {sample}"), FlopCounterMode(display=False) as counter:
        sample.run(model.eval())
    return counter.get_total_flops() // 2


@torch.no_grad()
def by_layer(model: nn.Module, example) -> pd.DataFrame:
    """One row per convolution or linear layer, in the order in which they run on one of the inputs `example` (N, ...).

    Columns: layer; channels and side (pixels, 1 for a vector) of what it gives; weights without biases; macs.
    """
    rows, hooks = [], []

    def note(name, layer, _, output):
        side = output.shape[-1] if output.ndim == 4 else 1
        total = counter.get_total_flops() // 2 - sum(row["macs"] for row in rows)
        row = {"layer": name, "channels": output.shape[1], "side": side}
        rows.append(row | {"weights": layer.weight.numel(), "macs": total})

    sample = next(Inputs.of(example).to(model).split(1))
    with unchanged(model), one_line(model, f"cannot be run on {sample}"), FlopCounterMode(display=False) as counter:
        for name, layer in model.named_modules():
            if isinstance(layer, nn.Linear | nn.modules.conv._ConvNd):
                hooks.append(layer.register_forward_hook(functools.partial(note, name)))
        try:
            sample.run(model.eval())
        finally:
            for hook in hooks:
                hook.remove()
    return pd.DataFrame(rows)


def latency(
    calls: dict[str, Callable[[], object]], threads: int = 1, seconds: float = 2.0, at_least: int = 7
) -> dict[str, dict[str, float]]:
    """Milliseconds a call, name -> {"median", "low", "high"} with the quartiles.

    The calls take turns, for about `seconds` each and at least `at_least` rounds, after two that are not counted.
    """
    if at_least < 3:
        raise ParameterError(f"at_least = {at_least}: a median with quartiles needs at least 3 rounds")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    times = {name: [] for name in calls}
    try:
        end = time.perf_counter() + seconds * len(calls)
        while len(times[next(iter(calls))]) < at_least + 2 or time.perf_counter() < end:
            for name, call in calls.items():
                start = time.perf_counter()
                call()
                times[name].append(1000 * (time.perf_counter() - start))
    finally:
        torch.set_num_threads(before)
    quartiles = {name: statistics.quantiles(values[2:], n=4) for name, values in times.items()}
    return {name: {"median": median, "low": low, "high": high} for name, (low, median, high) in quartiles.items()}


def runs(model: nn.Module, inputs) -> Callable[[], object]:
    """A call of a copy of `model` on `inputs` in evaluation mode, without gradients, for `latency`.

    Both are laid out channels last, as one would deploy them: convolutions on a CPU are fastest so, narrow ones most.
    A network whose `view` does not take that layout runs in the usual one.
    """
    inputs = Inputs.of(inputs).to(model)

    def prepared(layout):
        def laid_out(tensor):
            return tensor.contiguous(memory_format=layout) if tensor.ndim == 4 else tensor

        network, batch = safe_copy(model).eval(), inputs.map(laid_out)
        for tensor in (*network.parameters(), *network.buffers()):
            tensor.data = laid_out(tensor.data)

        def call():
            with torch.inference_mode():
                return batch.run(network)

        return call

    with unchanged(model), one_line(model, f"cannot be run on {inputs}"):
        call = prepared(torch.channels_last)
        try:
            call()
        except RuntimeError:
            call = prepared(torch.contiguous_format)
            call()
    return call


@torch.no_grad()
def peak_memory(model: nn.Module, inputs) -> int:
    """Bytes that the tensors of one forward pass occupy at most at one time, weights and inputs not counted.

    From PyTorch's profiler, so that what the operators allocate inside is counted, but not what libraries below
    PyTorch take for themselves.
    """
    inputs = Inputs.of(inputs).to(model)
    with unchanged(model), one_line(model, f"cannot be run on {inputs}"):
        inputs.run(model.eval())
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
            kept = inputs.run(model)
    del kept
    events = [e for e in record.profiler.kineto_results.events() if e.name() == "[memory]"]
    steps = [event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())]
    return max(itertools.accumulate(steps, initial=0))


def bytes_on_disk(model: nn.Module) -> dict[str, int]:
    """Bytes of the weights: `dense` as a safetensors file, `zipped` that file deflated, and `sparse`.

    Sparse is the smaller of two ways to store a tensor, chosen for each: as it is, or as its non-zero values (4 bytes)
    with a bit a place saying where they are.
    """
    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in effective_state(model).items()}
    dense = save(state)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights.safetensors", dense)
    tensors = state.values()
    stored = [min(t.nbytes, int((t != 0).sum()) * t.element_size() + math.ceil(t.numel() / 8)) for t in tensors]
    header = len(dense) - sum(t.nbytes for t in tensors)
    return {"dense": len(dense), "zipped": len(packed.getvalue()), "sparse": header + sum(stored)}
