"""Similarity of two images: UQI, SSIM and MS-SSIM, one score per image, batched, in float64.

All three take `x` and `y` of shape (N, C, H, W), grey or colour, uint8 or floating point, and return a float64 tensor
(N,); colour images get the mean over their channels. `data_range` is the span of values that the images could take
(255 for uint8). Data that spans more is an error, because C1 and C2 of SSIM would then belong to another scale; so are
floats within [-1, 1] with a range of more than 2, the paper's own mistake, unless `check_range` is False.
"""

import functools
import math
import numbers

import pandas as pd
import torch
import torch.nn.functional as F

UQI_DEFINITIONS = ("exact", "sewar")
# Wang, Simoncelli and Bovik (2003), from the finest scale to the coarsest.
PUBLISHED_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
# What fits an 11-tap window at 28 to 43 pixels: the two finest scales, normalised to 1 as the source asks.
TWO_SCALES = tuple(w / sum(PUBLISHED_WEIGHTS[:2]) for w in PUBLISHED_WEIGHTS[:2])
SMALL = 2**20  # values in a batch: threads would wait for one another longer than they save


def _small_on_one_thread(metric):
    """`metric` on one thread where the batch is small; afterwards as many as before. Its values stay the same.

    It is made of many short steps. Where another process has one of the cores, at each step all threads spin until the
    one without a core is done, which takes many times longer than the work.
    """

    @functools.wraps(metric)
    def measured(x, y, **options):
        threads = torch.get_num_threads()
        torch.set_num_threads(1 if isinstance(x, torch.Tensor) and x.numel() < SMALL else threads)
        try:
            return metric(x, y, **options)
        finally:
            torch.set_num_threads(threads)

    return measured


@_small_on_one_thread
def uqi(
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    data_range: float,
    definition: str = "exact",
    window: int = 8,
    flat: bool = True,
    check_range: bool = True,
) -> torch.Tensor:
    """Universal image quality index, in [-1, 1]; for images >= 0, 1 only if identical.

    "exact" is Wang and Bovik (2002), eq. 1, Q = 4 s_xy mx my / ((s_x^2 + s_y^2)(mx^2 + my^2)), the mean over all
    windows at stride 1. Where both windows are constant only the luminance term is left, and 1 where both are black,
    as in the authors' MATLAB code.

    "sewar" equals `sewar.full_ref.uqi`, which puts window means where the formula needs sums: the product of the means
    is then under-weighted by N = window^2 against the covariance, and images that merely share their brightness score
    near 1. It also leaves out the last row and column of windows.

    `window` is the side of the square window in pixels; `flat` = False leaves out windows that are constant in both
    images (NaN where no other is left).
    """
    if definition not in UQI_DEFINITIONS:
        raise ValueError(f"definition = {definition!r}: unknown; allowed are {', '.join(UQI_DEFINITIONS)}")
    x, y = _prepare(x, y, data_range, window, more=definition == "sewar", check_range=check_range)
    n = window**2
    sum_x, sum_y, sum_xx, sum_yy, sum_xy = (_window_sum(v, window) for v in (x, y, x * x, y * y, x * y))
    flat_x, flat_y = _is_flat(n, sum_x, sum_xx), _is_flat(n, sum_y, sum_yy)
    flat_in_both = flat_x & flat_y
    if definition == "sewar":
        sum_x, sum_y, sum_xx, sum_yy, sum_xy = (v[..., :-1, :-1] / n for v in (sum_x, sum_y, sum_xx, sum_yy, sum_xy))
        flat_in_both = flat_in_both[..., :-1, :-1]
    product, squares = sum_x * sum_y, sum_x**2 + sum_y**2
    covariance, variances = n * sum_xy - product, n * (sum_xx + sum_yy) - squares
    if definition == "exact":  # what rounding leaves of a constant window is no variance
        covariance = covariance.masked_fill(flat_x | flat_y, 0.0)
        variances = variances.masked_fill(flat_in_both, 0.0)
    luminance_only, both = (variances == 0) & (squares != 0), variances * squares
    quality = torch.where(luminance_only, 2 * product / squares, torch.ones_like(product))
    quality = torch.where(both != 0, 4 * covariance * product / both, quality)
    if not flat:
        quality = quality.masked_fill(flat_in_both, math.nan)
    return quality.flatten(1).nanmean(dim=1)


@_small_on_one_thread
def flat_share(x: torch.Tensor, y: torch.Tensor, *, data_range: float, window: int = 8) -> torch.Tensor:
    """Share of windows (in [0, 1], per image) that are constant in both images; `uqi(..., flat=False)` skips them."""
    x, y = _prepare(x, y, data_range, window)
    flat = [_is_flat(window**2, _window_sum(v, window), _window_sum(v * v, window)) for v in (x, y)]
    return (flat[0] & flat[1]).double().flatten(1).mean(dim=1)


@_small_on_one_thread
def ssim(
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    data_range: float,
    window: str = "gaussian",
    size: int = 11,
    sigma: float = 1.5,
    check_range: bool = True,
) -> torch.Tensor:
    """Structural similarity (Wang et al. 2004, eq. 13), in [-1, 1]; C1 = (0.01 data_range)^2, C2 = (0.03 data_range)^2.

    `window` is "gaussian" (the source's, scikit-image's with `gaussian_weights=True`) or "uniform" (sewar's default),
    `size` its side and `sigma` that of the Gaussian, in pixels. Only whole windows count.
    """
    x, y = _prepare(x, y, data_range, size, check_range=check_range)
    return _ssim_and_contrast(x, y, data_range, _kernel(window, size, sigma, x))[0].mean(dim=1)


@_small_on_one_thread
def ms_ssim(
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    data_range: float,
    weights=TWO_SCALES,
    size: int = 11,
    sigma: float = 1.5,
    check_range: bool = True,
) -> torch.Tensor:
    """Multi-scale SSIM (Wang, Simoncelli and Bovik 2003, eq. 7), in [0, 1].

    The product over scales of contrast-structure^weight, the coarsest scale with luminance. Negative terms, common
    between unrelated images, are clamped to 0 before the power. Between scales the image is halved by 2x2 means that
    start one pixel early, as `sewar.full_ref.msssim` does it (the authors' MATLAB code starts them on even pixels); on
    grey images this equals sewar with the same weights. On colour images sewar averages neighbouring channels too;
    here the channels stay apart.

    `weights` are one exponent a scale, the finest first, used as given. The default, `TWO_SCALES`, is what fits images
    of 28 to 43 pixels: five scales need 176. `size` and `sigma` are those of the Gaussian window, in pixels.
    """
    weights = tuple(float(weight) for weight in weights)
    if not weights or not all(math.isfinite(weight) and weight >= 0 for weight in weights):
        raise ValueError(f"weights = {weights}: needs one exponent >= 0 a scale")
    x, y = _prepare(x, y, data_range, size, scales=len(weights), check_range=check_range)
    kernel = _kernel("gaussian", size, sigma, x)
    score = torch.ones(x.shape[:2], dtype=x.dtype, device=x.device)
    for scale, weight in enumerate(weights):
        whole, contrast = _ssim_and_contrast(x, y, data_range, kernel)
        term = whole if scale == len(weights) - 1 else contrast
        score = score * term.clamp(min=0) ** weight
        x, y = (F.avg_pool2d(F.pad(v, (1, 0, 1, 0), mode="replicate"), 2) for v in (x, y))
    return score.mean(dim=1)


def similarity_table(x: torch.Tensor, y: torch.Tensor) -> pd.DataFrame:
    """Every similarity score of two uint8 batches (N, C, H, W), tidy: one row per (sample, metric)."""
    metrics = {"uqi": (uqi, {}), "uqi_no_flat": (uqi, {"flat": False}), "flat_share": (flat_share, {})}
    metrics |= {"uqi_sewar": (uqi, {"definition": "sewar"}), "ssim": (ssim, {}), "ms_ssim": (ms_ssim, {})}
    scores = {name: metric(x, y, data_range=255, **options) for name, (metric, options) in metrics.items()}
    wide = pd.DataFrame({name: score.cpu().numpy() for name, score in scores.items()})
    return wide.rename_axis("sample").reset_index().melt("sample", var_name="metric", value_name="value")


def _ssim_and_contrast(x, y, data_range, kernel) -> tuple[torch.Tensor, torch.Tensor]:
    """SSIM and its contrast-structure term, each the mean over windows: (N, C)."""
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = (_blur(v, kernel) for v in (x, y, x * x, y * y, x * y))
    var_x, var_y, covariance = mean_xx - mean_x**2, mean_yy - mean_y**2, mean_xy - mean_x * mean_y
    contrast = (2 * covariance + c2) / (var_x + var_y + c2)
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return (luminance * contrast).mean(dim=(2, 3)), contrast.mean(dim=(2, 3))


def _kernel(window: str, size: int, sigma: float, like: torch.Tensor) -> torch.Tensor:
    """The window as a vector of length `size`; both windows are separable."""
    if window == "uniform":
        return torch.full((size,), 1 / size, dtype=like.dtype, device=like.device)
    if window != "gaussian":
        raise ValueError(f"window = {window!r}: unknown; allowed are gaussian, uniform")
    if not sigma > 0:
        raise ValueError(f"sigma = {sigma!r}: must be a number of pixels > 0")
    offset = torch.arange(size, dtype=like.dtype, device=like.device) - (size - 1) / 2
    bell = torch.exp(-(offset**2) / (2 * sigma**2))
    return bell / bell.sum()


def _blur(v: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Weighted mean over every whole window: (N, C, H, W) to (N, C, H - size + 1, W - size + 1)."""
    n, c = v.shape[:2]
    rows, columns = (_bands(kernel, side).expand(n * c, -1, -1) for side in v.shape[-2:])
    # Image by image, so that none's score depends on its batch; PyTorch's convolutions are slow in float64.
    return (rows @ v.flatten(0, 1) @ columns.mT).unflatten(0, (n, c))


def _bands(kernel: torch.Tensor, side: int) -> torch.Tensor:
    """(side - size + 1, side): a row for each place of the window along a side of the image."""
    places = side - len(kernel) + 1
    return torch.stack([F.pad(kernel, (i, places - 1 - i)) for i in range(places)])


def _is_flat(n: int, total: torch.Tensor, squares: torch.Tensor) -> torch.Tensor:
    """Whether a window is constant: its variance is below the rounding of float64. Exact for whole numbers."""
    return n * squares - total**2 <= 1e-12 * n * squares


def _window_sum(v: torch.Tensor, window: int) -> torch.Tensor:
    """Sum over every whole window; exact for whole numbers."""
    return _blur(v, torch.ones(window, dtype=v.dtype, device=v.device))


def _prepare(
    x, y, data_range, window: int, scales: int = 1, more: int = 0, check_range: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both batches in float64; ValueError for what this module does not take, or too few pixels for the window."""
    if isinstance(window, bool) or not isinstance(window, numbers.Integral) or window < 1:
        raise ValueError(f"window = {window!r}: must be a whole number of pixels of at least 1")
    for name, v in (("x", x), ("y", y)):
        if not isinstance(v, torch.Tensor):
            raise ValueError(f"{name}: needs a torch tensor (N, C, H, W), got {type(v).__name__}")
        if v.dtype != torch.uint8 and not v.is_floating_point():
            raise ValueError(f"{name}: needs uint8 or floating point values, got {v.dtype}")
        if v.ndim != 4 or v.shape[1] not in (1, 3) or v.shape[0] == 0:
            raise ValueError(f"{name}: needs shape (N, C, H, W) with N > 0 and C = 1 or 3, got {tuple(v.shape)}")
        if not torch.isfinite(v).all():
            raise ValueError(f"{name}: has NaN or infinite values")
    if x.shape != y.shape:
        raise ValueError(f"x and y: shapes differ, {tuple(x.shape)} and {tuple(y.shape)}")
    if x.dtype != y.dtype:
        raise ValueError(f"x and y: types differ, {x.dtype} and {y.dtype}; bring both to one range first")
    smallest = window * 2 ** (scales - 1) + more
    if min(x.shape[-2:]) < smallest:
        what = f"{scales} scales of window {window}" if scales > 1 else f"window {window}"
        raise ValueError(f"x and y: {what} needs at least {smallest} pixels, got {x.shape[-2:]}")
    if not (isinstance(data_range, numbers.Real) and math.isfinite(data_range) and data_range > 0):
        raise ValueError(f"data_range = {data_range!r}: must be a number > 0")
    is_float = x.is_floating_point()
    # float64 is not to be had on "mps"
    x, y = (v.to("cpu" if v.device.type == "mps" else v.device, torch.float64).contiguous() for v in (x, y))
    low, high = min(x.min(), y.min()).item(), max(x.max(), y.max()).item()
    if check_range and high - low > data_range:
        raise ValueError(f"data_range = {data_range}: the images span {high - low:g} (from {low:g} to {high:g})")
    if check_range and is_float and data_range > 2 and 0 < max(-low, high) <= 1:
        fits = "pass 1 for images in [0, 1], 2 for [-1, 1], or check_range=False to score them like this"
        raise ValueError(f"data_range = {data_range}: the images are floats from {low:g} to {high:g}; {fits}")
    return x, y
