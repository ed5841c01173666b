"""A small network that finds the mouth's landmarks in a frame of a talking face."""

import torch
from torch import nn

POINTS = 20


class MouthLandmarks(nn.Module):
    """Frames uint8 (N, 3, 96, 96) to landmarks (N, 20, 2), fractions of the frame; it sees the lower half only."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 48, 64)):
        super().__init__()
        self.config = {"architecture": "mouth_landmarks", "widths": list(widths)}
        layers = []
        for before, width in zip((3, *widths), widths, strict=False):
            layers += [nn.Conv2d(before, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        self.features = nn.Sequential(*layers, nn.Flatten())
        self.points = nn.Linear(widths[-1] * (48 >> len(widths)) * (96 >> len(widths)), 2 * POINTS)
        nn.init.zeros_(self.points.weight)
        nn.init.constant_(self.points.bias, 0.7)  # near the mouth

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        lower = frames[..., 48:, :].float() / 127.5 - 1
        return self.points(self.features(lower)).view(-1, POINTS, 2)
