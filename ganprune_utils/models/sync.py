"""Do lips and sound belong together? Two small networks that put a few frames and their sound into one space."""

import itertools

import torch
import torch.nn.functional as F
from torch import nn


class SyncNet(nn.Module):
    """`see` gives unit vectors (N, dim) of 5 frames' lower halves (N, 15, 48, 96), `hear` of mel (N, 1, 80, 16).

    The expert that a generator is trained with: convolutions of stride 2, `widths` are their filters. With `positive`
    embeddings have no negative values, so that a cosine is a probability, as the published loss takes it.
    """

    def __init__(self, widths=(32, 64, 128, 256), dim: int = 128, positive: bool = False):
        super().__init__()
        self.config = {"architecture": "talking_face_sync", "widths": list(widths), "dim": dim, "positive": positive}
        self.positive = positive
        self.video, self.sound = _encoder(15, widths, dim, 48, 96), _encoder(1, widths, dim, 80, 16)

    def see(self, faces: torch.Tensor) -> torch.Tensor:
        return self._embedding(self.video(faces))

    def hear(self, mel: torch.Tensor) -> torch.Tensor:
        return self._embedding(self.sound(mel))

    def _embedding(self, x):
        # The published network ends in a ReLU, too; the small number keeps a vector of zeros from having no direction.
        return F.normalize(F.relu(x) + 1e-4 if self.positive else x, dim=1)


class SyncJudge(SyncNet):
    """The same of another architecture, to measure what the expert has trained: grey frames through residual blocks,
    sound through convolutions over time, the mel bands as channels."""

    def __init__(self, widths=(24, 48, 96, 160), dim: int = 128, positive: bool = False):
        nn.Module.__init__(self)
        self.config = {"architecture": "talking_face_judge", "widths": list(widths), "dim": dim, "positive": positive}
        self.positive, first, last = positive, widths[0], widths[-1]
        stem = nn.Conv2d(5, first, 5, 2, 2, bias=False), nn.BatchNorm2d(first), nn.ReLU()
        blocks = [_Residual(nn.Conv2d, nn.BatchNorm2d, *sizes, stride=2) for sizes in itertools.pairwise(widths)]
        shrink = 2 ** len(widths)
        pixels = -(-48 // shrink) * -(-96 // shrink)
        self.video = nn.Sequential(*stem, *blocks, nn.Flatten(), nn.Linear(last * pixels, dim))
        blocks = [_Residual(nn.Conv1d, nn.BatchNorm1d, *sizes) for sizes in ((80, last, 1), (last, last, 2))]
        self.sound = nn.Sequential(*blocks, nn.Flatten(), nn.Linear(last * 8, dim))

    def see(self, faces: torch.Tensor) -> torch.Tensor:
        return super().see(faces.unflatten(1, (5, 3)).mean(2))

    def hear(self, mel: torch.Tensor) -> torch.Tensor:
        return super().hear(mel[:, 0])


NETWORKS = {"expert": SyncNet, "judge": SyncJudge}


class _Residual(nn.Module):
    def __init__(self, conv, norm, inputs, filters, stride):
        super().__init__()
        first = conv(inputs, filters, 3, stride, 1, bias=False), norm(filters), nn.ReLU()
        self.body = nn.Sequential(*first, conv(filters, filters, 3, 1, 1, bias=False), norm(filters))
        self.beside = conv(inputs, filters, 1, stride, bias=False)

    def forward(self, x):
        return torch.relu(self.body(x) + self.beside(x))


def _encoder(inputs: int, widths, dim: int, height: int, width: int) -> nn.Sequential:
    layers = []
    for filters in widths:
        layers += [nn.Conv2d(inputs, filters, 3, 2, 1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
        inputs, height, width = filters, -(-height // 2), -(-width // 2)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs * height * width, dim))
