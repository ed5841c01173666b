"""What is measured of a U-Net: nearness to the target on the test pairs, and the quality of what it generates."""

import hashlib

import numpy as np
import pandas as pd
import torch
from torch import nn

from ganprune_utils.artifacts import file_sha256, has_classifier, pretrained_root
from ganprune_utils.data.images import CANVAS_SIZE, native_size
from ganprune_utils.data.transforms import center_crop, to_model_range, to_uint8
from ganprune_utils.metrics.quality import SPLITS, QualityEvaluator
from ganprune_utils.metrics.reconstruction import reconstruction_table
from ganprune_utils.parameters import TASKS

SHOWN = 8  # images of each run that are at hand as a picture


class UNetEvaluator:
    """Evaluates images generated from the inputs of one half of the test pairs.

    A half is every other clip (of pictures: every other pair), or at most `n` pairs of it. The Fréchet classifier
    distance is to the real images of the *other* half, so that no image is compared with its own target there; without
    `frechet`, or where the data set has no pretrained classifier, there is none.

    Args:
        test: the test pairs (a `data.pairs.Pairs`).
        split: "validation" or "test".
        device: where images are compared; a network computes where its weights lie.
    """

    def __init__(self, task: str, test, split: str = "test", n: int = 0, frechet: bool = True, device="cpu"):
        self.device, half = torch.device(device), SPLITS.index(split)
        self.chosen = (test.clips % 2 == half).nonzero().flatten()
        if 0 < n < len(self.chosen):
            self.chosen = self.chosen[torch.arange(n) * len(self.chosen) // n]
        self.n_all = len(test.inputs)
        self.inputs, self.targets, self.clips = (t[self.chosen] for t in (test.inputs, test.targets, test.clips))
        dataset, side = TASKS[task], self.targets.shape[-1]
        # Of images without a margin all is compared.
        self.native_size = native_size(dataset) if dataset and side == CANVAS_SIZE else None
        fits = frechet and dataset and has_classifier(dataset) and side == CANVAS_SIZE
        self.quality = QualityEvaluator(dataset, SPLITS[1 - half], device) if fits else None
        # What decides the scores of a network, for a cache of them: also the classifier and its real features.
        files = sorted((pretrained_root() / str(dataset)).glob("*classifier/*.safetensors")) if fits else []
        self.decided = {"task": task, "test": test.sha256, "split": split, "n": len(self.chosen)}
        self.decided |= {"classifier": [file_sha256(path) for path in files]}

    def measure(self, generator: nn.Module) -> dict:
        """Of what the generator makes of this half's inputs: `scores`, l1 and ssim of `each` clip, and `images`."""
        images = translate(generator, self.inputs)
        each = self.each(images)
        by_clip = each.groupby(self.clips.numpy())[["l1", "ssim"]].mean()
        return {"scores": self.means(each, images), "each": by_clip, "images": spread(images, SHOWN).clone()}

    def each(self, generated: torch.Tensor) -> pd.DataFrame:
        """One row per image: l1, psnr, ssim; `generated` uint8 (N, C, H, W), of all test pairs or of `inputs`."""
        return reconstruction_table(self._compared(generated), self._compared(self.targets))

    def scores(self, generated: torch.Tensor) -> dict[str, float]:
        """Means of `each`, and the Fréchet classifier distance where the data set has a classifier."""
        return self.means(self.each(generated), generated)

    def means(self, each: pd.DataFrame, generated: torch.Tensor) -> dict[str, float]:
        """`scores`, where `each` is at hand."""
        scores = each.replace(np.inf, np.nan).mean().to_dict()
        if self.quality:
            scores["frechet"] = self.quality.frechet(self._compared(generated))
        return scores

    def trivial_l1(self, train) -> float:
        """The L1 of the better of two baselines that need no network: the input, and the mean target of `train`."""
        baselines = self.inputs.expand_as(self.targets), mean_image(train.targets).expand_as(self.targets)
        return min(self.each(baseline).l1.mean() for baseline in baselines)

    def _compared(self, images):
        images = images[self.chosen] if len(images) == self.n_all else images
        images = images.to(self.device)
        return center_crop(images, self.native_size) if self.native_size else images


@torch.no_grad()
def translate(generator: nn.Module, inputs: torch.Tensor, batch_size: int = 250) -> torch.Tensor:
    """What the generator makes of uint8 inputs (N, A, H, W), as uint8 (N, B, H, W), in evaluation mode."""
    generator.eval()
    device = next(generator.parameters()).device
    batches = inputs.split(batch_size)
    return torch.cat([to_uint8(generator(to_model_range(batch.to(device)))).cpu() for batch in batches])


def spread(images: torch.Tensor, n: int) -> torch.Tensor:
    """The first `n` of every so many images, so that they are spread over all."""
    return images[:: max(1, len(images) // n)][:n]


def mean_image(targets: torch.Tensor) -> torch.Tensor:
    """The mean of uint8 images (N, C, H, W), as uint8 (1, C, H, W)."""
    total = sum(batch.double().sum(0, keepdim=True) for batch in targets.split(10_000))
    return (total / len(targets)).round().to(torch.uint8)


def network_digest(*networks: nn.Module) -> str:
    """A short name of networks by their weights and architectures: what is the same network has the same name."""
    digest = hashlib.sha256()
    for network in networks:
        digest.update(str(network.config).encode())
        for tensor in network.state_dict().values():
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
