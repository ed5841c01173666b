"""The strided convolutions of a U-Net, with fewer multiplications than the library's.

Inner layers have few pixels and many weights: 1024 x 256 kernels of 4x4 over 2x2 pixels. There nearly half of the
products of a plain convolution are with padding; `_Direct` leaves them out. Where there are more pixels, `_Winograd`
takes Winograd's minimal filtering (Lavin and Gray 2016): 25 products for 4x4 outputs in place of 64. The sums are the
same up to rounding, and a training step of a U-Net of width 64 takes half of its time (`benchmarks/convolutions.py`).

A transposed convolution is the adjoint of a convolution, so the two modules share everything: `large` is the image on
the side of more pixels, (N, C, H, W), `small` the one of fewer, (N, filters, h, w), and the weight (filters, C, k, k).
"""

import torch
from torch import nn

from ganprune_utils.models import winograd

MIN_WEIGHTS = 2**17  # below, the library is as fast
MAX_DIRECT = 4  # pixels of the small side for products that skip the padding: more of them are many small products
MAX_WINOGRAD = 64  # pixels of the small side for Winograd's: as far as it was measured to be faster
MIN_BATCH = 16  # for Winograd's: the weights are transformed anew in each call


class Conv2d(nn.Conv2d):
    """nn.Conv2d, (N, C, H, W) to (N, filters, H', W')."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        sizes = zip(x.shape[-2:], self.kernel_size, self.stride, self.padding, strict=True)
        small = [(size + 2 * padding - kernel) // stride + 1 for size, kernel, stride, padding in sizes]
        method = _method(self, x, small)
        if method is None:
            return super().forward(x)
        return _biased(method.apply(x, self.weight, self.stride[0], self.padding[0], small, False), self.bias)


class ConvTranspose2d(nn.ConvTranspose2d):
    """nn.ConvTranspose2d, (N, C, H, W) to (N, filters, H', W')."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        method = _method(self, x, x.shape[-2:])
        if method is None:
            return super().forward(x)
        sizes = zip(x.shape[-2:], self.kernel_size, self.stride, self.padding, strict=True)
        large = [(size - 1) * stride - 2 * padding + kernel for size, kernel, stride, padding in sizes]
        return _biased(method.apply(x, self.weight, self.stride[0], self.padding[0], large, True), self.bias)


def _biased(made, bias):
    return made if bias is None else made + bias[:, None, None]


def _method(conv: nn.Module, x: torch.Tensor, small):
    """The function to apply for a small side of these sizes, or None where the library's way is taken."""
    square = len({*conv.kernel_size}) == len({*conv.stride}) == len({*conv.padding}) == 1
    plain = square and conv.groups == 1 and {*conv.dilation} == {1} and x.device.type == "cpu"
    full = x.dtype == conv.weight.dtype != torch.bfloat16 and not torch.is_autocast_enabled("cpu")
    if not plain or not full or conv.weight.numel() < MIN_WEIGHTS:
        return None
    pixels = small[0] * small[1]
    if pixels <= MAX_DIRECT:
        return _Direct
    strided = (conv.kernel_size[0], conv.stride[0], conv.padding[0]) == (4, 2, 1)
    even = not (small[0] % 2 or small[1] % 2)
    return _Winograd if strided and even and pixels <= MAX_WINOGRAD and len(x) >= MIN_BATCH else None


class _Direct(torch.autograd.Function):
    """One matrix product for each pixel of the small side and row of the kernel, without what meets padding."""

    @staticmethod
    def forward(ctx, x, weight, stride, padding, sizes, transposed):
        ctx.save_for_backward(x, weight)
        ctx.geometry = stride, padding, transposed
        if transposed:
            return _spread(x, weight, sizes, stride, padding)
        return _collect(x, weight, sizes, stride, padding)

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        stride, padding, transposed = ctx.geometry
        of_weight = torch.zeros_like(weight, memory_format=torch.channels_last)
        large, small = _last(gradient if transposed else x), _last(x if transposed else gradient)
        for pixel, patch, taps in _products(large, small, of_weight, stride, padding):
            taps.addmm_(pixel.t(), patch)
        if transposed:
            of_x = _collect(gradient, weight, x.shape[-2:], stride, padding)
        else:
            of_x = _spread(gradient, weight, x.shape[-2:], stride, padding)
        return of_x, of_weight, None, None, None, None


def _collect(large, weight, sizes, stride, padding):
    """The convolution: (N, C, H, W) to (N, filters, h, w)."""
    small = large.new_zeros(len(large), *sizes, len(weight))
    for pixel, patch, taps in _products(_last(large), small, weight, stride, padding):
        pixel.addmm_(patch, taps.t())
    return small.permute(0, 3, 1, 2)


def _spread(small, weight, sizes, stride, padding):
    """Its adjoint: (N, filters, h, w) to (N, C, H, W)."""
    large = small.new_zeros(len(small), *sizes, weight.shape[1])
    for pixel, patch, taps in _products(large, _last(small), weight, stride, padding):
        patch.addmm_(pixel, taps)
    return large.permute(0, 3, 1, 2)


def _products(large, small, weight, stride, padding):
    """Views (N, filters), (N, taps * C) and (filters, taps * C), for `large` and `small` with channels last."""
    rows = _last(weight)
    for i in range(small.shape[1]):
        for j in range(small.shape[2]):
            top, left = stride * i - padding, stride * j - padding
            across = slice(max(0, -left), min(rows.shape[2], large.shape[2] - left))
            for k in range(max(0, -top), min(rows.shape[1], large.shape[1] - top)):
                patch = large[:, top + k, left + across.start : left + across.stop]
                yield small[:, i, j], patch.flatten(1), rows[:, k, across].flatten(1)


def _last(image):
    return image.permute(0, 2, 3, 1).contiguous()


class _Winograd(torch.autograd.Function):
    """For 4x4 kernels, a stride of 2 and a padding of 1. The saved tensors are the transformed ones."""

    @staticmethod
    def forward(ctx, x, weight, stride, padding, sizes, transposed):
        small = x.shape[-2:] if transposed else sizes
        tile = winograd.tile(small)
        kernels = winograd.of_weight(weight, tile)
        ctx.sizes = tile, x.shape, weight.shape, transposed
        if transposed:
            values = winograd.of_small(x, tile)
            made = winograd.to_large(torch.bmm(values, kernels), tile, (len(x), weight.shape[1], *sizes))
        else:
            values = winograd.of_large(x, tile)
            made = winograd.to_small(torch.bmm(values, kernels.mT), tile, (len(x), len(weight), *sizes))
        ctx.save_for_backward(values, kernels)
        return made

    @staticmethod
    def backward(ctx, gradient):
        values, kernels = ctx.saved_tensors
        tile, shape, weights, transposed = ctx.sizes
        if transposed:
            small, large = values, winograd.of_large(gradient, tile)
            of_x = winograd.to_small(torch.bmm(large, kernels.mT), tile, shape)
        else:
            small, large = winograd.of_small(gradient, tile), values
            of_x = winograd.to_large(torch.bmm(small, kernels), tile, shape)
        return of_x, winograd.to_weight(torch.bmm(small.mT, large), tile, weights), None, None, None, None
