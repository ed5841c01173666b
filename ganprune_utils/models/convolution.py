"""Strided convolutions that are computed as one matrix product where their pixels are few and their weights many.

The innermost layers of a U-Net are so: 1024 x 256 kernels of 4x4 over 2x2 pixels. The library's convolutions are slow
there; as products the same sums, in another order, make a training step of a U-Net of width 64 take 0.62 of its time
(`benchmarks/few_pixels.py`). For plain convolutions without groups or dilation, as a U-Net's are.
"""

import torch
import torch.nn.functional as F
from torch import nn

MAX_PIXELS = 4  # the smaller of the two sides of the layer: its input, or its output, has at most 2x2 pixels
MIN_WEIGHTS = 2**20


class Conv2d(nn.Conv2d):
    """nn.Conv2d, (N, C, H, W) to (N, filters, H', W')."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        sizes = zip(x.shape[-2:], self.kernel_size, self.stride, self.padding, strict=True)
        height, width = ((size + 2 * padding - kernel) // stride + 1 for size, kernel, stride, padding in sizes)
        if not _few(self, height * width):
            return super().forward(x)
        patches = F.unfold(x, self.kernel_size, padding=self.padding, stride=self.stride)  # (N, C * taps, pixels)
        patches = patches.reshape(*x.shape[:2], -1, height * width).permute(0, 3, 2, 1)  # (N, pixels, taps, C)
        rows = self.weight.permute(0, 2, 3, 1).reshape(self.out_channels, -1)  # a view where channels are last
        made = patches.reshape(-1, rows.shape[1]) @ rows.t()
        made = made.reshape(len(x), height, width, -1).permute(0, 3, 1, 2)
        return made if self.bias is None else made + self.bias[:, None, None]


class ConvTranspose2d(nn.ConvTranspose2d):
    """nn.ConvTranspose2d, (N, C, H, W) to (N, filters, H', W')."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pixels = x.shape[-2] * x.shape[-1]
        if not _few(self, pixels):
            return super().forward(x)
        sizes = zip(x.shape[-2:], self.kernel_size, self.stride, self.padding, strict=True)
        size = [(size - 1) * stride - 2 * padding + kernel for size, kernel, stride, padding in sizes]
        rows = self.weight.permute(0, 2, 3, 1).reshape(self.in_channels, -1)  # a view where channels are last
        patches = x.permute(0, 2, 3, 1).reshape(-1, self.in_channels) @ rows
        patches = patches.reshape(len(x), pixels, -1, self.out_channels).permute(0, 3, 2, 1)
        # (N, filters, taps, pixels) to (N, filters * taps, pixels), summed up where they overlap
        made = F.fold(patches.flatten(1, 2), size, self.kernel_size, padding=self.padding, stride=self.stride)
        return made if self.bias is None else made + self.bias[:, None, None]


def _few(conv: nn.Module, pixels: int) -> bool:
    return pixels <= MAX_PIXELS and conv.weight.numel() >= MIN_WEIGHTS
