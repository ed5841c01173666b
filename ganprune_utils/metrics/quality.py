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
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

from ganprune_utils.artifacts import has_classifier, pretrained_root, read_weights, write_json, write_weights
from ganprune_utils.data.images import CANVAS_SIZE, native_size
from ganprune_utils.data.transforms import as_saved, pad_to, to_model_range
from ganprune_utils.errors import CheckpointError
from ganprune_utils.models.checkpoints import load_network
from ganprune_utils.models.classifier import Classifier
from ganprune_utils.models.sampling import generate

SPLITS = ("validation", "test")  # halves of the real test images: what is chosen with one is reported with the other
NEIGHBOURS = 5  # k of Naeem et al. (2020)
COVERED = 0.01  # a class counts as covered when at least this share of the images is given to it


@dataclass(frozen=True)
class Features:
    """`vectors` float32 (N, D) and `logits` float32 (N, classes) of N images."""

    vectors: torch.Tensor
    logits: torch.Tensor

    def split(self, name: str) -> "Features":
        """Every other image: those of the "validation" or of the "test" half."""
        start = SPLITS.index(name)
        return Features(self.vectors[start::2], self.logits[start::2])


class _Passed(nn.Identity):
    """Stands where torchmetrics expects a feature network: our features are computed already."""

    def __init__(self, num_features: int):
        super().__init__()
        self.num_features = num_features


def load_classifier(dataset: str) -> Classifier:
    """The pretrained classifier of a data set, in evaluation mode. Raises CheckpointError when there is none."""
    root = pretrained_root()
    if not has_classifier(dataset):
        known = sorted(path.parent.parent.name for path in root.glob("*/classifier/classifier.safetensors"))
        raise CheckpointError(f"classifier of {dataset}: is not pretrained; these are: {', '.join(known) or 'none'}")
    return load_network(root / dataset / "classifier", "classifier")


def load_real(dataset: str, split: str) -> torch.Tensor:
    """Feature vectors (N, D) of one half of the real test images; `split` is "validation" or "test"."""
    if split not in SPLITS:
        raise ValueError(f"split = {split!r}: must be one of {', '.join(SPLITS)}")
    return read_weights(pretrained_root() / dataset / "classifier" / "real.safetensors")[split].float()


def read_reference(dataset: str) -> dict[str, float]:
    """What one half of the real test images scores against the other, the best that a generator can hope for."""
    return json.loads((pretrained_root() / dataset / "classifier" / "real.json").read_text())["reference"]


def save_real(folder, halves: dict[str, Features], data, reference: dict[str, float]) -> Path:
    """Write the vectors of both halves as 16-bit floats to `folder/real.safetensors`, with a card beside it.

    The card says which images they are of, and `reference`: the quality of the validation half against the test half.
    """
    vectors = {name: half.vectors.to(torch.float16) for name, half in halves.items()}
    path = write_weights(Path(folder) / "real.safetensors", vectors)
    card = {"dataset": data.name, "split": data.split, "sha256": data.sha256, "reference": dict(reference)}
    write_json(path.with_suffix(".json"), card | {name: list(half.shape) for name, half in vectors.items()})
    return path


@torch.no_grad()
def features(classifier: Classifier, images: torch.Tensor, batch_size: int = 100) -> Features:
    """Features and logits of images (N, C, 32, 32) in [-1, 1]."""
    # Channels last and small batches are about twice as fast on a CPU as the defaults.
    classifier = classifier.to(memory_format=torch.channels_last)
    batches = images.contiguous(memory_format=torch.channels_last).split(batch_size)
    vectors = torch.cat([classifier.features(batch) for batch in batches])
    return Features(vectors, classifier.head(vectors))


class QualityEvaluator:
    """Quality of images by the pretrained classifier of a data set and the half `split` of its real test images.

    Images are looked at as a viewer would save them: bytes, the data's own pixels on a black canvas of 32x32.
    `split` is "validation" or "test". Raises CheckpointError when the data set has no pretrained classifier.
    """

    def __init__(self, dataset: str, split: str = "test"):
        self.classifier = load_classifier(dataset)
        self.real = load_real(dataset, split)
        self.radius_real = radius(self.real)
        self.native_size = native_size(dataset)

    def features(self, images: torch.Tensor) -> Features:
        """Features of images (N, C, native_size, native_size), uint8."""
        return features(self.classifier, to_model_range(pad_to(images, CANVAS_SIZE)))

    def images(self, images: torch.Tensor) -> dict[str, float]:
        """`quality` of uint8 images (N, C, native_size, native_size)."""
        return quality(self.features(images), self.real, radius_real=self.radius_real)

    def frechet(self, images: torch.Tensor) -> float:
        """The Fréchet distance alone, of uint8 images (N, C, native_size, native_size)."""
        return frechet(self.features(images).vectors, self.real)

    def generator(self, generator: nn.Module, noise: torch.Tensor) -> dict[str, float]:
        """`quality` of what the generator makes of `noise` (N, latent_dim, 1, 1)."""
        batches = [as_saved(generate(generator, batch), self.native_size) for batch in noise.split(500)]
        return self.images(torch.cat(batches))


def quality(generated: Features, real: torch.Tensor, seed: int = 0, radius_real=None) -> dict[str, float]:
    """Every quality metric of `generated` against the feature vectors `real` (N, D), as floats by name.

    frechet: Fréchet classifier distance (Heusel et al. 2017 with these features), 0 is best.
    kid: kernel distance (Bińkowski et al. 2018), degree 3, mean over 50 subsets of at most 1,000.
    score: classifier score, exp of the mean KL divergence (Salimans et al. 2016), from 1 to the number of classes.
    precision, recall (Kynkäänniemi et al. 2019), density, coverage (Naeem et al. 2020), k = 5.
    entropy: of the histogram of predicted classes, in nats; classes: how many get at least 1 % of the images.
    """
    scores = {"frechet": frechet(generated.vectors, real)}
    subset = min(1000, len(generated.vectors), len(real))
    with warnings.catch_warnings(), torch.random.fork_rng():  # torchmetrics draws its subsets from the global stream
        warnings.simplefilter("ignore", UserWarning)  # that it keeps the features in memory: they are there anyway
        torch.manual_seed(seed)
        kid = KernelInceptionDistance(feature=_Passed(real.shape[1]), subsets=50, subset_size=subset)
        scores["kid"] = _updated(kid, generated.vectors, real).compute()[0]
        score = InceptionScore(feature=_Passed(generated.logits.shape[1]), splits=1)
        score.update(generated.logits)
        scores["score"] = score.compute()[0]
    scores |= neighbourhoods(generated.vectors, real, radius_real)
    shares = torch.bincount(generated.logits.argmax(dim=1), minlength=generated.logits.shape[1]) / len(generated.logits)
    scores["entropy"] = torch.special.entr(shares).sum()
    scores["classes"] = (shares >= COVERED).sum()
    return {name: float(value) for name, value in scores.items()}


def frechet(generated: torch.Tensor, real: torch.Tensor) -> float:
    """The Fréchet distance alone, of feature vectors (N, D) and (M, D): an instant, where `quality` takes seconds."""
    check(generated, real)
    distance = FrechetInceptionDistance(feature=_Passed(generated.shape[1])).set_dtype(torch.float64)
    return float(_updated(distance, generated, real).compute())


def _updated(metric, generated: torch.Tensor, real: torch.Tensor):
    metric.update(real, real=True)
    metric.update(generated, real=False)
    return metric


def neighbourhoods(generated: torch.Tensor, real: torch.Tensor, radius_real=None) -> dict[str, float]:
    """Precision, recall, density and coverage from the k-nearest-neighbour balls of both sets (Naeem et al. 2020).

    `radius_real`, where given, is `radius(real)`: the same for every generator, so it is computed once.
    """
    radius_real = radius(real) if radius_real is None else radius_real
    radius_generated = radius(generated)
    distance = torch.cdist(real, generated)  # (real, generated)
    inside_real, inside_generated = distance < radius_real[:, None], distance < radius_generated[None, :]
    return {
        "precision": inside_real.any(dim=0).double().mean().item(),
        "recall": inside_generated.any(dim=1).double().mean().item(),
        "density": inside_real.double().sum(dim=0).mean().item() / NEIGHBOURS,
        "coverage": (distance.min(dim=1).values < radius_real).double().mean().item(),
    }


def radius(vectors: torch.Tensor) -> torch.Tensor:
    """Distance of each vector to its k-th nearest neighbour, itself not counted; k = 5."""
    return torch.cdist(vectors, vectors).kthvalue(NEIGHBOURS + 1, dim=1).values


def check(generated: torch.Tensor, real: torch.Tensor) -> None:
    """ValueError unless both are finite vectors (N, D) of one dimension, more of them than neighbours are looked at."""
    for name, vectors in (("generated", generated), ("real", real)):
        if vectors.ndim != 2 or len(vectors) <= NEIGHBOURS:
            raise ValueError(f"{name}: needs features (N, D) with N > {NEIGHBOURS}, got {tuple(vectors.shape)}")
        if not torch.isfinite(vectors).all():
            raise ValueError(f"{name}: features have NaN or infinite values")
    if generated.shape[1] != real.shape[1]:
        raise ValueError(f"features: {generated.shape[1]} and {real.shape[1]} dimensions do not compare")
