"""Quality of a set of images, seen through the features of a classifier trained on the data set.

All of it compares feature vectors (N, D) of generated images with those of real *test* images: the classifier has
fitted the training images. N must be the same in everything that is compared, because the Fréchet distance is biased by
it.
"""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from ganprune_utils.artifacts import has_classifier, pretrained_root, read_weights, write_json, write_weights
from ganprune_utils.data.images import CANVAS_SIZE, native_size
from ganprune_utils.data.transforms import as_saved, pad_to, to_model_range
from ganprune_utils.errors import CheckpointError
from ganprune_utils.models.checkpoints import load_network
from ganprune_utils.models.sampling import generate

SPLITS = ("validation", "test")  # halves of the real test images: what is chosen with one is reported with the other
EYES = ("classifier", "plain_classifier")  # two architectures, so that a ranking can be checked by the second
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


def load_classifier(dataset: str, name: str = "classifier") -> nn.Module:
    """A pretrained classifier of a data set, in evaluation mode: `name` is one of EYES.

    Raises CheckpointError when there is none.
    """
    root = pretrained_root()
    if not has_classifier(dataset, name):
        known = sorted(path.parent.parent.name for path in root.glob(f"*/{name}/classifier.safetensors"))
        raise CheckpointError(f"{name} of {dataset}: is not pretrained; these are: {', '.join(known) or 'none'}")
    return load_network(root / dataset / name, "classifier")


def load_real(dataset: str, split: str, name: str = "classifier") -> torch.Tensor:
    """Feature vectors (N, D) of one half of the real test images; `split` is "validation" or "test"."""
    if split not in SPLITS:
        raise ValueError(f"split = {split!r}: must be one of {', '.join(SPLITS)}")
    return read_weights(pretrained_root() / dataset / name / "real.safetensors")[split].float()


def read_reference(dataset: str) -> dict[str, float]:
    """What one half of the real test images scores against the other, the best that a generator can hope for."""

    def read(name):
        return json.loads((pretrained_root() / dataset / name / "real.json").read_text("utf-8"))["reference"]

    second = has_classifier(dataset, EYES[1])
    return read(EYES[0]) | ({"frechet_plain": read(EYES[1])["frechet"]} if second else {})


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
def features(classifier: nn.Module, images: torch.Tensor, batch_size: int = 100) -> Features:
    """Features and logits of images (N, C, 32, 32) in [-1, 1]."""
    # Channels last and small batches are about twice as fast on a CPU as the defaults.
    classifier = classifier.to(memory_format=torch.channels_last)
    device = next(classifier.parameters()).device
    batches = images.contiguous(memory_format=torch.channels_last).split(batch_size)
    vectors = torch.cat([classifier.features(batch.to(device)) for batch in batches])
    return Features(vectors, classifier.head(vectors))


class QualityEvaluator:
    """Quality of images by the pretrained classifier of a data set and the half `split` of its real test images.

    Images are looked at as a viewer would save them: bytes, the data's own pixels on a black canvas of 32x32.
    `split` is "validation" or "test"; the classifiers compute on `device`. Where the data set has a second classifier,
    of another architecture, the Fréchet distance in its features is measured as well. Raises CheckpointError when the
    data set has no pretrained classifier.
    """

    def __init__(self, dataset: str, split: str = "test", device="cpu"):
        self.classifier = load_classifier(dataset).to(device)
        self.real = load_real(dataset, split).to(device)
        self.radius_real = radius(self.real)
        self.second = None
        if has_classifier(dataset, EYES[1]):
            self.second = load_classifier(dataset, EYES[1]).to(device), load_real(dataset, split, EYES[1]).to(device)
        self.native_size = native_size(dataset)

    def features(self, images: torch.Tensor) -> Features:
        """Features of images (N, C, native_size, native_size), uint8."""
        return features(self.classifier, to_model_range(pad_to(images, CANVAS_SIZE)))

    def images(self, images: torch.Tensor) -> dict[str, float]:
        """`quality` of uint8 images (N, C, native_size, native_size), and `frechet_plain` by the second classifier."""
        scores = quality(self.features(images), self.real, radius_real=self.radius_real)
        return scores | self.second_opinion(images)

    def second_opinion(self, images: torch.Tensor) -> dict[str, float]:
        """The Fréchet distance in the features of the second classifier, where there is one."""
        if self.second is None:
            return {}
        classifier, real = self.second
        seen = features(classifier, to_model_range(pad_to(images, CANVAS_SIZE)))
        return {"frechet_plain": frechet(seen.vectors, real)}

    def frechet(self, images: torch.Tensor) -> float:
        """The Fréchet distance alone, of uint8 images (N, C, native_size, native_size)."""
        return frechet(self.features(images).vectors, self.real)

    def generator(self, generator: nn.Module, noise: torch.Tensor) -> dict[str, float]:
        """`quality` of what the generator makes of `noise` (N, latent_dim, 1, 1)."""
        batches = [as_saved(generate(generator, batch), self.native_size) for batch in noise.split(500)]
        return self.images(torch.cat(batches))


def quality(generated: Features, real: torch.Tensor, seed: int = 0, radius_real=None) -> dict[str, float]:
    """Every quality metric of `generated` against the feature vectors `real` (N, D), as floats by name.

    frechet, kid, score: see `frechet`, `kernel_distance` and `classifier_score`.
    precision, recall (Kynkäänniemi et al. 2019), density, coverage (Naeem et al. 2020), k = 5.
    entropy: of the histogram of predicted classes, in nats; classes: how many get at least 1 % of the images.
    """
    scores = {"frechet": frechet(generated.vectors, real), "kid": kernel_distance(generated.vectors, real, seed)}
    scores["score"] = classifier_score(generated.logits)
    scores |= neighbourhoods(generated.vectors, real, radius_real)
    shares = torch.bincount(generated.logits.argmax(dim=1), minlength=generated.logits.shape[1]) / len(generated.logits)
    scores["entropy"] = torch.special.entr(shares).sum()
    scores["classes"] = (shares >= COVERED).sum()
    return {name: float(value) for name, value in scores.items()}


def frechet(generated: torch.Tensor, real: torch.Tensor) -> float:
    """Fréchet distance of feature vectors (N, D) and (M, D), each taken for a Gaussian; 0 is best.

    |mu - nu|^2 + tr(S + T - 2 (S T)^(1/2)), covariances with n - 1 (Heusel et al. 2017, there of Inception's features).
    Warns where N or M < D: the covariance is then singular, and the distance says more of N than of the images.
    """
    check(generated, real)
    few, dimensions = min(len(generated), len(real)), generated.shape[1]
    if few < dimensions:
        message = f"Fréchet distance of {few} samples with {dimensions} features: too few to estimate a covariance"
        warnings.warn(message, RuntimeWarning, stacklevel=1)  # from one place, whoever calls: said once
    x, y = generated.double(), real.double()
    s, t = torch.cov(x.T), torch.cov(y.T)
    root = torch.linalg.eigvals((s @ t).cpu()).sqrt().real.sum()  # a GPU takes longer
    return float((x.mean(dim=0) - y.mean(dim=0)).square().sum() + s.trace() + t.trace() - 2 * root)


def kernel_distance(generated: torch.Tensor, real: torch.Tensor, seed: int = 0) -> float:
    """Kernel distance (KID, Bińkowski et al. 2018) of feature vectors (N, D): unbiased, so it may fall below 0.

    Squared maximum mean discrepancy with the kernel (x y / D + 1)^3, mean over 50 random subsets of at most 1,000.
    """
    random, size, distances = torch.Generator().manual_seed(seed), min(1000, len(generated), len(real)), []
    for _ in range(50):
        x, y = (v[torch.randperm(len(v), generator=random)[:size].to(v.device)] for v in (real, generated))
        xx, yy, xy = ((a @ b.T / a.shape[1] + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
        within = xx.sum() - xx.trace() + yy.sum() - yy.trace()
        distances.append(within / (size * (size - 1)) - 2 * xy.mean())
    return float(torch.stack(distances).mean())


def classifier_score(logits: torch.Tensor) -> float:
    """exp of the mean KL divergence of p(class | image) from p(class), from 1 to the number of classes.

    Salimans et al. (2016) define it with Inception's classes; here with those of `logits` (N, classes).
    """
    log_p = logits.log_softmax(dim=1)
    divergence = (log_p.exp() * (log_p - log_p.exp().mean(dim=0).log())).sum(dim=1)
    return float(divergence.mean().exp())


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
    return torch.cdist(vectors, vectors).topk(NEIGHBOURS + 1, dim=1, largest=False).values[:, -1]


def check(generated: torch.Tensor, real: torch.Tensor) -> None:
    """ValueError unless both are finite vectors (N, D) of one dimension, more of them than neighbours are looked at."""
    for name, vectors in (("generated", generated), ("real", real)):
        if vectors.ndim != 2 or len(vectors) <= NEIGHBOURS:
            raise ValueError(f"{name}: needs features (N, D) with N > {NEIGHBOURS}, got {tuple(vectors.shape)}")
        if not torch.isfinite(vectors).all():
            raise ValueError(f"{name}: features have NaN or infinite values")
    if generated.shape[1] != real.shape[1]:
        raise ValueError(f"features: {generated.shape[1]} and {real.shape[1]} dimensions do not compare")
