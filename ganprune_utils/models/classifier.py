"""Small classifiers for 32x32 images: their penultimate features are the eyes of the quality metrics.

Inception features are made for 299x299 colour photographs; on 28x28 grey pictures they mean little. A network trained
on the data set itself sees what matters in it. Two architectures, so that a ranking can be checked by other eyes.
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
        same = inputs == outputs and stride == 1
        self.shortcut = None if same else nn.Conv2d(inputs, outputs, 1, stride, 0, bias=False)

    def forward(self, x):
        y = F.relu(self.bn1(x))
        shortcut = x if self.shortcut is None else self.shortcut(y)
        return self.conv2(F.relu(self.bn2(self.conv1(y)))) + shortcut


class Classifier(nn.Module):
    """Images (N, channels, 32, 32) in [-1, 1] to class logits (N, classes); `features` gives (N, widths[-1]).

    Residual, with the pre-activation blocks of He et al. (2016).
    """

    def __init__(self, channels: int = 1, classes: int = 10, widths=(16, 32, 64)):
        super().__init__()
        self.config = {"architecture": "classifier", "channels": channels, "classes": classes, "widths": [*widths]}
        self.channels = channels
        self.conv1 = nn.Conv2d(channels, widths[0], 3, 1, 1, bias=False)  # (widths[0], 32, 32)
        # One block a width; each but the first halves the image.
        blocks = zip([widths[0], *widths[:-1]], widths, [1] + [2] * len(widths[1:]), strict=True)
        self.blocks = nn.Sequential(*(Block(before, after, stride) for before, after, stride in blocks))
        self.bn = nn.BatchNorm2d(widths[-1])
        self.head = nn.Linear(widths[-1], classes)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """The mean over the image of the last hidden layer: (N, widths[-1])."""
        return F.relu(self.bn(self.blocks(self.conv1(images)))).mean(dim=(2, 3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(images))


class PlainClassifier(nn.Module):
    """The second eyes: as `Classifier`, but after Simonyan and Zisserman (2015), no shortcuts and max pooling.

    Two 3x3 convolutions a width, each with BatchNorm and ReLU; the image is halved between widths.
    """

    def __init__(self, channels: int = 1, classes: int = 10, widths=(16, 32, 64)):
        super().__init__()
        self.config = {"architecture": "plain_classifier", "channels": channels, "classes": classes}
        self.config["widths"] = [*widths]
        self.channels = channels
        layers, inputs = [], channels
        for i, width in enumerate(widths):
            layers += [nn.MaxPool2d(2)] * (i > 0)
            for before in (inputs, width):
                layers += [nn.Conv2d(before, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            inputs = width
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(widths[-1], classes)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """The mean over the image of the last hidden layer: (N, widths[-1])."""
        return self.layers(images).mean(dim=(2, 3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(images))


CLASSIFIERS = {"residual": Classifier, "plain": PlainClassifier}
