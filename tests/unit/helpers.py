"""Small networks that several tests share."""

import torch
import torch.nn.functional as F
from torch import nn

from ganprune_utils.models.sampling import draw_noise

NOISE = draw_noise(32, 12, 0)


def trained_like(model, seed=0):
    """Weights and BatchNorm that differ from filter to filter, as after training."""
    random = torch.Generator().manual_seed(seed)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0, 0.1, generator=random)
        if isinstance(layer, nn.BatchNorm2d):
            for tensor in (layer.weight, layer.bias, layer.running_mean):
                nn.init.normal_(tensor, 0.3, 0.5, generator=random)
            nn.init.uniform_(layer.running_var, 0.5, 2.0, generator=random)
    return model.eval()


class Foreign(nn.Module):
    """A generator that is not the study's: a linear layer, an addition, a concatenation, biases."""

    def __init__(self, reshaped=-1):
        super().__init__()
        self.reshaped = reshaped
        self.fc = nn.Linear(12, 16 * 32)
        self.conv1 = nn.Conv2d(32, 24, 3, 1, 1)
        self.bn1 = nn.BatchNorm2d(24)
        self.conv2 = nn.Conv2d(24, 32, 3, 1, 1)
        self.up = nn.ConvTranspose2d(56, 16, 4, 2, 1)
        self.bn2 = nn.BatchNorm2d(16)
        self.out = nn.Conv2d(16, 3, 3, 1, 1)

    def forward(self, noise):
        x = self.fc(noise.flatten(1)).view(noise.shape[0], self.reshaped, 4, 4)
        y = F.relu(self.bn1(self.conv1(x)))
        x = torch.cat([x + self.conv2(y), y], 1)
        return torch.tanh(self.out(F.relu(self.bn2(self.up(x)))))
