"""A pruned generator to take home: safetensors with its card, and ONNX that runs without PyTorch."""

import contextlib
import inspect
import io
import logging
import os
import re
import shutil
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ganprune_utils.errors import ParameterError, StudyError, first_line
from ganprune_utils.export.fold_batchnorm import fold_batchnorm
from ganprune_utils.models.checkpoints import save_network
from ganprune_utils.models.inputs import Inputs, one_line, unchanged
from ganprune_utils.models.state import check_unmasked, original, plain_copy

PARITY = {torch.float32: 1e-4, torch.float16: 1e-2}  # the largest difference that a pixel in [-1, 1] may have
BATCHES = (1, 2, 7)


def export(generator: nn.Module, folder, noise, card: dict) -> dict:
    """Write `generator.safetensors`, its card `generator.json`, and `generator.onnx` into the new folder `folder`.

    The ONNX graph takes `noise` of any batch size and gives `images`; several inputs have the names that `forward`
    gives them. BatchNorm, spectral and weight norm are folded into the convolutions. The graph is run in ONNX Runtime
    at three batch sizes and compared before the folder appears: whole, or not at all. The generator stays as it is.

    Args:
        generator: without masks; any module, in float32 or float16.
        noise: at least 7 inputs, as the generator gets them in use: a tensor, or several (`models.inputs.Inputs`).
        card: what the card says beside the architecture, the weights' SHA-256 and the parity.

    Returns:
        {"parity": largest difference, "bytes": {file name: size}}.

    Raises:
        ParameterError: the folder exists or cannot be made, too little noise, or a generator that cannot be exported.
        StudyError: ONNX Runtime gives other images.
    """
    folder, network, inputs = Path(folder).expanduser(), original(generator), Inputs.of(noise)
    if os.path.lexists(folder):
        raise ParameterError(f"export {folder}: exists already; choose a new folder")
    if len(inputs) < max(BATCHES):
        raise ParameterError(f"noise: the check needs {max(BATCHES)} inputs, got {len(inputs)}")
    check_unmasked(network)
    plain = plain_copy(network).cpu().eval()
    inputs = inputs.to(plain)
    kind = _check_image(plain, inputs)
    folded = plain
    with contextlib.suppress(ParameterError):  # its operations depend on its input: it is exported as it is
        folded = fold_batchnorm(plain)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise ParameterError(f"export {folder}: cannot be written ({error.strerror})") from None
    try:
        write_onnx(folded, unfinished / "generator.onnx", inputs)
        with one_line(network, "cannot be run by ONNX Runtime"):
            parity = largest_difference(plain, unfinished / "generator.onnx", inputs)
        if not parity <= PARITY[kind]:
            allowed = f"{PARITY[kind]:.0e}"
            raise StudyError(f"export {folder}: ONNX Runtime's images differ by {parity:.1e}, allowed is {allowed}")
        save_network(network, unfinished / "generator.safetensors", {**card, "onnx_parity": parity})
        unfinished.chmod(0o755)
        os.rename(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return {"parity": parity, "bytes": {path.name: path.stat().st_size for path in sorted(folder.iterdir())}}


@torch.no_grad()
def _check_image(model: nn.Module, inputs: Inputs) -> torch.dtype:
    """The images' type, which `PARITY` has to know; ParameterError where two calls give different images."""
    batch, name = next(inputs.split(2)), type(model).__name__
    with unchanged(model), one_line(model, f"cannot be run on {batch}"):
        images, again = batch.call(model), batch.call(model)
    if images.dtype not in PARITY:
        allowed = ", ".join(map(str, PARITY))
        raise ParameterError(f"model {name}: its images are {images.dtype}; exported are {allowed}")
    if not torch.equal(images, again):
        raise ParameterError(f"model {name}: gives other images each time; what its forward draws has to be an input")
    return images.dtype


class _Graph(nn.Module):
    """A network as a function from its inputs at `places` to its images; all other inputs are fixed."""

    def __init__(self, model: nn.Module, inputs: Inputs, places: list[int | str]):
        super().__init__()
        self.model, self.inputs, self.places = model, inputs, places

    def forward(self, *tensors):
        given = _given(self.inputs) | dict(zip(self.places, tensors, strict=True))
        arguments = [given[place] for place in range(len(self.inputs.arguments))]
        return self.inputs.image(self.model(*arguments, **{name: given[name] for name in self.inputs.keywords}))


def _given(inputs: Inputs) -> dict[int | str, object]:
    """All inputs by their place in `forward`: a position or a name."""
    return dict(enumerate(inputs.arguments)) | inputs.keywords


def _graph_inputs(model: nn.Module, inputs: Inputs) -> dict[str, int | str]:
    """The ONNX graph's inputs, those with a row for each sample: name -> place in `forward`."""
    given = _given(inputs).items()
    places = [p for p, x in given if isinstance(x, torch.Tensor) and x.ndim and len(x) == len(inputs)]
    if len(places) == 1:
        return {"noise": places[0]}
    parameters = list(inspect.signature(model.forward).parameters)
    return {p if isinstance(p, str) else (parameters[p : p + 1] or [f"input{p}"])[0]: p for p in places}


def write_onnx(model: nn.Module, path, inputs) -> None:
    """Write `model` as ONNX with a free batch size and the output "images"; a single input is called "noise".

    Raises ParameterError with the cause where PyTorch cannot export the model.
    """
    inputs = Inputs.of(inputs)
    named, example = _graph_inputs(model, inputs), next(inputs.split(2))
    graph, tensors = _Graph(model, example, list(named.values())), tuple(_given(example)[p] for p in named.values())
    free = ((({0: torch.export.Dim("batch")},) * len(tensors)),)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.ERROR)  # the exporter reports its progress; what fails is raised
        try:
            try:
                program = torch.export.export(graph, tensors, dynamic_shapes=free, strict=False)
            except Exception:  # by reading the code instead of running it a `len(x)` stays free too
                program = torch.export.export(graph, tensors, dynamic_shapes=free, strict=True)
            names = {"input_names": list(named), "output_names": ["images"]}
            torch.onnx.export(program, (), str(path), dynamo=True, external_data=False, verbose=False, **names)
        except Exception as error:
            raise ParameterError(f"model {type(model).__name__}: cannot be exported ({_cause(error)})") from None
        finally:
            logging.disable(before)


def _cause(error: Exception) -> str:
    """What made an export fail, below the exporter's own words, and the operator where it names one."""
    operator = ""
    while error.__cause__ is not None:
        if named := re.search(r"target=torch\.ops\.([\w.]+)", str(error)):
            operator = f"{named[1]}: "
        error = error.__cause__
    if "specialized it to be a constant" in str(error):
        return "its forward fixes the number of samples; taken from x.shape[0] it stays free"
    if "Unsupported attribute type" in str(error):
        return f"{operator}one of its settings follows from the inputs, which ONNX cannot say"
    return operator + first_line(error)


@torch.no_grad()
def largest_difference(model: nn.Module, path, inputs) -> float:
    """The largest absolute difference between `model` and the ONNX file, over batches of several sizes."""
    inputs = Inputs.of(inputs)
    run = _runner(onnx_session(path, threads=1), _graph_inputs(model, inputs))
    batches = [next(inputs.split(n)) for n in BATCHES]
    return float(max(np.abs(run(batch) - batch.call(model).numpy()).max() for batch in batches))


def onnx_runner(model: nn.Module, noise, threads: int):
    """`model`, BatchNorm folded, as a function from noise to images that ONNX Runtime computes."""
    with tempfile.TemporaryDirectory() as place:
        write_onnx(fold_batchnorm(model), Path(place) / "generator.onnx", noise)
        session = onnx_session(Path(place) / "generator.onnx", threads)
    return _runner(session, _graph_inputs(model, Inputs.of(noise)))


def _runner(session, named: dict[str, int | str]):
    def run(inputs):
        given = _given(Inputs.of(inputs))
        return session.run(None, {x.name: given[named[x.name]].numpy() for x in session.get_inputs()})[0]

    return run


def onnx_session(path, threads: int):
    """An ONNX Runtime session on the CPU with so many threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Threads that spin while they wait take the cores from whoever runs next: sessions that take turns would interfere.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
