"""What is measured of a U-Net: nearness to the truth on the test pairs, and the quality of what it makes."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from ganprune_utils.artifacts import file_sha256, has_classifier, shipped_root
from ganprune_utils.datasets import IMAGE_SIZE, OWN_SIZE, to_model_range
from ganprune_utils.kept import Kept
from ganprune_utils.metrics import cost
from ganprune_utils.metrics.paired import paired_table
from ganprune_utils.metrics.quality import HALVES, Judge
from ganprune_utils.paired import TASKS
from ganprune_utils.pruning import filter_groups, remove_filters

COSTS = {"macs": "multiply-accumulates", "parameters": "parameters"}  # of `costs`, in words


class Report:
    """Measures pictures made from the inputs of one half of the test pairs.

    A half is every other pair, or at most `n` of those. The Fréchet classifier distance is to the real pictures of the
    *other* half, so that no picture is compared with its own truth there; without `frechet`, or where no classifier
    ships, there is none.
    """

    def __init__(self, task: str, test, half: str = "report", n: int = 0, frechet: bool = True):
        self.chosen = torch.arange(HALVES.index(half), len(test.inputs), 2)
        if 0 < n < len(self.chosen):
            self.chosen = self.chosen[torch.arange(n) * len(self.chosen) // n]
        self.whole = len(test.inputs)
        self.inputs, self.truth = test.inputs[self.chosen], test.targets[self.chosen]
        dataset = TASKS[task]
        self.own_size = OWN_SIZE.get(dataset, self.truth.shape[-1])
        fits = frechet and dataset and has_classifier(dataset) and self.truth.shape[-1] == IMAGE_SIZE
        self.judge = Judge(dataset, HALVES[1 - HALVES.index(half)]) if fits else None

    def __call__(self, generator: nn.Module) -> dict[str, float]:
        """`pictures` of what the generator makes of this half's inputs."""
        return self.pictures(translate(generator, self.inputs))

    def each(self, made: torch.Tensor) -> pd.DataFrame:
        """l1, psnr and ssim of every picture; `made` uint8 (N, C, H, W), of the whole test split or of `inputs`."""
        return paired_table(self._own(self._chosen_of(made)), self._own(self.truth))

    def pictures(self, made: torch.Tensor) -> dict[str, float]:
        """Means of `each`, and the Fréchet classifier distance where a classifier ships."""
        return self.means(self.each(made), made)

    def means(self, each: pd.DataFrame, made: torch.Tensor) -> dict[str, float]:
        """`pictures`, where `each` is at hand."""
        found = each.replace(np.inf, np.nan).mean().to_dict()
        if self.judge:
            found["frechet"] = self.judge.frechet(self._own(self._chosen_of(made)))
        return found

    def _chosen_of(self, made):
        return made[self.chosen] if len(made) == self.whole else made

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


def without_network(report: "Report", pairs) -> float:
    """The L1 of the better of two answers that need no network: the input, and the mean picture of `pairs`."""
    answers = report.inputs.expand_as(report.truth), mean_picture(pairs.targets).expand_as(report.truth)
    return min(report.each(answer).l1.mean() for answer in answers)


def keep(folder: Path, task: str, pairs, test, *decided) -> Kept:
    """Keeps the pieces of a run in `folder`, apart for all that decides them but the networks: see `digest`.

    That is the pairs to train and to test on, the settings `decided` (what JSON can hold), and the modules and the
    classifier by which a network is trained and measured.
    """
    package, dataset = Path(__file__).parent, TASKS[task]
    names = ("unets", "measuring", "models/unet", "training/pix2pix", "training/step", "training/augmentation")
    names += ("models/convolution", "models/winograd", "metrics/paired", "metrics/similarity", "metrics/quality")
    files = [package / f"{name}.py" for name in names]
    files += sorted((shipped_root() / dataset / "classifier").glob("*.safetensors")) if dataset else []
    return Kept(folder / "kept", [*map(file_sha256, files), pairs.sha256, test.sha256, len(pairs), task, *decided])


def digest(*networks: nn.Module) -> str:
    """A short name of networks by their weights and architectures: what is the same network has the same name."""
    digest = hashlib.sha256()
    for network in networks:
        digest.update(str(network.config).encode())
        for tensor in network.state_dict().values():
            digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


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


def widths(unet: nn.Module) -> str:
    """The filters of its layers, in their order: "64 128 256 | 128 64" for a U-Net of three levels."""
    down, up = ([str(block.conv.out_channels) for block in part.values()] for part in (unet.down, unet.up))
    return " | ".join([" ".join(down), " ".join(up[:-1])])


def short(name: str) -> str:
    """ "down4" for "down.down4.conv": tied layers keep their plus sign."""
    return " + ".join(part.split(".")[1] if "." in part else part for part in name.split(" + "))
