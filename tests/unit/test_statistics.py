import numpy as np
import pytest

from ganprune_utils.statistics import change, describe, half_sample_mode, holm


def test_mode_finds_the_dense_place_not_the_smallest_value():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.uniform(0, 1, 50), rng.normal(0.8, 0.01, 200)])
    assert half_sample_mode(values) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(
    "values, mode", [([3.0], 3), ([1.0, 2.0], 1.5), ([1, 2, 4], 1.5), ([1, 3, 4], 3.5), ([1, 2, 3], 2)]
)
def test_mode_of_few_values(values, mode):
    assert half_sample_mode(values) == mode


@pytest.mark.parametrize("values", [[], [1.0, float("nan")]])
def test_mode_needs_finite_values(values):
    with pytest.raises(ValueError, match="finite numbers"):
        half_sample_mode(values)


def test_describe_is_numpy_with_population_moments():
    values = np.random.default_rng(1).normal(size=101)
    table = describe(values)
    assert table["mean"] == values.mean() and table["median"] == np.median(values)
    assert table["max"] == values.max() and table["min"] == values.min()
    assert table["variance"] == values.var() and table["std"] == values.std()
    assert list(table.index) == ["mean", "median", "mode", "max", "min", "variance", "std"]


def test_holm_by_hand():
    # Sorted 0.005, 0.01, 0.03, 0.04: times 4, 3, 2, 1, and never below the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.4, 0.5]) == pytest.approx([0.8, 0.8]) and holm([0.9, 0.8]) == pytest.approx([1, 1])
    # What was not tested counts for nothing.
    assert holm([np.nan, 0.01, np.nan, 0.02]) == pytest.approx([np.nan, 0.02, np.nan, 0.02], nan_ok=True)
    assert len(holm([])) == 0


def test_a_change_is_of_means_and_paired():
    rng = np.random.default_rng(0)
    other = rng.uniform(1, 3, 40)
    found = change(1.1 * other, other)
    # Each sample changes by the same share: whatever is drawn, so does the mean. Unpaired it would vary.
    assert [found[name] for name in ("change", "low", "high")] == pytest.approx([0.1, 0.1, 0.1])
    noisy = change(other + rng.normal(0, 0.5, 40), other)
    spread = np.std([(other + rng.normal(0, 0.5, 40)).mean() / other.mean() for _ in range(2000)])
    assert noisy["high"] - noisy["low"] == pytest.approx(2 * 1.96 * spread, rel=0.35)
    assert change(other, other, seed=1) == {"change": 0, "low": 0, "high": 0}
    assert change([1.1, np.nan, 2.2], [1, 1, 2])["high"] == pytest.approx(0.1)
    assert np.isnan(change([1.1, np.nan], [1, 1])["low"])
