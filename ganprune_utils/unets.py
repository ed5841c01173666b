"""What is measured of a U-Net: nearness to the truth on the test pairs, and the quality of what it makes."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from ganprune_utils.artifacts import file_sha256, has_classifier
from ganprune_utils.datasets import IMAGE_SIZE, OWN_SIZE, to_model_range
from ganprune_utils.errors import DataError
from ganprune_utils.kept import Kept
from ganprune_utils.metrics import cost
from ganprune_utils.metrics.paired import paired_table
from ganprune_utils.metrics.quality import HALVES, Judge
from ganprune_utils.metrics.statistics import crossing
from ganprune_utils.paired import TASKS
from ganprune_utils.pruning import filter_groups, remove_filters

RESAMPLES = 2000  # of the bootstrap


class Report:
    """Measures pictures made from the inputs of one half of the test pairs.

    A half is every other pair, or at most `n` of those. The Fréchet classifier distance is to the real pictures of the
    *other* half, so that no picture is compared with its own truth there.
    """

    def __init__(self, task: str, test, half: str = "report", n: int = 0):
        self.chosen = torch.arange(HALVES.index(half), len(test.inputs), 2)
        if 0 < n < len(self.chosen):
            self.chosen = self.chosen[torch.arange(n) * len(self.chosen) // n]
        self.whole = len(test.inputs)
        self.inputs, self.truth = test.inputs[self.chosen], test.targets[self.chosen]
        dataset = TASKS[task]
        self.own_size = OWN_SIZE.get(dataset, self.truth.shape[-1])
        fits = dataset and has_classifier(dataset) and self.truth.shape[-1] == IMAGE_SIZE
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


def keep(folder: Path, weights: list[Path], pairs, settings: dict) -> Kept:
    """Keeps the pieces of a run in `folder`, apart for all that decides them.

    That is the weights in the folders `weights`, the `pairs` to train on, some of the settings, and the modules by
    which a network is cut, trained and measured.
    """
    package = Path(__file__).parent
    names = ("unets.py", "inner_layers.py", "models/unet.py", "training/pix2pix.py", "metrics/paired.py")
    files = [*(package / name for name in names), *sorted(package.glob("pruning/*.py"))]
    files += sorted(path for place in weights for path in Path(place).glob("*.safetensors"))
    decided = [settings[name] for name in ("task", "seed", "precision", "threads", "steps", "n_test")]
    return Kept(folder / "kept", [*map(file_sha256, files), pairs.sha256, len(pairs), *decided])


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


def difference(one: list[pd.Series], other: list[pd.Series], whole: float, seed: int = 0) -> dict:
    """Mean of `one` minus `other`, paired by run and picture, with its 95 % bootstrap interval, as shares of `whole`.

    A series a run, a score a picture; what was run once stands beside every run. Runs and pictures are both drawn anew,
    because both would be others another time. With few runs the interval is still too narrow; `worst` is the largest
    difference of any one run.
    """
    runs = max(len(one), len(other))
    one, other = (np.stack(series * (runs if len(series) == 1 else 1)) for series in (one, other))
    each = (one - other) / whole  # (runs, pictures)
    pictures, drawn = _drawn(each.shape[1], seed), _drawn(runs, seed + 1)
    low, high = np.quantile(((pictures @ each.T) * drawn).sum(1), [0.025, 0.975])
    return {"difference": each.mean(), "low": low, "high": high, "worst": each.mean(1).max()}


@cache
def _drawn(n: int, seed: int) -> np.ndarray:
    """(RESAMPLES, n): what share of a sample, drawn with replacement from n things, each of them is."""
    random = np.random.default_rng(seed)
    return np.stack([np.bincount(random.integers(n, size=n), minlength=n) for _ in range(RESAMPLES)]) / n


def no_loss(each: dict[tuple, pd.Series], margin: float, seed: int = 0) -> pd.DataFrame:
    """Whether a network is no worse than the dense one, as it was trained or trained on, whichever is better.

    Args:
        each: (way, measure, target, run) -> L1 of every picture; those of way "dense" and "dense, as trained" are
            compared with.
        margin: share of the dense L1 that counts as none.

    Returns:
        Index way, measure, target; `difference`'s columns, and no_loss: the interval and every run below the margin.

    Raises DataError where there is no dense network.
    """
    ways = _runs(each)
    dense = [scores for (way, *_), scores in ways.items() if way.startswith("dense")]
    if not dense:
        raise DataError("verdict: has no dense network to compare with")
    best = min(dense, key=lambda scores: np.mean([own.mean() for own in scores]))
    whole, rows = float(np.mean([own.mean() for own in best])), {}
    for key, own in ways.items():
        if not key[0].startswith("dense"):
            rows[key] = difference(own, best, whole, seed)
            rows[key]["no_loss"] = max(rows[key]["high"], rows[key]["worst"]) < margin
    return pd.DataFrame(rows).T.rename_axis(["way", "measure", "target"]).convert_dtypes()


def duels(each: dict[tuple, pd.Series], ours: tuple[str, ...] = ("levels out", "inner"), seed: int = 0) -> pd.DataFrame:
    """The remedies against every other way at the same cost: `difference`'s columns, as shares of the dense L1.

    Negative: the remedy is better; wins says that of the whole interval, loses the opposite.
    """
    ways = _runs(each)
    whole = float(np.mean([own.mean() for own in ways["dense", "-", "-"]]))
    rows = []
    for remedy in ours:
        for (way, measure, target), other in ways.items():
            own = ways.get((remedy, measure, target)) or ways.get((remedy, "both", target))
            if own is not None and way not in (remedy, "levels out") and measure != "both":
                found = difference(own, other, whole, seed)
                row = {"remedy": remedy, "against": way, "measure": measure, "target": target, **found}
                rows.append(row | {"wins": found["high"] < 0, "loses": found["low"] > 0})
    return pd.DataFrame(rows)


def _runs(each: dict[tuple, pd.Series]) -> dict[tuple, list[pd.Series]]:
    found = {}
    for (*key, _), scores in sorted(each.items(), key=lambda item: item[0][-1]):
        found.setdefault(tuple(key), []).append(scores)
    return found
