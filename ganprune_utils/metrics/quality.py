"""Quality of a set of images, seen through the features of a classifier trained on the data set.

All of it compares feature vectors (N, D) of generated images with those of real *test* images: the classifier has
fitted the training images. Fréchet distance, KID and the classifier score come from torchmetrics, which takes one's own
features; precision, recall, density and coverage are written here. N must be the same in everything that is compared,
because the Fréchet distance is biased by it.
"""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

from ganprune_utils.artifacts import has_classifier, replace_atomic, shipped_root, write_json
from ganprune_utils.checkpoints import load_part
from ganprune_utils.datasets import IMAGE_SIZE, OWN_SIZE, to_model_range
from ganprune_utils.errors import CheckpointError
from ganprune_utils.metrics.images import as_saved
from ganprune_utils.models.classifier import Classifier
from ganprune_utils.models.sampling import generate

HALVES = ("choose", "report")  # of the real test images: what is chosen with one is reported with the other
NEIGHBOURS = 5  # k of Naeem et al. (2020)
COVERED = 0.01  # a class counts as covered when at least this share of the images is given to it


@dataclass(frozen=True)
class Features:
    """`vectors` float32 (N, D) and `logits` float32 (N, classes) of N images."""

    vectors: torch.Tensor
    logits: torch.Tensor

    def half(self, which: int) -> "Features":
        """Every other image: 0 for choosing, 1 for reporting."""
        return Features(self.vectors[which::2], self.logits[which::2])


class _Passed(nn.Module):
    """Stands where torchmetrics expects a feature network: our features are computed already."""

    def __init__(self, num_features: int):
        super().__init__()
        self.num_features = num_features

    def forward(self, vectors):
        return vectors


def load_classifier(dataset: str) -> Classifier:
    """The shipped classifier of a data set, in evaluation mode. Raises CheckpointError when none ships."""
    if not has_classifier(dataset):
        known = sorted(path.parent.parent.name for path in shipped_root().glob("*/classifier/classifier.safetensors"))
        raise CheckpointError(f"classifier of {dataset}: does not ship; these do: {', '.join(known) or 'none'}")
    return load_part(shipped_root() / dataset / "classifier", "classifier")


def load_real(dataset: str, half: str) -> torch.Tensor:
    """Feature vectors (5000, D) of one half of the real test images; `half` is "choose" or "report"."""
    if half not in HALVES:
        raise ValueError(f"half = {half!r}: must be one of {', '.join(HALVES)}")
    return load_file(shipped_root() / dataset / "classifier" / "real.safetensors")[half].float()


def read_floor(dataset: str) -> dict[str, float]:
    """What one half of the real test images scores against the other: the best that a generator can hope for."""
    return json.loads((shipped_root() / dataset / "classifier" / "real.json").read_text())["floor"]


def save_real(folder, halves: dict[str, Features], data, floor: dict[str, float]) -> Path:
    """Write the vectors of both halves as 16-bit floats to `folder/real.safetensors`, with a card beside it.

    The card says which images they are of, and `floor`: the quality of half "choose" against half "report".
    """
    vectors = {name: half.vectors.to(torch.float16).contiguous() for name, half in halves.items()}
    path = Path(folder) / "real.safetensors"
    replace_atomic(path, lambda temporary: save_file(vectors, temporary))
    card = {"dataset": data.name, "split": data.split, "sha256": data.sha256, "floor": dict(floor)}
    card |= {name: list(half.shape) for name, half in vectors.items()}
    write_json(path.with_suffix(".json"), card)
    return path


@torch.no_grad()
def features(classifier: Classifier, images: torch.Tensor, batch_size: int = 100) -> Features:
    """Features and logits of images (N, C, 32, 32) in [-1, 1]."""
    # Channels last and small batches are about twice as fast on a CPU as the defaults.
    classifier = classifier.to(memory_format=torch.channels_last)
    batches = images.contiguous(memory_format=torch.channels_last).split(batch_size)
    vectors = torch.cat([classifier.features(batch) for batch in batches])
    return Features(vectors, classifier.head(vectors))


class Judge:
    """Measures the quality of images by the shipped classifier of a data set and one half of its real test images.

    Images are looked at as a viewer would save them: bytes, the data's own pixels on a black canvas of 32x32.
    """

    def __init__(self, dataset: str, half: str = "report"):
        """`half` is "choose" or "report". Raises CheckpointError when no classifier ships for the data set."""
        self.classifier = load_classifier(dataset)
        self.real = load_real(dataset, half)
        self.radius_real = radius(self.real)
        self.own_size = OWN_SIZE.get(dataset, IMAGE_SIZE)

    def features(self, images: torch.Tensor) -> Features:
        """Features of pictures (N, C, own_size, own_size), uint8."""
        margin = (IMAGE_SIZE - self.own_size) // 2
        return features(self.classifier, to_model_range(F.pad(images, (margin,) * 4)))

    def pictures(self, images: torch.Tensor) -> dict[str, float]:
        """`quality` of uint8 pictures (N, C, own_size, own_size)."""
        return quality(self.features(images), self.real, radius_real=self.radius_real)

    def frechet(self, images: torch.Tensor) -> float:
        """The Fréchet distance alone, of uint8 pictures (N, C, own_size, own_size)."""
        seen = self.features(images)
        check(seen, self.real)
        return frechet(seen.vectors, self.real)

    def generator(self, generator: nn.Module, noise: torch.Tensor) -> dict[str, float]:
        """`quality` of what the generator makes of `noise` (N, latent_dim, 1, 1)."""
        return self.pictures(
            torch.cat([as_saved(generate(generator, part), self.own_size) for part in noise.split(500)])
        )


def quality(generated: Features, real: torch.Tensor, seed: int = 0, radius_real=None) -> dict[str, float]:
    """Every quality metric of `generated` against the feature vectors `real` (N, D).

    frechet: Fréchet classifier distance (Heusel et al. 2017 with these features), 0 is best.
    kid: kernel distance (Bińkowski et al. 2018), degree 3, mean over 50 subsets of at most 1,000.
    score: classifier score, exp of the mean KL divergence (Salimans et al. 2016), from 1 to the number of classes.
    precision, recall (Kynkäänniemi et al. 2019), density, coverage (Naeem et al. 2020), k = 5.
    entropy: of the histogram of predicted classes, in nats; classes: how many get at least 1 % of the images.
    """
    check(generated, real)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it keeps the features in memory: they are there anyway
        found = _from_torchmetrics(generated, real, seed)
    found |= neighbourhoods(generated.vectors, real, radius_real)
    shares = torch.bincount(generated.logits.argmax(dim=1), minlength=generated.logits.shape[1]) / len(generated.logits)
    found["entropy"] = torch.special.entr(shares).sum()
    found["classes"] = (shares >= COVERED).sum()
    return {name: float(value) for name, value in found.items()}


def frechet(generated: torch.Tensor, real: torch.Tensor) -> float:
    """The Fréchet distance alone, of feature vectors (N, D) and (M, D): an instant, where `quality` takes seconds."""
    distance = FrechetInceptionDistance(feature=_Passed(generated.shape[1])).set_dtype(torch.float64)
    return float(_updated(distance, generated, real).compute())


def _updated(metric, generated: torch.Tensor, real: torch.Tensor):
    metric.update(real, real=True)
    metric.update(generated, real=False)
    return metric


def _from_torchmetrics(generated: Features, real: torch.Tensor, seed: int) -> dict:
    subset = min(1000, len(generated.vectors), len(real))
    kid = KernelInceptionDistance(feature=_Passed(generated.vectors.shape[1]), subsets=50, subset_size=subset)
    kid = _updated(kid, generated.vectors, real)
    score = InceptionScore(feature=_Passed(generated.logits.shape[1]), splits=1)
    score.update(generated.logits)
    with torch.random.fork_rng():  # torchmetrics draws its subsets from the global stream
        torch.manual_seed(seed)
        found = {"kid": kid.compute()[0], "score": score.compute()[0]}
    return {"frechet": frechet(generated.vectors, real), **found}


def neighbourhoods(generated: torch.Tensor, real: torch.Tensor, radius_real=None) -> dict[str, float]:
    """Precision, recall, density and coverage from the k-nearest-neighbour balls of both sets (Naeem et al. 2020).

    `radius_real`, where given, is `radius(real)`: the same for every generator, so it is computed once.
    """
    radius_real = radius(real) if radius_real is None else radius_real
    radius_generated = radius(generated)
    distance = torch.cdist(real, generated)  # (real, generated)
    inside_real = distance < radius_real[:, None]
    return {
        "precision": inside_real.any(dim=0).double().mean().item(),
        "recall": (distance < radius_generated[None, :]).any(dim=1).double().mean().item(),
        "density": inside_real.double().sum(dim=0).mean().item() / NEIGHBOURS,
        "coverage": (distance.min(dim=1).values < radius_real).double().mean().item(),
    }


def radius(vectors: torch.Tensor) -> torch.Tensor:
    """Distance of each vector to its k-th nearest neighbour, itself not counted; k = 5."""
    return torch.cdist(vectors, vectors).kthvalue(NEIGHBOURS + 1, dim=1).values


def check(generated: Features, real: torch.Tensor) -> None:
    for name, vectors in (("generated", generated.vectors), ("real", real)):
        if vectors.ndim != 2 or len(vectors) <= NEIGHBOURS:
            raise ValueError(f"{name}: needs features (N, D) with N > {NEIGHBOURS}, got {tuple(vectors.shape)}")
        if not torch.isfinite(vectors).all():
            raise ValueError(f"{name}: features have NaN or infinite values")
    if generated.vectors.shape[1] != real.shape[1]:
        raise ValueError(f"features: {generated.vectors.shape[1]} and {real.shape[1]} dimensions do not compare")
