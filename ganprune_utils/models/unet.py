"""U-Net generator and PatchGAN discriminator of pix2pix (Isola, Zhu, Zhou and Efros 2017)."""

import copy
import re

import torch
from torch import nn

from ganprune_utils.data.transforms import luma

MAX_FACTOR = 8  # an inner layer has at most 8 times the filters of the first


class UNet(nn.Module):
    """Images (N, inputs, H, W) to images (N, outputs, H, W), all in [-1, 1]; H and W divisible by 2^depth.

    Layers in order: down1 to down<depth> halve the image, up<depth> to up1 double it (4x4 convolutions of stride 2).
    up<k> reads up<k+1> beside down<k>: the skip connection. BatchNorm everywhere but in down1, the bottleneck
    down<depth> and the last, up1; dropout of 0.5 in the decoder layers of the inner half, but for the innermost, as the
    authors' implementation has it at 256x256; or in the levels `dropped`. Down<k> has ngf * min(2^(k-1), 8) filters,
    and up<k> as many as down<k-1>; or those in `down` (down1, ...) and `up` (up<depth>, ..., up2), as a network whose
    filters were pruned.

    keeps_luma: the input is the luma of the output, and is put in place of what the layers made of it, as where a
        picture is coloured only its colours are asked for; values may then lie a little outside of [-1, 1].
    pixel: the bottleneck is a single pixel, so its two layers have 2x2 kernels: of 4x4 ones the rest would only ever
        meet padding. For pictures of 2^depth pixels only.
    """

    def __init__(
        self, inputs=1, outputs=3, ngf=64, depth=5, down=None, up=None, dropped=None, keeps_luma=False, pixel=False
    ):
        super().__init__()
        if keeps_luma and (inputs, outputs) != (1, 3):
            raise ValueError(f"keeps_luma needs 1 channel in and 3 out, not {inputs} and {outputs}")
        plan = [ngf * min(2**k, MAX_FACTOR) for k in range(depth)]
        down, up = list(down or plan), [*(up or plan[-2::-1]), outputs]
        self.channels, self.inputs, self.depth, self.keeps_luma = outputs, inputs, len(down), keeps_luma
        self.down, self.up = nn.ModuleDict(), nn.ModuleDict()
        dropped = _inner_half(self.depth) if dropped is None else dropped
        before = inputs
        for k, filters in enumerate(down, start=1):
            # Not in place: the skip connection needs what comes in as it was.
            activation = nn.LeakyReLU(0.2) if k > 1 else nn.Identity()
            size = _size(pixel and k == self.depth)
            self.down[f"down{k}"] = _Block(activation, nn.Conv2d, before, filters, size, normed=1 < k < self.depth)
            before = filters
        for k, filters in zip(range(self.depth, 0, -1), up, strict=True):
            size = _size(pixel and k == self.depth)
            self.up[f"up{k}"] = _Block(nn.ReLU(), nn.ConvTranspose2d, before, filters, size, k > 1, k in dropped)
            before = filters + (down[k - 2] if k > 1 else 0)

    @property
    def config(self) -> dict:
        """What its card says; read off the layers, so that it holds of a pruned network too."""
        down = [block.conv.out_channels for block in self.down.values()]
        up = [block.conv.out_channels for block in self.up.values()][:-1]
        sizes = {"inputs": self.inputs, "outputs": self.channels, "depth": self.depth}
        plain = [down[0] * min(2**k, MAX_FACTOR) for k in range(self.depth)]
        widths = {"ngf": down[0]} if (down, up) == (plain, plain[-2::-1]) else {"down": down, "up": up}
        dropped = [int(name[2:]) for name, block in self.up.items() if isinstance(block.dropout, nn.Dropout)]
        other = {} if dropped == _inner_half(self.depth) else {"dropped": dropped}
        other |= {name: True for name in ("keeps_luma", "pixel") if getattr(self, name)}
        return {"architecture": "unet_generator", **sizes, **widths, **other}

    def level(self, layer: str) -> int:
        """The level of a layer or of tied layers, 1 the outermost: 4 for "down.down4.conv"."""
        return int(re.search(r"\d+", layer)[0])

    @property
    def pixel(self) -> bool:
        return self.down[f"down{self.depth}"].conv.kernel_size == (2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        given, skips = x, []
        for block in self.down.values():
            x = block(x)
            skips.append(x)
        x = skips.pop()
        for block in self.up.values():
            x = block(x)
            if skips:
                x = torch.cat([x, skips.pop()], dim=1)
        made = torch.tanh(x)
        return made + (given - luma(made)) if self.keeps_luma else made


def without_dead_weights(unet: UNet, size: tuple[int, int]) -> UNet:
    """A copy that gives the same for pictures of `size` (height, width), without weights that never meet a pixel.

    Where the bottleneck is a single pixel, only the inner 2x2 of the 4x4 kernels before and behind it ever meet one,
    the other 12 taps meet padding or what is cropped. Their gradient is zero, so they stay what they were drawn as; any
    norm of the filters, and any count of parameters, would count them, and training steps spend time on them.
    """
    small = copy.deepcopy(unet)
    if not unet.pixel and tuple(size) == (2**unet.depth, 2**unet.depth):
        for block in (small.down[f"down{unet.depth}"], small.up[f"up{unet.depth}"]):
            conv = block.conv
            conv.weight = nn.Parameter(conv.weight.detach()[..., 1:3, 1:3].clone())
            conv.kernel_size, conv.stride, conv.padding = _size(pixel=True)
    return small


class PatchDiscriminator(nn.Module):
    """Input and picture (N, inputs + outputs, H, W) to a map of logits, one a patch; a positive one says "real".

    C64-C128-C256 and a last convolution, all 4x4, the first two of stride 2: each logit sees 34x34 pixels.
    """

    def __init__(self, inputs: int = 1, outputs: int = 3, ndf: int = 64):
        super().__init__()
        self.config = {"architecture": "patch_discriminator", "inputs": inputs, "outputs": outputs, "ndf": ndf}
        self.channels = outputs
        self.layers = nn.Sequential(
            nn.Conv2d(inputs + outputs, ndf, 4, 2, 1),  # (ndf, 16, 16) of 32x32
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf, 2 * ndf, 4, 2, 1, bias=False),  # (2 ndf, 8, 8)
            nn.BatchNorm2d(2 * ndf),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(2 * ndf, 4 * ndf, 4, 1, 1, bias=False),  # (4 ndf, 7, 7)
            nn.BatchNorm2d(4 * ndf),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(4 * ndf, 1, 4, 1, 1),  # (1, 6, 6)
        )

    def forward(self, inputs: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
        return self.layers(torch.cat([inputs, pictures], dim=1))


class _Block(nn.Module):
    """One layer of the U-Net: activation, convolution, BatchNorm, dropout, those that it has."""

    def __init__(self, activation, convolution, inputs, filters, size, normed, dropped=False):
        super().__init__()
        self.activation, self.conv = activation, convolution(inputs, filters, *size, bias=not normed)
        self.norm = nn.BatchNorm2d(filters) if normed else nn.Identity()
        self.dropout = nn.Dropout(0.5) if dropped else nn.Identity()

    def forward(self, x):
        x = self.norm(self.conv(self.activation(x)))
        if self.training and x.requires_grad:
            # Beside a skip the gradient is a window of a larger one, over which BatchNorm takes ten times as long.
            last = x.is_contiguous(memory_format=torch.channels_last)
            order = torch.channels_last if last else torch.contiguous_format
            x.register_hook(lambda gradient: gradient.contiguous(memory_format=order))
        return self.dropout(x)


def _inner_half(depth: int) -> list[int]:
    return [k for k in range(depth - 1, 1, -1) if k > depth / 2]


def _size(pixel: bool) -> tuple[tuple[int, int], ...]:
    """Kernel, stride and padding."""
    return ((2, 2), (2, 2), (0, 0)) if pixel else ((4, 4), (2, 2), (1, 1))
