"""Pruned U-Nets at equal cost: is the proposed method better, is nothing lost, and by how much?

`rows` are those of notebook 12 (unet-equal-cost.csv) on one task, one per run; `no_loss` and `more` those of
unet-no-loss.csv and unet-more-steps.csv.
"""

from functools import cache

import numpy as np
import pandas as pd
from scipy.stats import t as student

from ganprune_utils.analysis.formatting import percent
from ganprune_utils.errors import DataError
from ganprune_utils.pruning.unet import COSTS, DEPTH_REDUCTION, INNER_LEVELS

RESAMPLES = 2000  # of the bootstrap
PROPOSED = (DEPTH_REDUCTION, "inner")  # the two methods of Kim, Choi and Park
PICTURED = ["dense", DEPTH_REDUCTION, "inner", "lamp", "uniform", "outer", "small dense"]
SHORT = {"macs": "MACs", "parameters": "parameters"}
HARMED = 0.01  # of the L1 as trained: a rise of the dense network by more than this is named


def is_small_dense(methods: pd.Series) -> pd.Series:
    """Where a network was not pruned but trained from scratch: "small dense 24" has width 24."""
    return methods.astype(str).str.startswith("small dense")


def at_cost(rows: pd.DataFrame, measure: str, target: str) -> pd.DataFrame:
    """The rows of what was pruned to this cost; depth reduction belongs to both measures."""
    return rows[rows.measure.isin([measure, "both"]) & (rows.target == target) & ~is_small_dense(rows.method)]


def rises(rows: pd.DataFrame, metric: str = "l1") -> pd.Series:
    """The metric over the mean of the dense network of its task, which got the same steps, in percent."""
    task = rows.task if "task" in rows else pd.Series("", rows.index)
    dense = rows[metric].where(rows.method == "dense").groupby(task).transform("mean")
    return 100 * (rows[metric] / dense - 1)


def pictured(rows: pd.DataFrame, target: str) -> pd.DataFrame:
    """The first runs to be shown as images, in the order of `PICTURED`: what was pruned to the multiply-accumulates
    `target`, and each small dense network."""
    kind = rows.method.str.replace(r" \d+$", "", regex=True)
    here = (rows.measure != "parameters") & rows.target.isin(["-", target]) | is_small_dense(rows.method)
    chosen = rows[here & (rows.run == 0) & kind.isin(PICTURED)]
    return chosen.loc[kind[chosen.index].map(PICTURED.index).sort_values(kind="stable").index]


def shares_saved(rows: pd.DataFrame) -> dict[tuple[str, str], float]:
    """(measure, target) -> the mean share of the dense cost that networks pruned to it save; multiply-accumulates
    first, the highest cost first."""
    dense, saved = rows[rows.method == "dense"].iloc[0], {}
    for measure in COSTS:
        targets = rows[rows.measure.isin([measure, "both"]) & ~is_small_dense(rows.method)].groupby("target")
        shares = 1 - targets[measure].mean() / dense[measure]
        saved |= {(measure, target): share for target, share in shares.sort_values().items()}
    return saved


def cost_name(measure: str, target: str, saved: dict) -> str:
    """A cost with what is saved there: "MACs −45 % (2 levels removed)"."""
    return f"{SHORT[measure]} −{percent(saved[measure, target])} ({target})"


def trivial_rise(no_loss: pd.DataFrame) -> float:
    """How much worse than the dense network the better baseline without a network is, a share of the dense L1."""
    rows = no_loss[no_loss.difference != 0]
    return float((rows.difference / rows["of the gain"]).astype(float).median())


def difference(one: list[pd.Series], other: list[pd.Series], whole: float, seed: int = 0) -> dict:
    """Mean of `one` minus `other`, paired by run and image, with its 95 % interval, as shares of `whole`.

    One series per run, one score per image; what was run once is paired with every run. The interval is that of a
    bootstrap in which runs and images are both drawn anew, because both would be others another time; or, where it is
    wider, Student's of the runs' means: of three runs a bootstrap leaves out a quarter, not a twentieth. `worst` is the
    largest difference of any one run.
    """
    runs = max(len(one), len(other))
    one, other = (np.stack(series * (runs if len(series) == 1 else 1)) for series in (one, other))
    each = (one - other) / whole  # (runs, images)
    images, drawn = _drawn(each.shape[1], seed), _drawn(runs, seed + 1)
    low, high = np.quantile(((images @ each.T) * drawn).sum(1), [0.025, 0.975])
    mean, means = each.mean(), each.mean(1)
    half = student.ppf(0.975, runs - 1) * means.std(ddof=1) / np.sqrt(runs) if runs > 1 else 0.0
    return {"difference": mean, "low": min(low, mean - half), "high": max(high, mean + half), "worst": means.max()}


@cache
def _drawn(n: int, seed: int) -> np.ndarray:
    """(RESAMPLES, n): what share of a sample, drawn with replacement from n things, each of them is."""
    random = np.random.default_rng(seed)
    return np.stack([np.bincount(random.integers(n, size=n), minlength=n) for _ in range(RESAMPLES)]) / n


def no_loss(l1: pd.DataFrame, margin: float, seed: int = 0) -> pd.DataFrame:
    """Whether a network is no worse than the dense one, as it was trained or trained on, whichever is better.

    Args:
        l1: one row per image, one column per run (method, measure, target, run); those of the methods "dense" and
            "dense, as trained" are compared with.
        margin: share of the dense L1 that counts as none.

    Returns:
        Index method, measure, target; `difference`'s columns, and no_loss: the interval and every run below the margin.

    Raises DataError where there is no dense network.
    """
    runs = _runs(l1)
    dense = [scores for (method, *_), scores in runs.items() if method.startswith("dense")]
    if not dense:
        raise DataError("no loss: has no dense network to compare with")
    best = min(dense, key=lambda scores: np.mean([run.mean() for run in scores]))
    whole, rows = float(np.mean([run.mean() for run in best])), {}
    for key, scores in runs.items():
        if not key[0].startswith("dense"):
            rows[key] = difference(scores, best, whole, seed)
            rows[key]["no_loss"] = max(rows[key]["high"], rows[key]["worst"]) < margin
    return pd.DataFrame(rows).T.rename_axis(["method", "measure", "target"]).convert_dtypes()


def comparisons(l1: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """The proposed methods against every other at the same cost: `difference`'s columns, as shares of the dense L1.

    Negative: the proposed method is better; better says that of the whole interval, worse the opposite. `l1` as in
    `no_loss`.
    """
    runs, rows = _runs(l1), []
    whole = float(np.mean([run.mean() for run in runs["dense", "-", "-"]]))
    for proposed in PROPOSED:
        for (method, measure, target), other in runs.items():
            scores = runs.get((proposed, measure, target)) or runs.get((proposed, "both", target))
            if scores is not None and method not in (proposed, DEPTH_REDUCTION) and measure != "both":
                key = {"proposed": proposed, "against": method, "measure": measure, "target": target}
                row = key | difference(scores, other, whole, seed)
                rows.append(row | {"better": row["high"] < 0, "worse": row["low"] > 0})
    return pd.DataFrame(rows)


def _runs(l1: pd.DataFrame) -> dict[tuple, list[pd.Series]]:
    """(method, measure, target) -> its runs."""
    runs = {}
    for (*key, _), scores in sorted(l1.items(), key=lambda item: item[0][-1]):
        runs.setdefault(tuple(key), []).append(scores)
    return runs


def inner_only(rows: pd.DataFrame) -> list[str]:
    """The costs at which LAMP removed filters of the inner levels alone."""
    saved, costs = shares_saved(rows), []
    down, up = (side.split() for side in rows[rows.method == "dense"].widths.iloc[0].split("|"))
    levels = [*range(1, len(down) + 1), *range(len(down), 1, -1)]
    for row in rows[rows.method == "lamp"].itertuples():
        filters = zip(levels, row.widths.replace("|", "").split(), down + up, strict=True)
        pruned = [level for level, left, dense in filters if left != dense]
        if pruned and min(pruned) > len(down) - INNER_LEVELS:
            costs.append(cost_name(row.measure, row.target, saved))
    return list(dict.fromkeys(costs))


def between_proposed(comparisons: pd.DataFrame) -> dict | None:
    """Depth reduction minus inner filters: the least and the largest difference, and at how many costs each is better;
    None where they have no cost in common."""
    rows = comparisons[(comparisons.proposed == DEPTH_REDUCTION) & (comparisons.against == "inner")]
    if not len(rows):
        return None
    counts = {name: int(rows[name].sum()) for name in ("better", "worse")}
    return {"low": rows.difference.min(), "high": rows.difference.max(), "costs": len(rows)} | counts


def most_saved(no_loss: pd.DataFrame) -> list[dict]:
    """The pruned network that saves most without loss, by each cost, or the one that came nearest to none.

    One entry per network: measures (one, or both where they name one network), is_no_loss, and its row.
    """
    pruned, entries = no_loss[~is_small_dense(no_loss.method)], []
    without = pruned[pruned.no_loss]
    for measure in COSTS:
        nearest = pruned.high.astype(float).idxmin()
        at = without[f"{measure} saved"].idxmax() if len(without) else nearest
        if entries and entries[-1]["row"].name == at:
            entries[-1]["measures"].append(measure)
        else:
            entries.append({"measures": [measure], "is_no_loss": len(without) > 0, "row": pruned.loc[at]})
    return entries


def dense_with_more_steps(more: pd.DataFrame, rows: pd.DataFrame) -> dict | None:
    """What most steps made of the dense network where they harmed it: its rise over itself as trained, and the
    Fréchet distances before and after (None where they were not measured). None where it was not harmed."""
    trained, after = rows[rows.method == "dense, as trained"], more[more.method == "dense"].sort_values("steps")
    if not len(trained) or not len(after) or after.l1.iloc[-1] <= (1 + HARMED) * trained.l1.min():
        return None
    row = {"steps": after.steps.iloc[-1], "rise": after.l1.iloc[-1] / trained.l1.mean() - 1, "frechet": None}
    return row | ({"frechet": [t.frechet.iloc[-1] for t in (trained, after)]} if "frechet" in after else {})
