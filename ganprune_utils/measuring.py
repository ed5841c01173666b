"""What is measured of every pruned generator: likeness to the dense one and quality against real images."""

import torch
from torch import nn

from ganprune_utils import metrics
from ganprune_utils.metrics import quality
from ganprune_utils.models import sampling
from ganprune_utils.pruning import recalibrate_batchnorm

N_RECALIBRATE = 1000  # noise vectors that BatchNorm statistics are taken from


class Measure:
    """Measures generators against a dense one, on one half of the real test images and its own stream of noise.

    Args:
        dataset: whose shipped classifier judges.
        dense: the generator that likeness is to.
        n_samples, n_quality: images for likeness and for quality.
        half: "choose" or "report": what is chosen by the first is reported by the second.
    """

    def __init__(self, dataset: str, dense: nn.Module, n_samples: int, n_quality: int, half: str = "report"):
        self.judge = quality.Judge(dataset, half)
        seeds = sampling.NOISE_SEEDS
        self.noise = sampling.draw_noise(max(n_samples, n_quality), dense.latent_dim, seeds[half])
        self.repair_noise = sampling.draw_noise(N_RECALIBRATE, dense.latent_dim, seeds["recalibrate"])
        self.n_samples, self.n_quality = n_samples, n_quality
        self.before = self._pictures(dense, n_samples)

    def __call__(self, network: nn.Module, repairs=(False, True)) -> list[dict]:
        """A row as it is, and one with BatchNorm recalibrated, which changes `network`.

        Each has recalibrated, ssim, uqi and the entries of `metrics.quality.quality`.
        """
        rows = []
        for recalibrated in repairs:
            if recalibrated:
                recalibrate_batchnorm(network, self.repair_noise)
            seen = self._pictures(network, len(self.noise))
            likeness = {
                name: getattr(metrics, name)(self.before, seen[: self.n_samples], data_range=255).mean().item()
                for name in ("ssim", "uqi")
            }
            rows.append({"recalibrated": recalibrated, **likeness, **self.judge.pictures(seen[: self.n_quality])})
        return rows

    def _pictures(self, network: nn.Module, n: int) -> torch.Tensor:
        parts = self.noise[:n].split(500)
        return torch.cat([metrics.as_saved(sampling.generate(network, part), self.judge.own_size) for part in parts])
