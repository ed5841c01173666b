"""DCGAN for 32x32 images after Radford, Metz and Chintala (2016): strided and transposed convolutions, BatchNorm,
ReLU in the generator, LeakyReLU(0.2) in the discriminator, weights drawn from N(0, 0.02), no bias in convolutions."""

from collections import OrderedDict

import torch
from torch import nn


class Generator(nn.Module):
    """Noise (N, latent_dim, 1, 1) to images (N, channels, 32, 32) in [-1, 1].

    Layers in order: convt1 to convt4, the transposed convolutions; each of the first three has its bn.
    """

    def __init__(self, latent_dim: int = 100, ngf: int = 64, channels: int = 1):
        super().__init__()
        self.config = {"architecture": "dcgan_generator", "latent_dim": latent_dim, "ngf": ngf, "channels": channels}
        self.latent_dim, self.channels = latent_dim, channels
        self.layers = nn.Sequential(
            OrderedDict(
                convt1=nn.ConvTranspose2d(latent_dim, 4 * ngf, 4, 1, 0, bias=False),  # (4 ngf, 4, 4)
                bn1=nn.BatchNorm2d(4 * ngf),
                relu1=nn.ReLU(inplace=True),
                convt2=nn.ConvTranspose2d(4 * ngf, 2 * ngf, 4, 2, 1, bias=False),  # (2 ngf, 8, 8)
                bn2=nn.BatchNorm2d(2 * ngf),
                relu2=nn.ReLU(inplace=True),
                convt3=nn.ConvTranspose2d(2 * ngf, ngf, 4, 2, 1, bias=False),  # (ngf, 16, 16)
                bn3=nn.BatchNorm2d(ngf),
                relu3=nn.ReLU(inplace=True),
                convt4=nn.ConvTranspose2d(ngf, channels, 4, 2, 1, bias=False),  # (channels, 32, 32)
                tanh=nn.Tanh(),
            )
        )

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        return self.layers(noise)


class Discriminator(nn.Module):
    """Images (N, channels, 32, 32) in [-1, 1] to logits (N,); a positive logit says "real".

    Layers in order: conv1 to conv4, the strided convolutions; conv2 and conv3 have their bn.
    """

    def __init__(self, ndf: int = 64, channels: int = 1):
        super().__init__()
        self.config = {"architecture": "dcgan_discriminator", "ndf": ndf, "channels": channels}
        self.channels = channels
        self.layers = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(channels, ndf, 4, 2, 1, bias=False),  # (ndf, 16, 16)
                lrelu1=nn.LeakyReLU(0.2, inplace=True),
                conv2=nn.Conv2d(ndf, 2 * ndf, 4, 2, 1, bias=False),  # (2 ndf, 8, 8)
                bn2=nn.BatchNorm2d(2 * ndf),
                lrelu2=nn.LeakyReLU(0.2, inplace=True),
                conv3=nn.Conv2d(2 * ndf, 4 * ndf, 4, 2, 1, bias=False),  # (4 ndf, 4, 4)
                bn3=nn.BatchNorm2d(4 * ndf),
                lrelu3=nn.LeakyReLU(0.2, inplace=True),
                conv4=nn.Conv2d(4 * ndf, 1, 4, 1, 0, bias=False),  # (1, 1, 1)
            )
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers(images).flatten()


def init_weights(module: nn.Module, generator: torch.Generator) -> None:
    """Draw convolutions from N(0, 0.02) and BatchNorm scales from N(1, 0.02), in the order of the layers."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02, generator=generator)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02, generator=generator)
            nn.init.zeros_(layer.bias)
