"""The usual FID, through Inception features, for people who have its weights.

Inception has seen colour photographs of 299x299 pixels. On 28x28 grey pictures its features mean little, so the study
reports the Fréchet *classifier* distance; this is here to compare with numbers of other papers on CIFAR-10.
"""

import pickle
from pathlib import Path

import torch

from ganprune_utils.errors import CheckpointError, ParameterError, first_line


def inception_fid(generated: torch.Tensor, real: torch.Tensor, weights) -> float:
    """FID (Heusel et al. 2017) of uint8 images (N, C, H, W), with the 2048 features of torch-fidelity's Inception.

    Args:
        generated, real: as many of each as the number to compare with was made of, usually 50,000; grey is repeated.
        weights: the file pt_inception-2015-12-05-6726825d.pth, which torch-fidelity publishes.

    Raises ParameterError where torch-fidelity is not installed or images are not uint8, CheckpointError where the
    weights are missing or not Inception's.
    """
    for name, images in (("generated", generated), ("real", real)):
        if images.dtype != torch.uint8 or images.ndim != 4 or len(images) < 2:
            raise ParameterError(f"{name}: needs at least 2 uint8 images (N, C, H, W), got {images.dtype}")
    if not Path(weights).is_file():
        raise CheckpointError(f"Inception weights {weights}: no such file")
    from torchmetrics.image.fid import FrechetInceptionDistance

    try:
        torch.load(weights, map_location="cpu", weights_only=True)  # torch-fidelity itself would run code in the file
        metric = FrechetInceptionDistance(feature=2048, feature_extractor_weights_path=str(weights))
    except ModuleNotFoundError:
        raise ParameterError("inception_fid: needs torch-fidelity; pip install torch-fidelity") from None
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
        reason = first_line(error)
        raise CheckpointError(f"Inception weights {weights}: truncated or of another network ({reason})") from None
    for images, is_real in ((real, True), (generated, False)):
        for batch in images.expand(-1, 3, -1, -1).split(50):
            metric.update(batch, real=is_real)
    return metric.compute().item()
