"""What is said of cut U-Nets: which layers spare most, which way wins, and what is lost."""

from functools import cache

import numpy as np
import pandas as pd
from scipy.stats import t as student

from ganprune_utils.errors import DataError
from ganprune_utils.metrics.statistics import crossing
from ganprune_utils.unets import COSTS, short

RESAMPLES = 2000  # of the bootstrap


def ranking(scan: pd.DataFrame, reference: pd.DataFrame, rise: float, metric: str = "l1") -> pd.DataFrame:
    """Layers from most to least sensitive, without (tuned False) and with fine-tuning.

    `scan` are rows of `sensitivity.scan_filters`, `reference` one row of the dense network for each value of `tuned`.
    tolerated: the share of the layer's filters at which the metric has risen by the share `rise` (NaN: not within the
    scan); at_half: its rise with half of the filters gone, interpolated. A fine-tuning gone `astray` does not count.
    """
    rows = []
    for (tuned, layer), points in scan.groupby(["tuned", "layer"], sort=False):
        dense = reference[metric][reference.tuned == tuned].item()
        if tuned:
            points = points.sort_values("sparsity")
            points = points[~astray(100 * (points[[metric]].T / dense - 1)).to_numpy()[0]]
        shares, values = [0, *points.sparsity], [dense, *points[metric]]
        reached = crossing(shares, values, (1 + rise) * dense)
        half = np.interp(0.5, shares, values) / dense - 1
        rows.append({"tuned": tuned, "layer": short(layer), "tolerated": reached, "at_half": half})
    table = pd.DataFrame(rows).sort_values(["tuned", "tolerated", "at_half"], ascending=[True, True, False])
    return table.set_index(["tuned", "layer"])


def is_narrow(way: str) -> bool:
    """Whether a network was not cut but trained from scratch as narrow: "narrow 24" is of width 24."""
    return way.startswith("narrow")


def gain(verdict: pd.DataFrame) -> float:
    """How much worse than the dense network the better answer without a network is, a share of the dense one's L1.

    `verdict` are rows of notebook 8b on one task.
    """
    rows = verdict[verdict.difference != 0]
    return float((rows.difference / rows["of the gain"]).astype(float).median())


def astray(rises: pd.DataFrame, beyond: float = 1.0) -> pd.DataFrame:
    """Where a rise in percent is more than `beyond` above one with more filters removed: a fine-tuning gone astray.

    Layers in rows, shares removed in columns, ascending; True and False in the same places.
    """
    least_after = rises.iloc[:, ::-1].cummin(axis=1).iloc[:, ::-1]
    return rises > least_after + beyond


def shares_saved(ways: pd.DataFrame) -> dict[tuple[str, str], float]:
    """(measure, target) -> the share of the dense network's cost that networks cut down to it save, on average.

    `ways` are rows of notebook 8b on one task; multiply-accumulates first, the dearest first.
    """
    dense, found = ways[ways.way == "dense"].iloc[0], {}
    cut = ways[~ways.way.map(is_narrow)]
    for measure in COSTS:
        for target, rows in cut[cut.measure.isin([measure, "both"])].groupby("target"):
            found[measure, target] = 1 - rows[measure].mean() / dense[measure]
    return dict(sorted(found.items(), key=lambda item: (list(COSTS).index(item[0][0]), item[1])))


def difference(one: list[pd.Series], other: list[pd.Series], whole: float, seed: int = 0) -> dict:
    """Mean of `one` minus `other`, paired by run and picture, with its 95 % interval, as shares of `whole`.

    A series a run, a score a picture; what was run once stands beside every run. The interval is that of a bootstrap in
    which runs and pictures are both drawn anew, because both would be others another time; or, where it is wider,
    Student's of the runs' means: of three runs a bootstrap leaves out a quarter, not a twentieth. `worst` is the
    largest difference of any one run.
    """
    runs = max(len(one), len(other))
    one, other = (np.stack(series * (runs if len(series) == 1 else 1)) for series in (one, other))
    each = (one - other) / whole  # (runs, pictures)
    pictures, drawn = _drawn(each.shape[1], seed), _drawn(runs, seed + 1)
    low, high = np.quantile(((pictures @ each.T) * drawn).sum(1), [0.025, 0.975])
    mean, means = each.mean(), each.mean(1)
    half = student.ppf(0.975, runs - 1) * means.std(ddof=1) / np.sqrt(runs) if runs > 1 else 0.0
    return {"difference": mean, "low": min(low, mean - half), "high": max(high, mean + half), "worst": means.max()}


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
