"""A small residual classifier for 32x32 images: its penultimate features are the eyes of the quality metrics.

Inception features are made for 299x299 colour photographs; on 28x28 grey pictures they mean little. A network trained
on the data set itself sees what matters in it. The blocks are those of He et al. (2016), pre-activation.
"""

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    """Two 3x3 convolutions with a shortcut; halves the image where `stride` is 2."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.shortcut = None if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride, 0, bias=False)

    def forward(self, x):
        y = F.relu(self.bn1(x))
        shortcut = x if self.shortcut is None else self.shortcut(y)
        return self.conv2(F.relu(self.bn2(self.conv1(y)))) + shortcut


class Classifier(nn.Module):
    """Images (N, channels, 32, 32) in [-1, 1] to class logits (N, classes); `features` gives (N, 4 * width)."""

    def __init__(self, channels: int = 1, classes: int = 10, width: int = 32, depth: int = 1):
        super().__init__()
        self.config = {
            "architecture": "classifier",
            "channels": channels,
            "classes": classes,
            "width": width,
            "depth": depth,
        }
        self.channels = channels
        self.conv1 = nn.Conv2d(channels, width, 3, 1, 1, bias=False)  # (width, 32, 32)
        blocks, inputs = [], width
        for outputs, stride in ((width, 1), (2 * width, 2), (4 * width, 2)):  # down to (4 width, 8, 8)
            for i in range(depth):
                blocks.append(Block(inputs, outputs, stride if i == 0 else 1))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.bn = nn.BatchNorm2d(inputs)
        self.head = nn.Linear(inputs, classes)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """The mean over the image of the last hidden layer: (N, 4 * width)."""
        return F.relu(self.bn(self.blocks(self.conv1(images)))).mean(dim=(2, 3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(images))
