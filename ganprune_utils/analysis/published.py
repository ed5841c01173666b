"""The published numbers whose weights ship, computed once more: which of their digits come out on this machine?"""

import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch

from ganprune_utils import pruning
from ganprune_utils.analysis import audit
from ganprune_utils.artifacts import CHECKOUT, pretrained_root
from ganprune_utils.data.transforms import as_saved
from ganprune_utils.errors import DataError
from ganprune_utils.metrics import similarity
from ganprune_utils.metrics.quality import QualityEvaluator
from ganprune_utils.models import checkpoints, sampling

DIGITS = 6  # significant digits of a number in a table
N_SIMILARITY, N_QUALITY = 250, 5000  # images, as in the tables
DATASETS, SEEDS = ("fashion_mnist", "cifar10"), (0, 1, 2)
KEY = ["dataset", "seed", "method", "scope", "threshold", "last_layer", "metric"]
SIMILARITY = {"uqi": similarity.uqi, "ssim": similarity.ssim, "ms_ssim": similarity.ms_ssim}
# (method, scope, threshold, last layer): the README's first table, then the finding on the last layer.
RUNS = [
    ("percentage", "global", 0.0, "pruned"),
    ("percentage", "global", 50.0, "pruned"),
    ("sensitivity", "layer", 0.75, "pruned"),
    ("sensitivity", "matched", 50.0, "pruned"),
    ("random", "uniform", 50.0, "pruned"),
]
LAST_LAYER = [
    (*method, 70.0, last_layer)
    for method in (("percentage", "global"), ("percentage", "layer"), ("sensitivity", "matched"))
    for last_layer in ("pruned", "dense")
]
# What takes longer or other weights: the folder of its tables -> the command that makes them anew.
ELSEWHERE = {"reports": "make report", "reports/compression": "make compression", "reports/unets": "make unets"}


def tables() -> Path:
    """The folder of the published tables; DataError where the package was installed without them."""
    if not CHECKOUT:
        raise DataError("reports/tables: not installed with the package; run this in a checkout of the repository")
    return CHECKOUT / "reports/tables"


def numbers() -> Iterator[tuple[str, float, float]]:
    """(what it is, published, recomputed) of each number, as soon as it is computed; all of one seed, then the next."""
    known = pd.concat(read() for read in (_similarity, _quality)).set_index(KEY).value
    judges = {dataset: QualityEvaluator(dataset) for dataset in DATASETS}
    for dataset, judge in judges.items():
        yield f"{dataset} SSIM of unrelated images, floats with L = 255", *blind_ssim(judge, dataset)
    for seed, (dataset, judge), run in itertools.product(SEEDS, judges.items(), [*RUNS, *LAST_LAYER]):
        for metric, value in recomputed(judge, dataset, seed, *run).items():
            place = (dataset, seed, *run, metric)
            yield " ".join(map(str, place)), known[place], value


def _similarity() -> pd.DataFrame:
    return _as_pruned(pd.read_csv(tables() / "means.csv"))


def _quality() -> pd.DataFrame:
    return _as_pruned(
        pd.read_csv(tables() / "quality.csv").rename(columns={"frechet": "value"}).assign(metric="frechet")
    )


def _as_pruned(rows: pd.DataFrame) -> pd.DataFrame:
    """Scores of generators that were not recalibrated: columns KEY and value."""
    return rows[~rows.recalibrated & (rows.pruned_network == "generator")][[*KEY, "value"]]


def recomputed(
    judge: QualityEvaluator, dataset: str, seed: int, method: str, scope: str, threshold: float, last_layer: str
) -> dict[str, float]:
    """The Fréchet distance of a pretrained generator once pruned; in the first table also its similarity to dense."""
    dense, pruned = (checkpoints.load_generator(dataset, seed) for _ in range(2))
    pruning.apply_masks(pruned, pruning.masks_for(pruned, method, scope, threshold, seed, last_layer))
    noise = sampling.draw_noise(N_QUALITY, dense.latent_dim, sampling.NOISE_SEEDS["test"])
    images = _images(pruned, noise, judge)
    values = {"frechet": judge.frechet(images)}
    if (method, scope, threshold, last_layer) in RUNS and threshold:
        pairs = _images(dense, noise[:N_SIMILARITY], judge), images[:N_SIMILARITY]
        values |= {name: metric(*pairs, data_range=255).mean().item() for name, metric in SIMILARITY.items()}
    return values


def blind_ssim(judge: QualityEvaluator, dataset: str) -> tuple[float, float]:
    """Published and recomputed mean SSIM of unrelated images as floats in [0, 1] with L = 255 (audit, H1a)."""
    verdicts = pd.read_csv(tables() / "audit-verdicts.csv").set_index(["dataset", "hypothesis"])
    dense = checkpoints.load_generator(dataset, 0)
    images = sampling.generate(dense, sampling.draw_noise(N_SIMILARITY, dense.latent_dim, sampling.NOISE_SEEDS["test"]))
    scores = audit.score_pairs(images, images.roll(1, dims=0), audit.FLOATS, judge.native_size)
    return verdicts["decisive number"][dataset, "H1a wrong range blinds SSIM"], scores.ssim.mean()


def _images(generator, noise: torch.Tensor, judge: QualityEvaluator) -> torch.Tensor:
    return torch.cat([as_saved(sampling.generate(generator, b), judge.native_size) for b in noise.split(500)])


def digits_that_agree(published: float, recomputed: float) -> int:
    """How many significant digits, of six, two numbers share: they differ by less than half of the last one."""
    if published == recomputed:
        return DIGITS
    size = math.floor(math.log10(max(abs(published), abs(recomputed))))
    return max(0, min(DIGITS, math.floor(size + 1 - math.log10(2 * abs(published - recomputed)) + 1e-9)))


def elsewhere() -> pd.DataFrame:
    """What is not computed here: index the command; columns results, runs, and hours as they took, added up."""
    seconds = {
        "make checkpoints": ("checkpoints", [_read(p)["seconds"] for p in pretrained_root().glob("*/*/generator.json")])
    }
    for folder, command in ELSEWHERE.items():
        lines = (tables().parent.parent / folder / "tables/runs.jsonl").read_text("utf-8").splitlines()
        seconds[command] = f"{folder}/tables", [json.loads(line)["seconds"] for line in lines]
    rows = {command: (place, len(runs), sum(runs) / 3600) for command, (place, runs) in seconds.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["results", "runs", "hours"])


def _read(card: Path) -> dict:
    return json.loads(card.read_text("utf-8"))
