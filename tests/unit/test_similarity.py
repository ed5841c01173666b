"""Metrics against sewar and scikit-image, against the formula by hand, and against bad input."""

import numpy as np
import pytest
import sewar
import torch
from skimage.metrics import structural_similarity

from ganprune_utils.data import images
from ganprune_utils.data.transforms import as_saved
from ganprune_utils.metrics import similarity
from ganprune_utils.metrics.similarity import TWO_SCALES, flat_share, ms_ssim, ssim, uqi
from tests.conftest import real_data

NAMES = ["digits"] + [name for name in ("fashion_mnist", "cifar10") if real_data(name)]


def random_pair(channels):
    rng = np.random.default_rng(channels)
    return tuple(torch.from_numpy(rng.integers(0, 256, (20, channels, 29, 32), dtype=np.uint8)) for _ in range(2))


def near(x, seed=0):
    """The same images with noise of up to 20 grey levels: windows that are like, not equal."""
    noise = torch.randint(-20, 21, x.shape, generator=torch.Generator().manual_seed(seed))
    return (x.int() + noise).clamp(0, 255).to(torch.uint8)


@pytest.fixture(scope="module", params=["random grey", "random colour", *NAMES])
def pairs(request):
    """Unrelated and related pairs of uint8 images."""
    if request.param.startswith("random"):
        x, y = random_pair(3 if "colour" in request.param else 1)
    else:
        test = images.load(request.param, "test").images
        x, y = test[::50][:20], test[7::50][:20]
    return [(x, y), (x, near(x))]


def each(function, x, y):
    arrays = zip(x.permute(0, 2, 3, 1).numpy(), y.permute(0, 2, 3, 1).numpy(), strict=True)
    return torch.tensor([function(a, b) for a, b in arrays], dtype=torch.float64)


def assert_same(ours, theirs):
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


def test_uqi_equals_sewar(pairs):
    for x, y in pairs:
        assert_same(uqi(x, y, data_range=255, definition="sewar"), each(sewar.uqi, x, y))


def test_ssim_equals_sewar_with_its_uniform_window(pairs):
    for x, y in pairs:
        theirs = each(lambda a, b: sewar.ssim(a, b, MAX=255)[0], x, y)
        assert_same(ssim(x, y, data_range=255, window="uniform"), theirs)


def test_ssim_equals_scikit_image_with_the_gaussian_window(pairs):
    options = dict(data_range=255, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    for x, y in pairs:
        theirs = each(lambda a, b: structural_similarity(a, b, **options), x, y)
        assert_same(ssim(x, y, data_range=255), theirs)


def test_ms_ssim_equals_sewar_channel_by_channel(pairs):
    """sewar's halving mixes colour channels, so channels are compared one at a time; related images only, because
    sewar gives the real part of a complex power where a contrast term is negative."""
    x, y = pairs[1]
    theirs = torch.stack(
        [
            each(lambda a, b: sewar.msssim(a, b, MAX=255, weights=list(TWO_SCALES)), x[:, c : c + 1], y[:, c : c + 1])
            for c in range(x.shape[1])
        ]
    ).mean(dim=0)
    assert_same(ms_ssim(x, y, data_range=255), theirs)


def test_ms_ssim_with_the_five_published_scales_equals_sewar():
    x = torch.randint(0, 256, (2, 1, 180, 177), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    weights = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    theirs = each(lambda a, b: sewar.msssim(a, b, MAX=255), x, near(x))
    assert_same(ms_ssim(x, near(x), data_range=255, weights=weights), theirs)


def test_negative_contrast_is_clamped_to_zero():
    x = torch.randint(0, 256, (1, 1, 32, 32), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    assert ms_ssim(x, 255 - x, data_range=255).item() == 0


def test_exact_uqi_is_the_formula_window_by_window():
    rng = np.random.default_rng(3)
    a, b = (rng.integers(0, 256, (10, 11)).astype(np.float64) for _ in range(2))
    scores = []
    for i in range(3):
        for j in range(4):
            u, v = a[i : i + 8, j : j + 8], b[i : i + 8, j : j + 8]
            covariance = ((u - u.mean()) * (v - v.mean())).mean()
            luminance = u.mean() ** 2 + v.mean() ** 2
            scores.append(4 * covariance * u.mean() * v.mean() / ((u.var() + v.var()) * luminance))
    ours = uqi(torch.from_numpy(a)[None, None], torch.from_numpy(b)[None, None], data_range=255)
    assert ours.item() == pytest.approx(np.mean(scores), abs=1e-12)


def test_constant_windows_follow_the_authors_code():
    def flat(value):
        return torch.full((1, 1, 8, 8), value, dtype=torch.uint8)

    assert uqi(flat(0), flat(0), data_range=255).item() == 1  # both black
    assert uqi(flat(100), flat(50), data_range=255).item() == pytest.approx(2 * 100 * 50 / (100**2 + 50**2))
    assert uqi(flat(0), flat(50), data_range=255).item() == 0
    assert torch.isnan(uqi(flat(100), flat(50), data_range=255, flat=False)).all()
    assert flat_share(flat(100), flat(50), data_range=255).item() == 1


def test_uqi_without_flat_windows_is_the_mean_over_the_others():
    x = torch.zeros(1, 1, 8, 16, dtype=torch.uint8)
    x[..., 15] = torch.arange(8, dtype=torch.uint8) * 30  # only the last of the 9 windows is not flat
    y = near(x)
    y[..., :15] = 0
    last = uqi(x[..., 8:], y[..., 8:], data_range=255).item()
    assert uqi(x, y, data_range=255, flat=False).item() == pytest.approx(last)
    assert uqi(x, y, data_range=255).item() == pytest.approx((8 + last) / 9)
    assert flat_share(x, y, data_range=255).item() == pytest.approx(8 / 9)


@pytest.mark.parametrize("metric", [uqi, ssim, ms_ssim])
def test_one_score_an_image_and_one_for_identical_images(metric):
    x, _ = random_pair(3)
    score = metric(x, x, data_range=255)
    assert score.shape == (20,) and score.dtype == torch.float64
    torch.testing.assert_close(score, torch.ones_like(score))


@pytest.mark.parametrize("metric", [uqi, ssim, ms_ssim])
def test_the_score_of_an_image_does_not_depend_on_its_batch(metric):
    x, y = random_pair(1)
    whole = metric(x, y, data_range=255)
    assert torch.equal(whole[3:5], metric(x[3:5], y[3:5], data_range=255))


def test_unrelated_noise_scores_high_only_under_sewars_uqi():
    """METHODS' hypothesis H3: the means in place of sums let brightness alone decide."""
    x, y = random_pair(1)
    assert uqi(x, y, data_range=255).mean() < 0.05
    assert uqi(x, y, data_range=255, definition="sewar").mean() > 0.7


U8 = torch.zeros(2, 1, 32, 32, dtype=torch.uint8)
F32 = torch.zeros(2, 1, 32, 32)
NAN = F32.clone()
NAN[0, 0, 3, 3] = float("nan")
BAD = {
    "numpy": (U8.numpy(), U8, 255, "needs a torch tensor"),
    "three dimensions": (U8[0], U8[0], 255, r"needs shape \(N, C, H, W\)"),
    "two channels": (U8.expand(2, 2, 32, 32), U8.expand(2, 2, 32, 32), 255, "C = 1 or 3"),
    "no image": (U8[:0], U8[:0], 255, "N > 0"),
    "other shape": (U8, U8[:1], 255, "shapes differ"),
    "other type": (U8, F32, 255, "types differ"),
    "int64": (U8.long(), U8.long(), 255, "uint8 or floating point"),
    "too small": (U8[..., :7, :7], U8[..., :7, :7], 255, "needs at least"),
    "NaN": (NAN, F32, 1.0, "NaN"),
    "infinite": (F32 + float("inf"), F32, 1.0, "NaN or infinite"),
    "spans more": (F32, F32 + 2, 1.0, "the images span 2"),
    "range 0": (F32, F32, 0, "must be a number > 0"),
    "range text": (F32, F32, "255", "must be a number > 0"),
}


@pytest.mark.parametrize("metric", [uqi, ssim, ms_ssim])
@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_clear_value_error(metric, case):
    x, y, data_range, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        metric(x, y, data_range=data_range)


@pytest.mark.parametrize("metric", [uqi, ssim, ms_ssim])
@pytest.mark.parametrize("low", [0, -1])
def test_floats_up_to_1_with_the_range_of_bytes_are_refused_unless_asked_for(metric, low):
    x, y = (torch.rand(2, 2, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * (1 - low) + low).unbind()
    fits = "pass 1 for images in .0, 1., 2 for .-1, 1., or check_range=False to score them like this"
    with pytest.raises(ValueError, match=f"^data_range = 255: the images are floats from .* to .*; {fits}$"):
        metric(x, y, data_range=255)
    assert metric(x, y, data_range=255, check_range=False).shape == (2,)
    assert metric(x, y, data_range=2).shape == metric(255 * x, 255 * y, data_range=510).shape == (2,)
    one = torch.ones(1, 1, 28, 28, dtype=torch.uint8)  # bytes have their range, and black floats any
    assert metric(one, one, data_range=255).item() == metric(0.0 * one, 0.0 * one, data_range=255).item() == 1


def test_what_does_not_fit_the_range_is_scored_where_asked_for():
    assert uqi(F32, F32 + 2, data_range=1.0, check_range=False).shape == (2,)


@pytest.mark.parametrize("metric", [uqi, flat_share, ssim, ms_ssim])
def test_small_batches_take_one_thread_and_leave_the_others(metric, monkeypatch):
    counts, prepare = [], similarity._prepare

    def counting(*args, **options):
        counts.append(torch.get_num_threads())
        return prepare(*args, **options)

    monkeypatch.setattr(similarity, "_prepare", counting)
    x, y = random_pair(1)
    once = metric(x, y, data_range=255)
    try:
        torch.set_num_threads(2)
        again = metric(x, y, data_range=255)
        with pytest.raises(ValueError, match="shapes differ"):
            metric(x, y[:1], data_range=255)
        assert torch.get_num_threads() == 2 and torch.equal(once, again)
        monkeypatch.setattr(similarity, "SMALL", 1000)
        assert torch.equal(once, metric(x, y, data_range=255))
    finally:
        torch.set_num_threads(1)
    assert counts == [1, 1, 1, 2]


def test_bad_options_are_clear_value_errors():
    with pytest.raises(ValueError, match="definition = 'bovik'"):
        uqi(U8, U8, data_range=255, definition="bovik")
    with pytest.raises(ValueError, match="window = 'box'"):
        ssim(U8, U8, data_range=255, window="box")
    with pytest.raises(ValueError, match="5 scales of window 11 needs at least 176"):
        ms_ssim(U8, U8, data_range=255, weights=(0.2,) * 5)
    with pytest.raises(ValueError, match="needs one exponent"):
        ms_ssim(U8, U8, data_range=255, weights=())
    with pytest.raises(TypeError):
        ssim(U8, U8)


def test_images_as_saved():
    images = torch.linspace(-1, 1, 32)[None, None, None].expand(1, 1, 32, 32)
    saved = as_saved(images, native_size=28)
    assert saved.dtype == torch.uint8 and saved.shape == (1, 1, 28, 28)
    assert torch.equal(saved, as_saved(images, native_size=32)[..., 2:30, 2:30])
    assert as_saved(images, 32).min() == 0 and as_saved(images, 32).max() == 255


def test_flat_windows_of_floats_are_flat_too():
    x, y = torch.full((1, 1, 28, 28), 0.1), torch.full((1, 1, 28, 28), 0.2)
    assert uqi(x, y, data_range=1.0).item() == pytest.approx(0.8, abs=1e-6)
    assert flat_share(x, y, data_range=1.0).item() == 1
    assert uqi(x, y + 1e-4 * torch.rand(1, 1, 28, 28), data_range=1.0).item() == pytest.approx(0, abs=0.01)


def test_more_bad_options_are_clear_value_errors():
    for options in ({"window": 0}, {"window": 2.5}, {"window": True}):
        with pytest.raises(ValueError, match="window = .*at least 1"):
            uqi(U8, U8, data_range=255, **options)
    with pytest.raises(ValueError, match="needs at least 33"):
        uqi(U8, U8, data_range=255, definition="sewar", window=32)
    with pytest.raises(ValueError, match="sigma = 0"):
        ssim(U8, U8, data_range=255, sigma=0)
    with pytest.raises(ValueError, match="needs one exponent >= 0"):
        ms_ssim(U8, U8, data_range=255, weights=(-1, 1))
    with pytest.raises(ValueError, match="needs floats in"):
        as_saved(U8, 28)
    with pytest.raises(ValueError, match="at least 33 pixels"):
        as_saved(F32, 33)
    with pytest.raises(ValueError, match="NaN"):
        as_saved(NAN, 28)
    for wrong, words in ((F32 + 200, "from 200 to 200"), (F32 - 1.01, "from -1.01 to -1.01")):
        with pytest.raises(ValueError, match=f"^images: go {words}; scale them to .-1, 1. first$"):
            as_saved(wrong, 28)
    assert (as_saved(F32 + 1.003, 28) == 255).all()  # what rounding may add
