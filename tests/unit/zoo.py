"""Small generators of our own, one of each public kind: name -> a function that makes (network, Inputs).

Each has what makes its kind hard to prune, and little else: its norms, its inputs, its way of joining layers. `noise`
is (N, Z), pictures are (N, 3, 16, 16), labels (N,).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, spectral_norm, weight_norm

from ganprune_utils.models.inputs import Inputs

N, Z, CLASSES = 4, 8, 5


def noise():
    return torch.randn(N, Z)


def labels():
    return torch.arange(N) % CLASSES


def pictures(channels=3):
    return torch.rand(N, channels, 16, 16) * 2 - 1


def conv(inputs, outputs, kernel=3, **more):
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, **more)


class Lambda(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def spread(x):
    """Noise (N, Z) as (N, Z, 1, 1)."""
    return x[:, :, None, None]


def dcgan():
    return nn.Sequential(
        Lambda(spread),
        *(nn.ConvTranspose2d(Z, 16, 4, bias=False), nn.BatchNorm2d(16), nn.ReLU(True)),
        *(nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(True)),
        *(nn.ConvTranspose2d(8, 3, 4, 2, 1), nn.Tanh()),
    ), Inputs(noise())


class MLP(nn.Module):
    """The first GAN: linear layers only."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(Z, 16), nn.LeakyReLU(0.2), nn.Linear(16, 32), nn.BatchNorm1d(32, 0.8))
        self.out = nn.Linear(32, 3 * 8 * 8)

    def forward(self, z):
        return self.out(F.leaky_relu(self.net(z), 0.2)).tanh().view(len(z), 3, 8, 8)


class Conditional(nn.Module):
    """cGAN: an embedded label beside the noise."""

    def __init__(self):
        super().__init__()
        self.embed, self.first = nn.Embedding(CLASSES, 6), nn.ConvTranspose2d(Z + 6, 16, 4)
        self.bn, self.up, self.out = nn.BatchNorm2d(16), nn.ConvTranspose2d(16, 12, 4, 2, 1), conv(12, 3)

    def forward(self, z, y):
        x = self.bn(self.first(spread(torch.cat([z, self.embed(y)], 1)))).relu()
        return self.out(self.up(x).relu()).tanh()


class ACGAN(nn.Module):
    """The label scales the noise, a linear layer is reshaped into channels, upsampling."""

    def __init__(self, channels=-1):
        super().__init__()
        self.channels, self.embed, self.fc = channels, nn.Embedding(CLASSES, Z), nn.Linear(Z, 16 * 4 * 4)
        self.blocks = nn.Sequential(
            nn.BatchNorm2d(16), nn.Upsample(scale_factor=2),
            conv(16, 12), nn.BatchNorm2d(12, 0.8), nn.LeakyReLU(0.2), nn.Upsample(scale_factor=2),
            conv(12, 8), nn.BatchNorm2d(8, 0.8), nn.LeakyReLU(0.2), conv(8, 3), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z, y):
        return self.blocks(self.fc(z * self.embed(y)).view(len(z), self.channels, 4, 4))


class InfoGAN(ACGAN):
    """Noise, a label as one of many, and a code, by name; the number of channels is written into forward."""

    def __init__(self):
        super().__init__(16)
        self.fc = nn.Linear(Z + CLASSES + 2, 16 * 4 * 4)

    def forward(self, z, label, code):
        return self.blocks(self.fc(torch.cat([z, label, code], -1)).view(len(z), self.channels, 4, 4))


class Residual(nn.Module):
    def __init__(self, width, norm, act=nn.ReLU, pad="reflect"):
        super().__init__()
        layers = [conv(width, width, padding_mode=pad), norm(width), act()]
        self.block = nn.Sequential(*layers, conv(width, width, padding_mode=pad), norm(width))

    def forward(self, x):
        return x + self.block(x)


def cyclegan():
    norm = nn.InstanceNorm2d
    return nn.Sequential(
        *(nn.ReflectionPad2d(3), nn.Conv2d(3, 8, 7), norm(8), nn.ReLU(True)),
        *(conv(8, 16, stride=2), norm(16), nn.ReLU(True), Residual(16, norm), Residual(16, norm)),
        *(nn.ConvTranspose2d(16, 8, 3, 2, 1, 1), norm(8), nn.ReLU(True), nn.ReflectionPad2d(3), nn.Conv2d(8, 3, 7)),
        nn.Tanh(),
    ), Inputs(pictures())


class StarGAN(nn.Module):
    """A picture and the attributes it should have, as planes beside it; InstanceNorm with everything on."""

    def __init__(self):
        super().__init__()

        def norm(width):
            return nn.InstanceNorm2d(width, affine=True, track_running_stats=True)

        self.main = nn.Sequential(
            *(conv(3 + CLASSES, 8, 7, bias=False), norm(8), nn.ReLU(True)),
            *(nn.Conv2d(8, 16, 4, 2, 1, bias=False), norm(16), nn.ReLU(True), Residual(16, norm, pad="zeros")),
            *(nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), norm(8), nn.ReLU(True), conv(8, 3, 7), nn.Tanh()),
        )

    def forward(self, x, c):
        return self.main(torch.cat([x, spread(c).repeat(1, 1, *x.shape[2:])], 1))


class StarGAN2(nn.Module):
    """AdaIN: a linear layer of the style gives scale and shift of every channel."""

    class AdaIN(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.norm, self.fc = nn.InstanceNorm2d(width), nn.Linear(6, 2 * width)

        def forward(self, x, s):
            gamma, beta = self.fc(s).view(len(s), -1, 1, 1).chunk(2, 1)
            return (1 + gamma) * self.norm(x) + beta

    def __init__(self):
        super().__init__()
        self.mapping = nn.Sequential(nn.Linear(Z, 12), nn.ReLU(), nn.Linear(12, 6))
        self.head, self.down, self.mid = conv(3, 8), conv(8, 12), conv(12, 12)
        self.norms, self.up, self.out = nn.ModuleList(map(self.AdaIN, (12, 12, 8))), conv(12, 8), conv(8, 3)

    def forward(self, x, z):
        s = self.mapping(z)
        x = F.avg_pool2d(self.down(F.leaky_relu(self.head(x), 0.2)), 2)
        x = (x + self.mid(F.leaky_relu(self.norms[0](x, s), 0.2))) / 2**0.5
        x = self.up(F.interpolate(F.leaky_relu(self.norms[1](x, s), 0.2), scale_factor=2))
        return self.out(F.leaky_relu(self.norms[2](x, s), 0.2))


class Pix2Pix(nn.Module):
    """A U-Net: each decoder layer reads the encoder's channels beside its own."""

    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([nn.Conv2d(a, b, 4, 2, 1) for a, b in ((3, 8), (8, 12), (12, 12))])
        self.up = nn.ModuleList([nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in ((12, 12), (24, 8), (16, 3))])
        self.norms = nn.ModuleList(map(nn.BatchNorm2d, (12, 12, 8)))

    def forward(self, x):
        a = self.down[0](x)
        b = self.norms[0](self.down[1](F.leaky_relu(a, 0.2)))
        c = self.down[2](F.leaky_relu(b, 0.2)).relu()
        b = torch.cat([b, self.norms[1](self.up[0](c))], 1).relu()
        return self.up[2](torch.cat([a, self.norms[2](self.up[1](b))], 1).relu()).tanh()


class SRGAN(nn.Module):
    """PReLU with a slope for every channel, residual blocks, PixelShuffle."""

    def __init__(self):
        super().__init__()
        self.head, self.tail = nn.Sequential(conv(3, 8, 9), nn.PReLU(8)), nn.Sequential(conv(8, 8), nn.BatchNorm2d(8))
        self.blocks = nn.Sequential(*[Residual(8, nn.BatchNorm2d, nn.PReLU, "zeros") for _ in range(2)])
        self.up = nn.Sequential(conv(8, 32), nn.PixelShuffle(2), nn.PReLU(), conv(8, 3, 9))

    def forward(self, x):
        x = self.head(x)
        return self.up(x + self.tail(self.blocks(x)))


class ESRGAN(nn.Module):
    """Dense blocks: each layer reads the channels of all before it; scaled shortcuts within scaled shortcuts."""

    class Dense(nn.Module):
        def __init__(self, width=8, growth=4):
            super().__init__()
            self.convs = nn.ModuleList([conv(width + i * growth, growth) for i in range(3)])
            self.last = conv(width + 3 * growth, width)

        def forward(self, x):
            seen = x
            for layer in self.convs:
                seen = torch.cat([seen, F.leaky_relu(layer(seen), 0.2)], 1)
            return x + 0.2 * self.last(seen)

    def __init__(self, blocks=2):
        super().__init__()
        self.first, self.trunk = conv(3, 8), nn.Sequential(*[self.Dense() for _ in range(blocks)])
        self.body, self.up, self.out = conv(8, 8), conv(8, 8), conv(8, 3)

    def forward(self, x):
        x = self.first(x)
        x = x + self.body(self.trunk(x))
        return self.out(F.leaky_relu(self.up(F.interpolate(x, scale_factor=2, mode="nearest")), 0.2))


class SNGAN(nn.Module):
    """A ResNet generator with the new spectral norm: BatchNorm before the layer, upsampling in the shortcut."""

    class Block(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            wrap = parametrizations.spectral_norm
            self.bn1, self.bn2 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)
            self.c1, self.c2 = wrap(conv(inputs, outputs)), wrap(conv(outputs, outputs))
            self.short = wrap(conv(inputs, outputs, 1))

        def forward(self, x):
            y = self.c1(F.interpolate(self.bn1(x).relu(), scale_factor=2))
            return self.c2(self.bn2(y).relu()) + self.short(F.interpolate(x, scale_factor=2))

    def __init__(self):
        super().__init__()
        self.fc = parametrizations.spectral_norm(nn.Linear(Z, 16 * 4 * 4))
        self.blocks = nn.Sequential(self.Block(16, 12), self.Block(12, 8))
        self.bn, self.out = nn.BatchNorm2d(8), conv(8, 3)

    def forward(self, z):
        return self.out(self.bn(self.blocks(self.fc(z).view(len(z), -1, 4, 4))).relu()).tanh()


class Attention(nn.Module):
    """Self-attention over pixels, with a weight that starts at zero (Zhang et al. 2019)."""

    def __init__(self, width):
        super().__init__()
        self.q, self.k, self.v = (spectral_norm(conv(width, outputs, 1)) for outputs in (width // 4, width // 4, width))
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        q, k, v = (layer(x).flatten(2) for layer in (self.q, self.k, self.v))
        attention = torch.bmm(q.mT, k).softmax(-1)
        return self.gamma * torch.bmm(v, attention.mT).view(len(x), -1, *x.shape[2:]) + x


def sagan():
    return nn.Sequential(
        *(Lambda(spread), spectral_norm(nn.ConvTranspose2d(Z, 16, 4)), nn.BatchNorm2d(16), nn.ReLU()),
        *(spectral_norm(nn.ConvTranspose2d(16, 16, 4, 2, 1)), nn.BatchNorm2d(16), nn.ReLU(), Attention(16)),
        *(nn.ConvTranspose2d(16, 3, 4, 2, 1), nn.Tanh()),
    ), Inputs(noise())


class BigGAN(nn.Module):
    """Conditional BatchNorm: gain and bias are linear in a part of the noise and the label's embedding."""

    class CBN(nn.Module):
        def __init__(self, width, inputs):
            super().__init__()
            self.norm = nn.BatchNorm2d(width, affine=False)
            self.gain, self.bias = (spectral_norm(nn.Linear(inputs, width, bias=False)) for _ in range(2))

        def forward(self, x, y):
            return self.norm(x) * (1 + spread(self.gain(y))) + spread(self.bias(y))

    class Block(nn.Module):
        def __init__(self, inputs, outputs, condition):
            super().__init__()
            self.bn1, self.bn2 = BigGAN.CBN(inputs, condition), BigGAN.CBN(outputs, condition)
            self.c1, self.c2 = spectral_norm(conv(inputs, outputs)), spectral_norm(conv(outputs, outputs))
            self.short = spectral_norm(conv(inputs, outputs, 1))

        def forward(self, x, y):
            h = self.c1(F.interpolate(self.bn1(x, y).relu(), scale_factor=2))
            return self.c2(self.bn2(h, y).relu()) + self.short(F.interpolate(x, scale_factor=2))

    def __init__(self):
        super().__init__()
        self.embed, self.fc = nn.Embedding(CLASSES, 4), spectral_norm(nn.Linear(4, 16 * 4 * 4))
        self.blocks = nn.ModuleList([self.Block(16, 12, 6), self.Block(12, 8, 6)])
        self.attention, self.bn, self.out = Attention(12), nn.BatchNorm2d(8), spectral_norm(conv(8, 3))

    def forward(self, z, y):
        z, y, first = z[:, :4], self.embed(y), z[:, 4:]
        x = self.fc(z).view(len(z), -1, 4, 4)
        x = self.attention(self.blocks[0](x, torch.cat([first[:, :2], y], 1)))
        x = self.blocks[1](x, torch.cat([first[:, 2:], y], 1))
        return self.out(self.bn(x).relu()).tanh()


class SPADE(nn.Module):
    """Scale and shift of every pixel come from a map of segments, through convolutions of their own."""

    class Norm(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.norm, self.shared = nn.InstanceNorm2d(width), conv(3, 6)
            self.gamma, self.beta = conv(6, width), conv(6, width)

        def forward(self, x, segments):
            actv = self.shared(F.interpolate(segments, size=x.shape[2:], mode="nearest")).relu()
            return self.norm(x) * (1 + self.gamma(actv)) + self.beta(actv)

    class Block(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.n1, self.n2 = SPADE.Norm(inputs), SPADE.Norm(outputs)
            self.c1, self.c2 = spectral_norm(conv(inputs, outputs)), spectral_norm(conv(outputs, outputs))
            self.n3, self.short = SPADE.Norm(inputs), spectral_norm(conv(inputs, outputs, 1, bias=False))

        def forward(self, x, segments):
            y = self.c1(F.leaky_relu(self.n1(x, segments), 0.2))
            return self.short(self.n3(x, segments)) + self.c2(F.leaky_relu(self.n2(y, segments), 0.2))

    def __init__(self):
        super().__init__()
        self.fc, self.blocks = conv(3, 16), nn.ModuleList([self.Block(16, 12), self.Block(12, 8)])
        self.out = conv(8, 3)

    def forward(self, segments):
        x = self.fc(F.interpolate(segments, size=(4, 4)))
        for block in self.blocks:
            x = F.interpolate(block(x, segments), scale_factor=2)
        return self.out(F.leaky_relu(x, 0.2)).tanh()


class FastGAN(nn.Module):
    """Gated linear units, noise drawn inside forward, and small pictures that excite the channels of large ones."""

    class Up(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.conv, self.bn = spectral_norm(conv(inputs, 2 * outputs, bias=False)), nn.BatchNorm2d(2 * outputs)
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, x):
            x = self.conv(F.interpolate(x, scale_factor=2))
            x = x + self.weight * torch.randn(len(x), 1, *x.shape[2:])
            return F.glu(self.bn(x), 1)

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(spectral_norm(nn.ConvTranspose2d(Z, 32, 4)), nn.BatchNorm2d(32), nn.GLU(1))
        self.ups = nn.ModuleList([self.Up(16, 12), self.Up(12, 8), self.Up(8, 8)])
        pool = [nn.AdaptiveAvgPool2d(4), nn.Conv2d(16, 8, 4), nn.SiLU(), nn.Conv2d(8, 8, 1), nn.Sigmoid()]
        self.excite, self.out = nn.Sequential(*pool), conv(8, 3)

    def forward(self, z):
        small = self.first(spread(z))
        x = self.ups[1](self.ups[0](small))
        return [self.out(self.ups[2](x * self.excite(small))).tanh(), x[:, :3]]


class UGATIT(nn.Module):
    """Class activation maps weigh the channels by a linear layer's rows; norms mix instance and layer statistics."""

    class ILN(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.rho = nn.Parameter(torch.full((1, width, 1, 1), 0.9))

        def forward(self, x, gamma, beta):
            across, within = [(2, 3), (1, 2, 3)], []
            for dims in across:
                mean, var = x.mean(dims, keepdim=True), x.var(dims, keepdim=True)
                within.append((x - mean) / (var + 1e-5).sqrt())
            return (self.rho * within[0] + (1 - self.rho) * within[1]) * spread(gamma) + spread(beta)

    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 8, 7, padding=3), nn.InstanceNorm2d(8), nn.ReLU(), conv(8, 12, stride=2))
        self.cam, self.mix, self.fc = nn.Linear(12, 1, bias=False), conv(24, 12, 1), nn.Linear(12, 12)
        self.gamma, self.beta, self.norm = nn.Linear(12, 12), nn.Linear(12, 12), self.ILN(12)
        self.conv, self.up, self.out = conv(12, 12), conv(12, 8), conv(8, 3, 7)

    def forward(self, x):
        x = self.down(x)
        weight = spread(self.cam.weight)
        logit = self.cam(x.mean((2, 3)))
        x = self.mix(torch.cat([x * weight, x.amax((2, 3), keepdim=True) * x], 1)).relu()
        style = self.fc(x.mean((2, 3))).relu()
        x = x + self.norm(self.conv(x), self.gamma(style), self.beta(style))
        return self.out(self.up(F.interpolate(x, scale_factor=2)).relu()).tanh(), logit, x.sum(1, keepdim=True)


class HiFiGAN(nn.Module):
    """A vocoder: one-dimensional, the old weight norm, blocks with several kernels that are averaged."""

    def __init__(self):
        super().__init__()

        def layer(inputs, outputs, kernel, dilation=1):
            return weight_norm(nn.Conv1d(inputs, outputs, kernel, 1, (kernel - 1) * dilation // 2, dilation))

        self.pre, self.post = layer(10, 16, 7), layer(4, 1, 7)
        self.ups = nn.ModuleList([weight_norm(nn.ConvTranspose1d(a, b, 4, 2, 1)) for a, b in ((16, 8), (8, 4))])
        self.blocks = nn.ModuleList([nn.ModuleList([layer(c, c, k, 2) for k in (3, 5)]) for c in (8, 4)])

    def forward(self, mel):
        x = self.pre(mel)
        for up, blocks in zip(self.ups, self.blocks, strict=True):
            x = up(F.leaky_relu(x, 0.1))
            x = sum(x + block(F.leaky_relu(x, 0.1)) for block in blocks) / len(blocks)
        return self.post(F.leaky_relu(x)).tanh()


class Wav2Lip(nn.Module):
    """Sound and a face: the sound goes through the bottleneck, the face's encoder is read again by the decoder."""

    class Block(nn.Module):
        def __init__(self, inputs, outputs, residual=False, layer=nn.Conv2d, **more):
            super().__init__()
            self.block, self.residual = nn.Sequential(layer(inputs, outputs, **more), nn.BatchNorm2d(outputs)), residual

        def forward(self, x):
            return (self.block(x) + x if self.residual else self.block(x)).relu()

    def __init__(self):
        super().__init__()
        same, half, block = {"kernel_size": 3, "padding": 1}, {"kernel_size": 4, "stride": 2, "padding": 1}, self.Block
        up = half | {"layer": nn.ConvTranspose2d}
        self.face = nn.ModuleList([block(6, 8, **half), block(8, 12, **half)])
        self.sound = nn.Sequential(block(1, 8, **same), block(8, 8, True, **same), block(8, 12, kernel_size=(10, 8)))
        first = nn.Sequential(block(12, 12, layer=nn.ConvTranspose2d, kernel_size=4), block(12, 12, True, **same))
        self.decoder = nn.ModuleList([first, block(24, 12, **up), block(20, 8, **up)])
        self.out = nn.Sequential(block(8, 8, **same), nn.Conv2d(8, 3, 1), nn.Sigmoid())

    def forward(self, sound, face):
        seen = [self.face[0](face)]
        seen.append(self.face[1](seen[0]))
        x = self.sound(sound)
        for layer in self.decoder:
            x = layer(x)
            x = torch.cat([x, seen.pop()], 1) if seen else x
        return self.out(x)


class VAE(nn.Module):
    """The decoder is the generator; the encoder lies beside it and does not run."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(conv(3, 8), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 256, 2 * Z))
        self.fc = nn.Linear(Z, 16 * 4 * 4)
        self.decoder = nn.Sequential(
            *(nn.Unflatten(1, (-1, 4, 4)), nn.ConvTranspose2d(16, 12, 4, 2, 1), nn.BatchNorm2d(12), nn.LeakyReLU()),
            *(nn.ConvTranspose2d(12, 8, 4, 2, 1), nn.BatchNorm2d(8), nn.LeakyReLU(), conv(8, 3), nn.Tanh()),
        )

    def forward(self, z):
        return self.decoder(self.fc(z))


class Diffusion(nn.Module):
    """A U-Net with GroupNorm, SiLU, the time step added to the channels, attention; a dataclass holds the image."""

    @dataclass
    class Output:
        sample: torch.Tensor

    class Block(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.n1, self.c1 = nn.GroupNorm(4, inputs), conv(inputs, outputs)
            self.time, self.n2, self.c2 = nn.Linear(16, outputs), nn.GroupNorm(4, outputs), conv(outputs, outputs)
            self.short = conv(inputs, outputs, 1) if inputs != outputs else nn.Identity()

        def forward(self, x, t):
            h = self.c1(F.silu(self.n1(x))) + spread(self.time(F.silu(t)))
            return self.short(x) + self.c2(F.silu(self.n2(h)))

    class Attention(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.norm, self.qkv = nn.GroupNorm(4, width), nn.Linear(width, 3 * width)
            self.proj = nn.Linear(width, width)

        def forward(self, x):
            tokens = self.norm(x).flatten(2).mT
            q, k, v = self.qkv(tokens).chunk(3, -1)
            return x + self.proj(F.scaled_dot_product_attention(q, k, v)).mT.reshape(x.shape)

    def __init__(self):
        super().__init__()
        self.time = nn.Sequential(nn.Linear(8, 16), nn.SiLU(), nn.Linear(16, 16))
        self.first, self.down, self.pool = conv(3, 16), self.Block(16, 16), conv(16, 16, stride=2)
        self.mid, self.attention, self.mid2 = self.Block(16, 32), self.Attention(32), self.Block(32, 32)
        self.up, self.last, self.norm, self.out = conv(32, 32), self.Block(48, 16), nn.GroupNorm(4, 16), conv(16, 3)

    def forward(self, x, timestep):
        angles = timestep[:, None] * torch.exp(-torch.arange(4, device=x.device))
        t = self.time(torch.cat([angles.sin(), angles.cos()], 1).to(x.dtype))
        skip = self.down(self.first(x), t)
        h = self.mid2(self.attention(self.mid(self.pool(skip), t)), t)
        h = self.last(torch.cat([self.up(F.interpolate(h, scale_factor=2.0)), skip], 1), t)
        return self.Output(self.out(F.silu(self.norm(h))))


class WaveGAN(nn.Module):
    """Sound from noise: a linear layer, then transposed convolutions in one dimension."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(Z, 16 * 4)
        self.up = nn.Sequential(nn.ConvTranspose1d(16, 8, 25, 4, 11, 1), nn.ReLU(), nn.ConvTranspose1d(8, 1, 4, 2, 1))

    def forward(self, z):
        return self.up(self.fc(z).view(len(z), -1, 4).relu()).tanh()


def voxels():
    return nn.Sequential(
        *(Lambda(lambda z: spread(z)[..., None]), nn.ConvTranspose3d(Z, 12, 2), nn.BatchNorm3d(12), nn.ReLU()),
        *(nn.ConvTranspose3d(12, 8, 4, 2, 1), nn.BatchNorm3d(8), nn.ReLU(), nn.ConvTranspose3d(8, 1, 4, 2, 1)),
        nn.Sigmoid(),
    ), Inputs(noise())


class Mobile(nn.Module):
    """Depthwise and grouped convolutions, as in generators for telephones."""

    def __init__(self):
        super().__init__()
        self.first, self.depth, self.point = conv(3, 12), conv(12, 12, groups=12), conv(12, 16, 1)
        self.bn, self.grouped, self.out = nn.BatchNorm2d(16), conv(16, 16, groups=4), conv(16, 3)

    def forward(self, x):
        x = self.bn(self.point(self.depth(F.relu6(self.first(x)))))
        return self.out(F.relu6(self.grouped(x)))


class Lightning(nn.Module):
    """A module that trains a GAN: its forward is the generator, its discriminator lies beside it."""

    def __init__(self):
        super().__init__()
        self.generator = dcgan()[0]
        self.discriminator = nn.Sequential(conv(3, 8), nn.BatchNorm2d(8), nn.LeakyReLU(0.2), conv(8, 1))

    def forward(self, z):
        return self.generator(z)


class StyleGAN2(nn.Module):
    """Weights that the style scales and then normalises, anew for every picture: no layer of PyTorch's convolves."""

    def __init__(self):
        super().__init__()
        self.mapping = nn.Sequential(nn.Linear(Z, 8), nn.LeakyReLU(0.2))
        self.start = nn.Parameter(torch.randn(1, 8, 4, 4))
        self.styles = nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 8)])
        self.weights = nn.ParameterList([torch.randn(8, 8, 3, 3), torch.randn(3, 8, 1, 1)])

    def forward(self, z):
        style, x = self.mapping(z), self.start.repeat(len(z), 1, 1, 1)
        for affine, weight in zip(self.styles, self.weights, strict=True):
            scaled = weight * affine(style)[:, None, :, None, None]
            scaled = scaled * (scaled.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
            x = F.interpolate(x, scale_factor=2)
            flat = x.reshape(1, -1, *x.shape[2:])
            x = F.conv2d(flat, scaled.flatten(0, 1), padding=weight.shape[-1] // 2, groups=len(z))
            x = x.view(len(z), -1, *x.shape[2:])
        return x


ZOO = {
    "GAN of linear layers": lambda: (MLP(), Inputs(noise())),
    "DCGAN": dcgan,
    "cGAN": lambda: (Conditional(), Inputs(noise(), labels())),
    "ACGAN": lambda: (ACGAN(), Inputs(noise(), labels())),
    "InfoGAN": lambda: (
        InfoGAN(),
        Inputs(z=noise(), label=F.one_hot(labels(), CLASSES).float(), code=torch.randn(N, 2)),
    ),
    "CycleGAN": cyclegan,
    "StarGAN": lambda: (StarGAN(), Inputs(pictures(), torch.randint(0, 2, (N, CLASSES)).float())),
    "StarGAN v2": lambda: (StarGAN2(), Inputs(pictures(), noise())),
    "pix2pix": lambda: (Pix2Pix(), Inputs(pictures())),
    "SRGAN": lambda: (SRGAN(), Inputs(pictures())),
    "ESRGAN": lambda: (ESRGAN(), Inputs(pictures())),
    "SNGAN": lambda: (SNGAN(), Inputs(noise())),
    "SAGAN": sagan,
    "BigGAN": lambda: (BigGAN(), Inputs(noise(), labels())),
    "SPADE": lambda: (SPADE(), Inputs(pictures())),
    "FastGAN": lambda: (FastGAN(), Inputs(noise(), output=0)),
    "U-GAT-IT": lambda: (UGATIT(), Inputs(pictures(), output=0)),
    "HiFi-GAN": lambda: (HiFiGAN(), Inputs(torch.randn(N, 10, 6))),
    "Wav2Lip": lambda: (Wav2Lip(), Inputs(torch.randn(N, 1, 10, 8), pictures(6))),
    "VAE": lambda: (VAE(), Inputs(noise())),
    "diffusion U-Net": lambda: (Diffusion(), Inputs(pictures(), torch.arange(N) * 10.0, output="sample")),
    "WaveGAN (1-D)": lambda: (WaveGAN(), Inputs(noise())),
    "3D-GAN": voxels,
    "grouped convolutions": lambda: (Mobile(), Inputs(pictures())),
    "LightningModule": lambda: (Lightning(), Inputs(noise())),
    "StyleGAN2": lambda: (StyleGAN2(), Inputs(noise())),
}


def make(name: str) -> tuple[nn.Module, Inputs]:
    """The network of this name and its inputs, the same ones every time; in evaluation mode, with statistics and
    weights that differ from channel to channel, as after training."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model, inputs = ZOO[name]()
        for _ in range(10):
            inputs.call(model)  # spectral norms find their vectors
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._NormBase | nn.GroupNorm):
                for tensor in (module.weight, module.bias, getattr(module, "running_mean", None)):
                    if tensor is not None:
                        nn.init.normal_(tensor, 0.7, 0.3)
                if getattr(module, "running_var", None) is not None:
                    nn.init.uniform_(module.running_var, 0.5, 2.0)
    return model.eval(), inputs
