"""What is measured of every pruned DCGAN generator: similarity to the dense one and quality against real images."""

import torch
from torch import nn

from ganprune_utils.data.transforms import as_saved
from ganprune_utils.metrics.quality import QualityEvaluator
from ganprune_utils.metrics.similarity import ssim, uqi
from ganprune_utils.models import sampling
from ganprune_utils.pruning.recalibrate import recalibrate_batchnorm


class DCGANEvaluator:
    """Evaluates generators beside a dense one, on one half of the real test images and its own stream of noise.

    Args:
        dataset: whose pretrained classifier gives the features.
        dense: the generator that similarity is to.
        n_samples, n_quality: images for similarity and for quality.
        split: "validation" or "test": what is chosen by the first is reported by the second.
        device: where the classifiers compute; a generator computes where its weights lie.
    """

    def __init__(
        self, dataset: str, dense: nn.Module, n_samples: int, n_quality: int, split: str = "test", device="cpu"
    ):
        self.quality = QualityEvaluator(dataset, split, device)
        n = max(n_samples, n_quality)
        self.noise = sampling.draw_noise(n, dense.latent_dim, sampling.NOISE_SEEDS[split])
        self.recalibration_noise = sampling.recalibration_noise(dense.latent_dim)
        self.n_samples, self.n_quality = n_samples, n_quality
        self.reference = self.images(dense, n_samples)

    def __call__(self, network: nn.Module, recalibrated=(False, True)) -> list[dict]:
        """One row as it is, and one with BatchNorm recalibrated, which changes `network`.

        Each has recalibrated, ssim, uqi and the entries of `metrics.quality.quality`.
        """
        rows = []
        for recalibrate in recalibrated:
            if recalibrate:
                recalibrate_batchnorm(network, self.recalibration_noise)
            images = self.images(network, len(self.noise))
            row = {"recalibrated": recalibrate}
            for name, metric in (("ssim", ssim), ("uqi", uqi)):
                row[name] = metric(self.reference, images[: self.n_samples], data_range=255).mean().item()
            rows.append(row | self.quality.images(images[: self.n_quality]))
        return rows

    def images(self, network: nn.Module, n: int) -> torch.Tensor:
        """What the network makes of the first `n` noise vectors, uint8 (n, C, native_size, native_size)."""
        batches = self.noise[:n].split(500)
        return torch.cat([as_saved(sampling.generate(network, b), self.quality.native_size) for b in batches])
