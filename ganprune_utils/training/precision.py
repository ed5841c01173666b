"""The number format of a training's forward passes: float32, or bfloat16 by autocast (weights stay float32)."""

import warnings

import torch


def autocast(precision: str, device: str = "cpu"):
    """A context manager for forward passes in "float32" or "bfloat16".

    Warns where the processor has no instructions for bfloat16: each operation is emulated there, and a step of a U-Net
    takes 13 to 17 times as long as in float32 (measured with AVX2, widths 24 and 64).
    """
    asked = precision == "bfloat16"
    if asked and device == "cpu" and not has_bfloat16():
        warnings.warn(
            "precision = bfloat16: this processor has no instructions for it, and takes many times longer than with "
            "float32",
            stacklevel=2,
        )
    return torch.autocast(device, torch.bfloat16, enabled=asked)


def has_bfloat16() -> bool:
    """Whether this processor computes convolutions in bfloat16 natively, as PyTorch sees it."""
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()
