"""What is measured of a U-Net: nearness to the truth on the test pairs, and the quality of what it makes."""

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import nn

from ganprune_utils.artifacts import has_classifier
from ganprune_utils.datasets import IMAGE_SIZE, OWN_SIZE, to_model_range
from ganprune_utils.errors import DataError
from ganprune_utils.metrics import cost
from ganprune_utils.metrics.paired import paired_table
from ganprune_utils.metrics.quality import HALVES, Judge
from ganprune_utils.metrics.statistics import crossing
from ganprune_utils.paired import TASKS
from ganprune_utils.pruning import filter_groups, remove_filters

RESAMPLES = 2000  # of the bootstrap


class Report:
    """Measures pictures made from the inputs of one half of the test pairs.

    A half is every other pair. The Fréchet classifier distance is to the real pictures of the *other* half, so that no
    picture is compared with its own truth there.
    """

    def __init__(self, task: str, test, half: str = "report"):
        self.half = slice(HALVES.index(half), None, 2)
        self.inputs, self.truth = test.inputs[self.half], test.targets[self.half]
        dataset = TASKS[task]
        self.own_size = OWN_SIZE.get(dataset, self.truth.shape[-1])
        fits = dataset and has_classifier(dataset) and self.truth.shape[-1] == IMAGE_SIZE
        self.judge = Judge(dataset, HALVES[1 - HALVES.index(half)]) if fits else None

    def __call__(self, generator: nn.Module) -> dict[str, float]:
        """`pictures` of what the generator makes of this half's inputs."""
        return self.pictures(translate(generator, self.inputs))

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


def costs(generator: nn.Module, example: torch.Tensor) -> dict[str, int]:
    """Multiply-accumulates for one picture, and parameters."""
    return {"macs": cost.macs(generator, example), "parameters": cost.parameters(generator)["parameters"]}


def describe(unet: nn.Module, example: torch.Tensor) -> pd.DataFrame:
    """The groups of filters: how many, what goes with them and who reads them, and how many percent of the network's
    parameters and multiply-accumulates go with half of them."""
    whole, rows = costs(unet, example), []
    for name, group in filter_groups(unet, example).items():
        halved = costs(remove_filters(unet, {name: torch.arange(group.size // 2)}, example), example)
        row = {"layer": short(name), "filters": group.size, "BatchNorm": ", ".join(map(short, group.norms))}
        row["read by"] = ", ".join(map(short, group.consumers))
        rows.append(row | {f"{key} %": 100 * (1 - halved[key] / whole[key]) for key in whole})
    return pd.DataFrame(rows).set_index("layer")


def short(name: str) -> str:
    """ "down4" for "down.down4.conv": tied layers keep their plus sign."""
    return " + ".join(part.split(".")[1] if "." in part else part for part in name.split(" + "))


def ranking(scan: pd.DataFrame, reference: pd.DataFrame, rise: float, metric: str = "l1") -> pd.DataFrame:
    """Layers from most to least sensitive, without (tuned False) and with fine-tuning.

    `scan` are rows of `sensitivity.scan_filters`, `reference` one row of the dense network for each value of `tuned`.
    tolerated: the share of the layer's filters at which the metric has risen by the share `rise` (NaN: not within the
    scan); at_half: its rise with half of the filters gone, interpolated.
    """
    rows = []
    for (tuned, layer), points in scan.groupby(["tuned", "layer"], sort=False):
        dense = reference[metric][reference.tuned == tuned].item()
        shares, values = [0, *points.sparsity], [dense, *points[metric]]
        reached = crossing(shares, values, (1 + rise) * dense)
        half = np.interp(0.5, shares, values) / dense - 1
        rows.append({"tuned": tuned, "layer": short(layer), "tolerated": reached, "at_half": half})
    table = pd.DataFrame(rows).sort_values(["tuned", "tolerated", "at_half"], ascending=[True, True, False])
    return table.set_index(["tuned", "layer"])


def no_loss(each: dict[tuple, pd.Series], margin: float, seed: int = 0) -> pd.DataFrame:
    """Whether a network is no worse than the dense one: paired by picture, mean over runs, 95 % bootstrap interval.

    Args:
        each: (way, levels, measure, run) -> L1 of every picture; ("dense", "-", "-", run) is compared with.
        margin: share of the dense L1 that counts as none.

    Returns:
        Index way, levels, measure; difference, low, high as shares of the dense L1, and no_loss: high below the margin.
    """
    if ("dense", "-", "-", 0) not in each:
        raise DataError("verdict: has no dense network to compare with")
    by_way = pd.concat(each, axis=1).T.groupby(level=[0, 1, 2], sort=False).mean().T
    dense, rows = by_way["dense", "-", "-"], {}
    for key in by_way.columns.drop(("dense", "-", "-")):
        differences = ((by_way[key] - dense) / dense.mean()).to_numpy()
        found = stats.bootstrap(
            (differences,), np.mean, n_resamples=RESAMPLES, batch=100, method="percentile", rng=seed
        )
        low, high = found.confidence_interval
        rows[key] = {"difference": differences.mean(), "low": low, "high": high, "no_loss": high < margin}
    return pd.DataFrame(rows).T.rename_axis(["way", "levels", "measure"]).convert_dtypes()
