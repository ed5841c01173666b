"""What is measured of a U-Net: nearness to the truth on the test pairs, and the quality of what it makes."""

import numpy as np
import pandas as pd
import torch
from torch import nn

from ganprune_utils.artifacts import has_classifier
from ganprune_utils.datasets import IMAGE_SIZE, OWN_SIZE, to_model_range
from ganprune_utils.metrics.paired import paired_table
from ganprune_utils.metrics.quality import HALVES, Judge
from ganprune_utils.paired import TASKS


class Report:
    """Measures pictures made from the inputs of one half of the test pairs.

    A half is every other pair. The Fréchet classifier distance is to the real pictures of the *other* half, so that no
    picture is compared with its own truth there.
    """

    def __init__(self, task: str, test, half: str = "report"):
        self.half = slice(HALVES.index(half), None, 2)
        self.truth = test.targets[self.half]
        dataset = TASKS[task]
        self.own_size = OWN_SIZE.get(dataset, self.truth.shape[-1])
        fits = dataset and has_classifier(dataset) and self.truth.shape[-1] == IMAGE_SIZE
        self.judge = Judge(dataset, HALVES[1 - HALVES.index(half)]) if fits else None

    def each(self, made: torch.Tensor) -> pd.DataFrame:
        """l1, psnr and ssim of every picture; `made` uint8 (N, C, H, W), of the whole test split or of the half."""
        return paired_table(self._own(self._half_of(made)), self._own(self.truth))

    def pictures(self, made: torch.Tensor) -> dict[str, float]:
        """Means of `each`, and the Fréchet classifier distance where a classifier ships."""
        found = self.each(made).replace(np.inf, np.nan).mean().to_dict()
        if self.judge:
            found["frechet"] = self.judge.pictures(self._own(self._half_of(made)))["frechet"]
        return found

    def _half_of(self, made):
        return made if len(made) == len(self.truth) else made[self.half]

    def _own(self, images):
        margin = (images.shape[-1] - self.own_size) // 2
        return images[..., margin : images.shape[-2] - margin, margin : images.shape[-1] - margin]


@torch.no_grad()
def translate(generator: nn.Module, inputs: torch.Tensor, batch_size: int = 250) -> torch.Tensor:
    """What the generator makes of uint8 inputs (N, A, H, W), as uint8 (N, B, H, W), in evaluation mode."""
    generator.eval()
    parts = (generator(to_model_range(part)).float() for part in inputs.split(batch_size))
    return torch.cat([part.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8) for part in parts])


def mean_picture(targets: torch.Tensor) -> torch.Tensor:
    """The mean of uint8 pictures (N, C, H, W), as uint8 (1, C, H, W)."""
    total = sum(part.double().sum(0, keepdim=True) for part in targets.split(10_000))
    return (total / len(targets)).round().to(torch.uint8)
