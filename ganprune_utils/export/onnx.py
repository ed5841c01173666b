"""A pruned generator to take home: safetensors with its card, and ONNX that runs without PyTorch."""

import contextlib
import io
import logging
import os
import shutil
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ganprune_utils.errors import ParameterError, StudyError
from ganprune_utils.export.fold_batchnorm import fold_batchnorm
from ganprune_utils.models.checkpoints import save_network
from ganprune_utils.models.state import check_unmasked

PARITY = 1e-4  # the largest difference that a pixel in [-1, 1] may have
BATCHES = (1, 2, 7)


def export(generator: nn.Module, folder, noise: torch.Tensor, card: dict) -> dict:
    """Write `generator.safetensors`, its card `generator.json`, and `generator.onnx` into the new folder `folder`.

    The ONNX graph takes `noise` of any batch size and gives `images`; BatchNorm is folded into the convolutions. It is
    run in ONNX Runtime at three batch sizes and compared before the folder appears: whole, or not at all.

    Args:
        generator: without masks; any module from one tensor to images.
        noise: at least 7 inputs, as the generator gets them in use.
        card: what the card says beside the architecture, the weights' SHA-256 and the parity.

    Returns:
        {"parity": largest difference, "bytes": {file name: size}}.

    Raises:
        ParameterError: the folder exists or cannot be made, or too little noise.
        StudyError: ONNX Runtime gives other images.
    """
    folder, generator = Path(folder).expanduser(), generator.eval()
    if os.path.lexists(folder):
        raise ParameterError(f"export {folder}: exists already; choose a new folder")
    if len(noise) < max(BATCHES):
        raise ParameterError(f"noise: the check needs {max(BATCHES)} inputs, got {len(noise)}")
    check_unmasked(generator)
    folded = generator
    with contextlib.suppress(ParameterError):  # its operations depend on its input: it is exported as it is
        folded = fold_batchnorm(generator)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise ParameterError(f"export {folder}: cannot be written ({error.strerror})") from None
    try:
        write_onnx(folded, unfinished / "generator.onnx", noise)
        parity = largest_difference(generator, unfinished / "generator.onnx", noise)
        if not parity <= PARITY:
            raise StudyError(f"export {folder}: ONNX Runtime's images differ by {parity:.1e}, allowed is {PARITY:.0e}")
        save_network(generator, unfinished / "generator.safetensors", {**card, "onnx_parity": parity})
        unfinished.chmod(0o755)
        os.rename(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return {"parity": parity, "bytes": {path.name: path.stat().st_size for path in sorted(folder.iterdir())}}


def write_onnx(model: nn.Module, path, inputs: torch.Tensor) -> None:
    """Write `model` as ONNX with the input "noise", the output "images" and a free batch size."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)  # the exporter reports its progress; what fails is raised
        try:
            names = {"input_names": ["noise"], "output_names": ["images"]}
            options = {"dynamo": True, "external_data": False, "verbose": False} | names
            free = ({0: torch.export.Dim("batch")},)
            torch.onnx.export(model, (inputs[:2],), str(path), dynamic_shapes=free, **options)
        finally:
            logging.disable(before)


@torch.no_grad()
def largest_difference(model: nn.Module, path, inputs: torch.Tensor) -> float:
    """The largest absolute difference between `model` and the ONNX file, over batches of several sizes."""
    session = onnx_session(path, threads=1)
    batches = [inputs[:n] for n in BATCHES]
    return float(max(np.abs(session.run(None, {"noise": x.numpy()})[0] - model(x).numpy()).max() for x in batches))


def onnx_runner(model: nn.Module, noise: torch.Tensor, threads: int):
    """`model`, BatchNorm folded, as a function from noise to images that ONNX Runtime computes."""
    with tempfile.TemporaryDirectory() as place:
        write_onnx(fold_batchnorm(model), Path(place) / "generator.onnx", noise)
        session = onnx_session(Path(place) / "generator.onnx", threads)
    return lambda inputs: session.run(None, {"noise": inputs.numpy()})[0]


def onnx_session(path, threads: int):
    """An ONNX Runtime session on the CPU with so many threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Threads that spin while they wait take the cores from whoever runs next: sessions that take turns would interfere.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
