"""The strided convolutions of a U-Net, with fewer multiplications than the library's.

Inner layers have few pixels and many weights: 1024 x 256 kernels of 4x4 over 2x2 pixels. There nearly half of the
products of a plain convolution are with padding; `_Direct` leaves them out. Where there are more pixels, `_Winograd`
takes Winograd's minimal filtering: 25 products in place of 64. The sums are the same up to rounding, and a training
step of a U-Net of width 64 (batches of 64 pictures of 32x32, one thread) takes half of its time
(`benchmarks/convolutions.py`). For training and inference on the CPU; what is exported or traced is the library's.

A transposed convolution is the adjoint of a convolution, so the two modules share everything: `large` is the image on
the side of more pixels, (N, C, H, W), `small` the one of fewer, (N, filters, h, w), and the weight (filters, C, k, k).
"""

from contextlib import contextmanager

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from ganprune_utils.models import winograd

MIN_WEIGHTS = 2**17  # below, the library is as fast
MIN_BATCH = 16  # below, reading or transforming the weights takes the time
MAX_DIRECT = 4  # pixels of the small side for `_Direct`: more of them are many small products
MAX_WINOGRAD = 64  # pixels of the small side for `_Winograd`: as far as it was measured to be faster

_own = True


@contextmanager
def library():
    """Within it all layers are the library's, whatever their size: for comparing and counting."""
    global _own
    before, _own = _own, False
    try:
        yield
    finally:
        _own = before


class Conv2d(nn.Conv2d):
    """nn.Conv2d, (N, C, H, W) to (N, filters, h, w)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not _can(self, x):
            return super().forward(x)
        sizes = zip(x.shape[-2:], self.kernel_size, self.stride, self.padding, strict=True)
        small = [(size + 2 * padding - kernel) // stride + 1 for size, kernel, stride, padding in sizes]
        method = _method(self, small)
        if method is None:
            return super().forward(x)
        return _biased(method.apply(x, self.weight, self.stride[0], self.padding[0], small, False), self.bias)


class ConvTranspose2d(nn.ConvTranspose2d):
    """nn.ConvTranspose2d, (N, filters, h, w) to (N, C, H, W)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        method = _method(self, x.shape[-2:]) if _can(self, x) else None
        if method is None:
            return super().forward(x)
        sizes = zip(x.shape[-2:], self.kernel_size, self.stride, self.padding, strict=True)
        large = [(size - 1) * stride - 2 * padding + kernel for size, kernel, stride, padding in sizes]
        return _biased(method.apply(x, self.weight, self.stride[0], self.padding[0], large, True), self.bias)


def _biased(made, bias):
    return made if bias is None else made + bias[:, None, None]


def _can(conv: nn.Module, x: torch.Tensor) -> bool:
    """Whether a layer is of a kind, and its input a batch, for which there is a method."""
    if not _own or type(x) is not torch.Tensor or torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    batch = x.dim() == 4 and x.device.type == "cpu" and len(x) >= MIN_BATCH
    full = x.dtype == conv.weight.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled("cpu")
    square = all(len({*sizes}) == 1 for sizes in (conv.kernel_size, conv.stride, conv.padding))
    plain = conv.groups == 1 and {*conv.dilation} == {1} and {*conv.output_padding} == {0}
    plain = plain and conv.padding_mode == "zeros"
    return batch and full and square and plain and conv.weight.numel() >= MIN_WEIGHTS


def _method(conv: nn.Module, small):
    """The function to apply for a small side of these sizes, or None where the library's way is taken."""
    pixels = small[0] * small[1]
    if 0 < pixels <= MAX_DIRECT:
        return _Direct
    strided = (conv.kernel_size[0], conv.stride[0], conv.padding[0]) == (4, 2, 1)
    whole = not (small[0] % winograd.TILE or small[1] % winograd.TILE)
    return _Winograd if strided and whole and 0 < pixels <= MAX_WINOGRAD else None


class _Direct(torch.autograd.Function):
    """One matrix product for each pixel of the small side and row of the kernel, without what meets padding."""

    @staticmethod
    def forward(ctx, x, weight, stride, padding, sizes, transposed):
        ctx.save_for_backward(x, weight)
        ctx.geometry = stride, padding, transposed
        return (_spread if transposed else _collect)(x, weight, sizes, stride, padding)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        stride, padding, transposed = ctx.geometry
        large, small = (_last(gradient), _last(x)) if transposed else (_last(x), _last(gradient))
        rows = weight.new_zeros(len(weight), *weight.shape[2:], weight.shape[1])
        for pixel, patch, taps in _products(large, small, rows, stride, padding):
            taps.addmm_(pixel.t(), patch)
        of_x = (_collect if transposed else _spread)(gradient, weight, x.shape[-2:], stride, padding)
        return of_x, rows.permute(0, 3, 1, 2), None, None, None, None


def _collect(large, weight, sizes, stride, padding):
    """The convolution: (N, C, H, W) to (N, filters, h, w)."""
    small = large.new_zeros(len(large), *sizes, len(weight))
    for pixel, patch, taps in _products(_last(large), small, _last(weight), stride, padding):
        pixel.addmm_(patch, taps.t())
    return small.permute(0, 3, 1, 2)


def _spread(small, weight, sizes, stride, padding):
    """Its adjoint: (N, filters, h, w) to (N, C, H, W)."""
    large = small.new_zeros(len(small), *sizes, weight.shape[1])
    for pixel, patch, taps in _products(large, _last(small), _last(weight), stride, padding):
        patch.addmm_(pixel, taps)
    return large.permute(0, 3, 1, 2)


def _products(large, small, weight, stride, padding):
    """Views (N, filters), (N, taps * C) and (filters, taps * C) of the three, which have channels last."""
    for i in range(small.shape[1]):
        for j in range(small.shape[2]):
            top, left = stride * i - padding, stride * j - padding
            across = slice(max(0, -left), min(weight.shape[2], large.shape[2] - left))
            for k in range(max(0, -top), min(weight.shape[1], large.shape[1] - top)):
                patch = large[:, top + k, left + across.start : left + across.stop]
                yield small[:, i, j], patch.flatten(1), weight[:, k, across].flatten(1)


def _last(image):
    return image.permute(0, 2, 3, 1).contiguous()


class _Winograd(torch.autograd.Function):
    """For 4x4 kernels, a stride of 2 and a padding of 1. Keeps the transformed weight, 6.25 times its size."""

    @staticmethod
    def forward(ctx, x, weight, stride, padding, sizes, transposed):
        kernels = winograd.of_weight(weight)
        ctx.shapes = x.shape, weight.shape, transposed
        if transposed:
            values = winograd.of_small(x)
            made = winograd.to_large(torch.bmm(values, kernels), (len(x), weight.shape[1], *sizes))
        else:
            values = winograd.of_large(x)
            made = winograd.to_small(torch.bmm(values, kernels.mT), (len(x), len(weight), *sizes))
        ctx.save_for_backward(values, kernels)
        return made

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        values, kernels = ctx.saved_tensors
        shape, weights, transposed = ctx.shapes
        if transposed:
            small, large = values, winograd.of_large(gradient)
            of_x = winograd.to_small(torch.bmm(large, kernels.mT), shape)
        else:
            small, large = winograd.of_small(gradient), values
            of_x = winograd.to_large(torch.bmm(small, kernels), shape)
        return of_x, winograd.to_weight(torch.bmm(small.mT, large), weights), None, None, None, None
