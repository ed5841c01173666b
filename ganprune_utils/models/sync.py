"""Do lips and sound belong together? Two small networks that put a few frames and their sound into one space."""

import torch
import torch.nn.functional as F
from torch import nn


class SyncNet(nn.Module):
    """`see` gives unit vectors (N, dim) of 5 frames' lower halves (N, 15, 48, 96), `hear` of mel (N, 1, 80, 16).

    `widths` are the filters of its convolutions of stride 2: networks of other widths are other judges.
    """

    def __init__(self, widths=(32, 64, 128, 256), dim: int = 128):
        super().__init__()
        self.config = {"architecture": "talking_face_sync", "widths": list(widths), "dim": dim}
        self.video, self.sound = _encoder(15, widths, dim, 48, 96), _encoder(1, widths, dim, 80, 16)

    def see(self, faces: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.video(faces), dim=1)

    def hear(self, mel: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.sound(mel), dim=1)


def _encoder(inputs: int, widths, dim: int, height: int, width: int) -> nn.Sequential:
    layers = []
    for filters in widths:
        layers += [nn.Conv2d(inputs, filters, 3, 2, 1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
        inputs, height, width = filters, -(-height // 2), -(-width // 2)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs * height * width, dim))
