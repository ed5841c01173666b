"""The descriptive statistics of the paper's tables, and what a comparison of several things needs."""

import numpy as np
import pandas as pd

STATISTICS = ("mean", "median", "mode", "max", "min", "variance", "std")


def half_sample_mode(values) -> float:
    """The mode of a continuous sample (Bickel and Fruehwirth 2006): take the densest half until two or three are left.

    Continuous scores are all different, so "the most frequent value" does not exist; `scipy.stats.mode` then returns
    the smallest value, which is what the paper's tables print.
    """
    v = np.sort(np.asarray(values, dtype=np.float64), axis=None)
    finite = np.count_nonzero(np.isfinite(v))
    if not v.size or finite < v.size:
        raise ValueError(f"values: the mode needs finite numbers, got {v.size} of which {finite} are")
    while v.size > 3:
        half = (v.size + 1) // 2
        widths = v[half - 1 :] - v[: v.size - half + 1]
        start = int(np.argmin(widths))
        v = v[start : start + half]
    if v.size == 3:
        low, high = v[1] - v[0], v[2] - v[1]
        v = v[:2] if low < high else v[1:] if high < low else v[1:2]
    return float(v.mean())


def describe(values) -> pd.Series:
    """Mean, median, mode (half-sample), max, min, variance and std (both of the population) of finite `values`."""
    v = np.asarray(values, dtype=np.float64)
    mode = half_sample_mode(v)  # first, because it checks the values
    numbers = (v.mean(), np.median(v), mode, v.max(), v.min(), v.var(), v.std())
    return pd.Series(dict(zip(STATISTICS, map(float, numbers), strict=True)))


def crossing(x, y, level: float) -> float:
    """The first x at which the line through the points (x, y) reaches `level` from below; NaN where it does not."""
    order = np.argsort(x)
    x, y = np.asarray(x, float)[order], np.asarray(y, float)[order]
    reached = np.flatnonzero(y >= level)
    if not len(reached):
        return float("nan")
    i = reached[0]
    if i == 0:
        return float(x[0])
    return float(x[i - 1] + (level - y[i - 1]) / (y[i] - y[i - 1]) * (x[i] - x[i - 1]))


def holm(p) -> np.ndarray:
    """P-values corrected for their number (Holm 1979, Scandinavian Journal of Statistics 6, 65-70); NaNs stay out."""
    p = np.asarray(p, dtype=np.float64)
    adjusted, order = np.full(p.shape, np.nan), np.argsort(p)[: np.count_nonzero(~np.isnan(p))]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.maximum.accumulate(factors * p[order]).clip(max=1)
    return adjusted


def change(own, other, seed: int = 0) -> dict[str, float]:
    """How much higher the mean of `own` is than that of `other`, as a share of it; both are of the same samples, and
    those where one is NaN stay out.

    Returns `change`, and `low` and `high`: the 95 % interval of the bootstrap over samples (percentiles, 9,999 draws),
    NaN where fewer than two samples are left.
    """

    from scipy.stats import bootstrap  # takes a second, and few runs compare anything

    def share(own, other, axis):
        return own.mean(axis) / other.mean(axis) - 1

    pairs = np.stack([np.asarray(values, dtype=np.float64) for values in (own, other)])
    own, other = pairs[:, np.isfinite(pairs).all(0)]
    if len(own) < 2:
        return {"change": float(share(own, other, 0)) if len(own) else np.nan, "low": np.nan, "high": np.nan}
    random = np.random.default_rng(seed)
    found = bootstrap((own, other), share, paired=True, vectorized=True, method="percentile", rng=random)
    low, high = found.confidence_interval
    return {"change": float(share(own, other, 0)), "low": float(low), "high": float(high)}
