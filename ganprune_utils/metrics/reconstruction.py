"""How near an image is to the one that it should be: L1, PSNR and SSIM."""

import pandas as pd
import torch

from ganprune_utils.metrics.similarity import ssim


def reconstruction_table(made: torch.Tensor, truth: torch.Tensor) -> pd.DataFrame:
    """One row per image with its l1, psnr and ssim; both uint8 (N, C, H, W).

    l1: mean absolute difference of the pixels over 255, 0 is best. psnr: 10 log10(1 / mean squared difference) in dB,
    infinite for the same image. ssim: as in `metrics.similarity`. Raises ValueError where shapes or types differ.
    """
    if made.shape != truth.shape or not made.dtype == truth.dtype == torch.uint8:
        found = " and ".join(f"{images.dtype} {tuple(images.shape)}" for images in (made, truth))
        raise ValueError(f"images: need the same shape in uint8, got {found}")
    difference = (made.double() - truth.double()).flatten(1) / 255
    scores = {"l1": difference.abs().mean(1), "psnr": -10 * difference.square().mean(1).log10()}
    scores["ssim"] = ssim(made, truth, data_range=255)
    return pd.DataFrame({name: score.cpu().numpy() for name, score in scores.items()})
