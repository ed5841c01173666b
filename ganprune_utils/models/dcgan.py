"""DCGAN for 32x32 images after Radford, Metz and Chintala (2016): strided and transposed convolutions, BatchNorm,
ReLU in the generator, LeakyReLU(0.2) in the discriminator, weights drawn from N(0, 0.02), no bias in convolutions."""

from collections import OrderedDict

import torch
from torch import nn


class Generator(nn.Module):
    """Noise (N, latent_dim, 1, 1) to images (N, channels, 32, 32) in [-1, 1].

    Layers in order: convt1 to convt4, the transposed convolutions; each of the first three has its bn. They have
    4, 2 and 1 times `ngf` filters, or the three numbers in `widths`, as a network whose filters were pruned.
    """

    def __init__(self, latent_dim: int = 100, ngf: int = 64, channels: int = 1, widths=None):
        super().__init__()
        self.latent_dim, self.channels = latent_dim, channels
        w1, w2, w3 = widths or (4 * ngf, 2 * ngf, ngf)
        self.layers = nn.Sequential(
            OrderedDict(
                convt1=nn.ConvTranspose2d(latent_dim, w1, 4, 1, 0, bias=False),  # (w1, 4, 4)
                bn1=nn.BatchNorm2d(w1),
                relu1=nn.ReLU(inplace=True),
                convt2=nn.ConvTranspose2d(w1, w2, 4, 2, 1, bias=False),  # (w2, 8, 8)
                bn2=nn.BatchNorm2d(w2),
                relu2=nn.ReLU(inplace=True),
                convt3=nn.ConvTranspose2d(w2, w3, 4, 2, 1, bias=False),  # (w3, 16, 16)
                bn3=nn.BatchNorm2d(w3),
                relu3=nn.ReLU(inplace=True),
                convt4=nn.ConvTranspose2d(w3, channels, 4, 2, 1, bias=False),  # (channels, 32, 32)
                tanh=nn.Tanh(),
            )
        )

    @property
    def config(self) -> dict:
        """What its card says; read off the layers, so that it holds of a pruned network too."""
        w1, w2, w3 = (self.layers.get_submodule(name).out_channels for name in ("convt1", "convt2", "convt3"))
        size = {"ngf": w3} if (w1, w2) == (4 * w3, 2 * w3) else {"widths": [w1, w2, w3]}
        return {"architecture": "dcgan_generator", "latent_dim": self.latent_dim, **size, "channels": self.channels}

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        return self.layers(noise)


class Discriminator(nn.Module):
    """Images (N, channels, 32, 32) in [-1, 1] to logits (N,); a positive logit says "real".

    Layers in order: conv1 to conv4, the strided convolutions; conv2 and conv3 have their bn. They have 1, 2 and 4
    times `ndf` filters, or the three numbers in `widths`, as a network whose filters were pruned.
    """

    def __init__(self, ndf: int = 64, channels: int = 1, widths=None):
        super().__init__()
        self.channels = channels
        w1, w2, w3 = widths or (ndf, 2 * ndf, 4 * ndf)
        self.layers = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(channels, w1, 4, 2, 1, bias=False),  # (w1, 16, 16)
                lrelu1=nn.LeakyReLU(0.2, inplace=True),
                conv2=nn.Conv2d(w1, w2, 4, 2, 1, bias=False),  # (w2, 8, 8)
                bn2=nn.BatchNorm2d(w2),
                lrelu2=nn.LeakyReLU(0.2, inplace=True),
                conv3=nn.Conv2d(w2, w3, 4, 2, 1, bias=False),  # (w3, 4, 4)
                bn3=nn.BatchNorm2d(w3),
                lrelu3=nn.LeakyReLU(0.2, inplace=True),
                conv4=nn.Conv2d(w3, 1, 4, 1, 0, bias=False),  # (1, 1, 1)
            )
        )

    @property
    def config(self) -> dict:
        """What its card says; read off the layers, so that it holds of a pruned network too."""
        w1, w2, w3 = (self.layers.get_submodule(name).out_channels for name in ("conv1", "conv2", "conv3"))
        size = {"ndf": w1} if (w2, w3) == (2 * w1, 4 * w1) else {"widths": [w1, w2, w3]}
        return {"architecture": "dcgan_discriminator", **size, "channels": self.channels}

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers(images).flatten()


def init_weights(module: nn.Module, generator: torch.Generator) -> None:
    """Draw convolutions from N(0, 0.02), BatchNorm scales from N(1, 0.02), in the order of the layers; biases are 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02, generator=generator)
            nn.init.zeros_(layer.bias)
