"""Generator of talking faces from speech (Wav2Lip: Prajwal, Mukhopadhyay, Namboodiri and Jawahar 2020)."""

import copy
import itertools

import torch
from torch import nn

from ganprune_utils.errors import ParameterError

FACE, AUDIO, DECODER = 16, 32, 32  # published widths of the first level
RESIDUALS = {"face": (0, 2, 3, 2, 2, 1, 0), "audio": (2, 2, 2, 1, 0), "decoder": (0, 1, 2, 2, 2, 2, 2)}  # a level


class Wav2Lip(nn.Module):
    """Speech and a face to the same face with lips that follow: (N, 1, 80, 16) and (N, 6, 96, 96) to (N, 3, 96, 96).

    The mel spectrogram covers 0.2 s. The face is two pictures in [0, 1]: the frame with its lower half black, and a
    reference frame of the same person. Sound enters only at the bottleneck, one pixel; each of the seven levels of the
    decoder is put beside the face encoder's features of that size (the skip connections).

    Args:
        face, audio, decoder: filters of the outermost level of each part; all others are in proportion.
        residual: whether convolutions with a skip of their own follow those that change the size.
    """

    def __init__(self, face: int = FACE, audio: int = AUDIO, decoder: int = DECODER, residual: bool = True):
        super().__init__()
        self.config = {"architecture": "wav2lip_generator", "face": face, "audio": audio}
        self.config |= {"decoder": decoder, "residual": residual}
        extra = RESIDUALS if residual else {part: (0,) * len(counts) for part, counts in RESIDUALS.items()}
        faces = [face * n for n in (1, 2, 4, 8, 16, 32, 32)]
        sounds = [audio * n for n in (1, 2, 4, 8, 16)]
        made = [decoder * n for n in (16, 16, 16, 12, 8, 4, 2)]

        self.face = nn.ModuleList([_level(extra["face"][0], _Conv(6, faces[0], 7, 1, 3))])
        for k in range(1, 6):  # each halves the picture, from 96 pixels to 3
            self.face.append(_level(extra["face"][k], _Conv(faces[k - 1], faces[k], 3, 2, 1)))
        self.face.append(_level(0, _Conv(faces[5], faces[6], 3, 1, 0), _Conv(faces[6], faces[6], 1, 1, 0)))

        strides = (1, (3, 1), 3, (3, 2))  # of 80 bands and 16 steps in time 3 by 3 are left
        before = [1, *sounds]
        levels = [
            _level(extra["audio"][k], _Conv(before[k], sounds[k], 3, stride, 1)) for k, stride in enumerate(strides)
        ]
        levels.append(_level(0, _Conv(sounds[3], sounds[4], 3, 1, 0), _Conv(sounds[4], sounds[4], 1, 1, 0)))
        self.audio = nn.Sequential(*levels)

        self.decoder = nn.ModuleList([_level(0, _Conv(sounds[4], made[0], 1, 1, 0))])
        for k in range(1, 7):
            inputs = made[k - 1] + faces[7 - k]
            size = (3, 1, 0, 0) if k == 1 else (3, 2, 1, 1)
            self.decoder.append(_level(extra["decoder"][k], _Conv(inputs, made[k], *size, transposed=True)))
        self.depth = len(self.face)
        self.output = nn.Sequential(_Conv(made[6] + faces[0], decoder, 3, 1, 1), nn.Conv2d(decoder, 3, 1), nn.Sigmoid())

    def forward(self, mel: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
        skips, x = [], faces
        for level in self.face:
            x = level(x)
            skips.append(x)
        x = self.audio(mel)
        for k, level in enumerate(self.decoder):
            x, skip = level(x), skips.pop()
            if k == 0:  # one pixel of sound; where inner levels were removed it is the same at every pixel
                x = x.expand(-1, -1, skip.shape[-2], skip.shape[-1])
            x = torch.cat([x, skip], dim=1)
        return self.output(x)

    def level(self, layer: str) -> int:
        """The level of a layer or of tied layers, 1 the outermost and `depth` the bottleneck; 0 of the audio encoder.

        A decoder layer belongs to the level that it reads, as in a U-Net.
        """
        part, *number = layer.split(".")[:2]
        if part == "audio":
            return 0
        if part == "output":
            return 1
        return int(number[0]) + 1 if part == "face" else self.depth + 1 - max(1, int(number[0]))

    @property
    def removable(self) -> int:
        """How many inner levels `without_levels` can remove."""
        given = [level[-1].conv.out_channels for level in self.decoder]
        return sum(1 for _ in itertools.takewhile(lambda filters: filters == given[0], given)) - 1

    def without_levels(self, levels: int) -> "Wav2Lip":
        """A copy with `levels` inner levels less that inherits all other weights.

        The sound goes to the level that is innermost then: the decoder's first layer stays, and what it makes of the
        sound takes the place of what came up from below, the same at every pixel. That place has as many channels in
        the two innermost levels only. Raises ParameterError unless 1 <= levels <= `removable`.
        """
        if not 1 <= levels <= self.removable:
            raise ParameterError(f"levels = {levels}: of {self.depth} levels 1 to {self.removable} can go")
        small = copy.deepcopy(self)
        small.depth -= levels
        small.face = small.face[:-levels]
        small.decoder = small.decoder[:1] + small.decoder[1 + levels :]
        return small

    def without_residuals(self) -> "Wav2Lip":
        """A copy without its residual convolutions that inherits all other weights."""
        small = copy.deepcopy(self)
        for part in (small.face, small.audio, small.decoder):
            for k, level in enumerate(part):
                part[k] = nn.Sequential(*(layer for layer in level if not layer.residual))
        return small


class VisualDiscriminator(nn.Sequential):
    """Is a mouth a real one? Lower halves (N, 3, 48, 96) in [0, 1] to logits (N,)."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 256)):
        layers = []
        for inputs, filters in itertools.pairwise((3, *widths)):
            layers += [nn.Conv2d(inputs, filters, 3, 2, 1), nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Conv2d(widths[-1], 1, (3, 6)), nn.Flatten(0))
        self.config = {"architecture": "visual_discriminator", "widths": list(widths)}


class _Conv(nn.Module):
    """Convolution, BatchNorm and ReLU; with `residual` what comes in is added before the ReLU."""

    def __init__(self, inputs, filters, kernel, stride, padding, more=0, transposed=False, residual=False):
        super().__init__()
        size = (inputs, filters, kernel, stride, padding)
        self.conv = nn.ConvTranspose2d(*size, output_padding=more) if transposed else nn.Conv2d(*size)
        self.norm, self.residual = nn.BatchNorm2d(filters), residual

    def forward(self, x):
        made = self.norm(self.conv(x))
        return torch.relu(made + x if self.residual else made)


def _level(residuals: int, *convolutions: _Conv) -> nn.Sequential:
    filters = convolutions[-1].conv.out_channels
    more = (_Conv(filters, filters, 3, 1, 1, residual=True) for _ in range(residuals))
    return nn.Sequential(*convolutions, *more)
