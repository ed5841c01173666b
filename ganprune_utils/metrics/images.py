"""From a generator's output to the pictures that likeness is measured on, and all likeness scores of a batch."""

import pandas as pd
import torch

from ganprune_utils.metrics.similarity import flat_share, ms_ssim, ssim, uqi


def as_saved(images: torch.Tensor, own_size: int) -> torch.Tensor:
    """Images in [-1, 1] (N, C, H, W) as a viewer would save them: uint8, cropped to the centre `own_size` pixels.

    On raw floats the flat backgrounds of such images make UQI meaningless: noise of 1e-4 decides the score.
    """
    if not images.is_floating_point() or not 1 <= own_size <= min(images.shape[-2:]):
        raise ValueError(
            f"images: needs floats in [-1, 1] of at least {own_size} pixels, "
            f"got {images.dtype} of {tuple(images.shape)}"
        )
    if not torch.isfinite(images).all():
        raise ValueError("images: have NaN or infinite values")
    margin = (images.shape[-1] - own_size) // 2
    inner = images[..., margin : margin + own_size, margin : margin + own_size]
    return inner.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)


def similarity_table(x: torch.Tensor, y: torch.Tensor) -> pd.DataFrame:
    """Every likeness score of two uint8 batches (N, C, H, W), tidy: one row per (sample, metric)."""
    scores = {
        "uqi": uqi(x, y, data_range=255),
        "uqi_no_flat": uqi(x, y, data_range=255, flat=False),
        "flat_share": flat_share(x, y, data_range=255),
        "uqi_sewar": uqi(x, y, data_range=255, definition="sewar"),
        "ssim": ssim(x, y, data_range=255),
        "ms_ssim": ms_ssim(x, y, data_range=255),
    }
    wide = (
        pd.DataFrame({name: score.detach().cpu().numpy() for name, score in scores.items()})
        .rename_axis("sample")
        .reset_index()
    )
    return wide.melt("sample", var_name="metric", value_name="value")
