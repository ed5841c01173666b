"""Every quality metric notices what it should: a collapse to one class, to one image, and blur."""

import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ganprune_utils import load_generator
from ganprune_utils.data.transforms import as_saved, augment
from ganprune_utils.errors import CheckpointError
from ganprune_utils.metrics import quality as q
from ganprune_utils.models.classifier import Classifier
from ganprune_utils.models.sampling import draw_noise, generate
from ganprune_utils.training import classifier as training


def cloud(n, dimension=8, shift=0.0, spread=1.0, seed=0):
    random = torch.Generator().manual_seed(seed)
    vectors = shift + spread * torch.randn(n, dimension, generator=random)
    return q.Features(vectors, F.one_hot(torch.arange(n) % 4, 4).float() * 9)


def test_frechet_is_the_formula_for_gaussians():
    a, b = cloud(400, seed=1), cloud(400, shift=0.5, spread=2.0, seed=2)
    found = q.quality(b, a.vectors)["frechet"]
    x, y = (c.vectors.double().numpy() for c in (a, b))
    cov_x, cov_y = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = np.sqrt(np.linalg.eigvals(cov_x @ cov_y).real.clip(0)).sum()
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(cov_x) + np.trace(cov_y) - 2 * root
    assert found == pytest.approx(expected, rel=1e-5)


def test_neighbourhoods_by_hand():
    """On a line, k = 5: the real points 0..9 have radii of 3 to 5, the generated ones lie at 2 or far away."""
    real = torch.arange(10.0)[:, None]
    near, far = torch.full((6, 1), 2.2), torch.full((4, 1), 100.0) + torch.arange(4.0)[:, None] * 0.1
    found = q.neighbourhoods(torch.cat([near, far]), real)
    assert found["precision"] == pytest.approx(0.6)
    radii = [5, 4, 3, 3, 3, 3, 3, 3, 4, 5]
    inside = [abs(i - 2.2) < radius for i, radius in enumerate(radii)]
    assert found["coverage"] == pytest.approx(np.mean(inside))
    assert found["density"] == pytest.approx(6 * sum(inside) / (5 * 10))


def test_same_distribution_is_near_perfect_and_collapse_is_noticed():
    real, good = cloud(600, seed=1), cloud(600, seed=2)
    one_image = q.Features(good.vectors[:1] + 1e-3 * cloud(600, seed=3).vectors, good.logits[:1].expand(600, -1))
    healthy, collapsed = q.quality(good, real.vectors), q.quality(one_image, real.vectors)
    assert healthy["frechet"] < 0.2 and healthy["coverage"] > 0.9 and healthy["classes"] == 4
    assert collapsed["frechet"] > 10 * healthy["frechet"] and collapsed["kid"] > healthy["kid"] + 0.01
    assert collapsed["coverage"] < 0.1 and collapsed["recall"] < 0.1
    assert collapsed["classes"] == 1 and collapsed["entropy"] == 0 and collapsed["score"] == pytest.approx(1)
    assert healthy["entropy"] == pytest.approx(np.log(4), abs=1e-3)


def test_quality_is_deterministic_and_leaves_the_global_stream_alone():
    real, generated = cloud(60, seed=1), cloud(60, seed=2)
    torch.manual_seed(5)
    first = q.quality(generated, real.vectors)
    after = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), after)
    assert q.quality(generated, real.vectors) == first


def test_halves_share_no_image():
    whole = cloud(10)
    validation, test = (whole.split(name).vectors for name in q.SPLITS)
    assert torch.equal(torch.cat([validation, test]).sum(), whole.vectors.sum())
    assert len(validation) == 5


@pytest.mark.parametrize(
    "generated, message",
    [
        (cloud(4), "with N > 5"),
        (cloud(20, dimension=3), "3 and 8 dimensions"),
        (q.Features(torch.full((20, 8), float("nan")), torch.zeros(20, 4)), "NaN"),
    ],
)
def test_bad_features_are_clear_errors(generated, message):
    with pytest.raises(ValueError, match=message):
        q.quality(generated, cloud(20).vectors)


def test_a_frechet_distance_of_fewer_samples_than_features_warns_once():
    few, many = cloud(7).vectors, cloud(20).vectors
    words = "Fréchet distance of 7 samples with 8 features: too few to estimate a covariance"
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        q.frechet(few, many)
        q.frechet(many, few)
        q.frechet(cloud(8).vectors, many)
    assert [str(one.message) for one in said] == [words]


@pytest.mark.slow
def test_the_classifier_learns_digits_and_its_features_see_blur(digits, tmp_path):
    settings = training.Settings(epochs=4, widths=(16, 16, 32), batch_size=32, threads=1)
    *_, run = training.train(settings, digits.images, digits.labels, tmp_path / "once", digits.sha256)
    best = max(record["held_out"] for record in run.history)
    held = torch.arange(len(digits)) % training.HELD_OUT == 0
    assert best > 0.5 and not run.best.training
    assert training.accuracy(run.best, digits.images[held], digits.labels[held]) == best
    images = digits.images[::4].float() / 127.5 - 1
    real, sharp = q.features(run.best, images[::2]), q.features(run.best, images[1::2])
    blurred = q.features(run.best, F.avg_pool2d(images[1::2], 9, 1, 4))
    assert q.quality(blurred, real.vectors)["frechet"] > 2 * q.quality(sharp, real.vectors)["frechet"]
    assert real.vectors.shape == (180, 32)


@pytest.mark.slow
def test_a_classifier_whose_training_was_interrupted_ends_with_the_same_weights(digits, tmp_path):
    settings = training.Settings(epochs=3, widths=(16,), batch_size=128, threads=1)
    images, labels = digits.images[::4], digits.labels[::4]
    *_, whole = training.train(settings, images, labels, tmp_path / "whole", "x")
    next(training.train(settings, images, labels, tmp_path / "broken", "x"))  # killed after its first epoch
    again = training.train(settings, images, labels, tmp_path / "broken", "x")
    assert next(again).history == whole.history[:1]  # it goes on from there
    *_, resumed = again
    assert resumed.history == whole.history
    assert all(torch.equal(a, b) for a, b in zip(whole.best.parameters(), resumed.best.parameters(), strict=True))


def test_augmentation_shifts_and_mirrors_whole_images():
    images = torch.arange(32 * 32).reshape(1, 1, 32, 32).remainder(251).to(torch.uint8).expand(50, -1, -1, -1)
    found = augment(images, torch.Generator().manual_seed(0))
    padded = F.pad(images[:1].float(), (4,) * 4, mode="replicate").to(torch.uint8)
    crops = {padded[..., i : i + 32, j : j + 32].numpy().tobytes() for i in range(9) for j in range(9)}
    crops |= {padded[..., i : i + 32, j : j + 32].flip(-1).numpy().tobytes() for i in range(9) for j in range(9)}
    assert all(image.numpy().tobytes() in crops for image in found)
    assert len({image.numpy().tobytes() for image in found}) > 20


def test_classifier_shapes():
    model, images = Classifier(channels=3, widths=(4, 8, 8)), torch.zeros(2, 3, 32, 32)
    assert model(images).shape == (2, 10) and model.features(images).shape == (2, 8)


@pytest.mark.slow
def test_the_pretrained_classifier_knows_a_collapsed_and_a_blurred_generator():
    """On the real generator: what each metric can see, and what it cannot."""
    generator, evaluator = load_generator("fashion_mnist"), q.QualityEvaluator("fashion_mnist")
    noise = draw_noise(500, generator.latent_dim, seed=0)
    pictures = as_saved(generate(generator, noise), evaluator.native_size)
    dense = evaluator.images(pictures)
    assert evaluator.frechet(pictures) == dense["frechet"]
    one_kind = evaluator.generator(generator, 0.95 * noise[:1] + 0.3 * noise)
    blurred = evaluator.images(F.avg_pool2d(pictures.float(), 3, 1, 1).to(torch.uint8))
    assert dense["classes"] == 10 and one_kind["classes"] <= 2 and one_kind["entropy"] < 0.5 * dense["entropy"]
    assert one_kind["coverage"] < 0.3 * dense["coverage"] and one_kind["recall"] < 0.3 * dense["recall"]
    for degraded in (one_kind, blurred):
        assert degraded["frechet"] > 2 * dense["frechet"] and degraded["kid"] > dense["kid"] + 0.01
    assert blurred["coverage"] < 0.8 * dense["coverage"]


def test_real_features_come_in_two_halves_with_their_reference():
    validation, test = (q.load_real("fashion_mnist", split) for split in q.SPLITS)
    assert validation.shape == test.shape == (5000, 64) and not torch.equal(validation, test)
    assert q.read_reference("fashion_mnist")["frechet"] < 0.05
    with pytest.raises(ValueError, match="split = 'both': must be one of validation, test"):
        q.load_real("fashion_mnist", "both")


def test_a_data_set_without_a_classifier_is_a_clear_error():
    message = "classifier of image_folder: is not pretrained; these are: .*fashion_mnist"
    with pytest.raises(CheckpointError, match=message):
        q.QualityEvaluator("image_folder")
