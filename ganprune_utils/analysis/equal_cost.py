"""Pruned U-Nets at equal cost: which method is better than which, and by how much?

`rows` are those of notebook 12 (unet-equal-cost.csv), one per run; a `network` is what was trained: "edges (depth 5)".
"""

import numpy as np
import pandas as pd
from scipy.stats import t as student

from ganprune_utils.errors import DataError
from ganprune_utils.pruning.at_cost import DEPTH_REDUCTION, METHODS
from ganprune_utils.statistics import holm

PROPOSED = ("inner", DEPTH_REDUCTION)  # by Kim, Choi and Park, who say that they outperform global pruning
OTHERS = tuple(name for name in METHODS if name not in (*PROPOSED, "global"))
AGAINST = ("global", "inner", "dense")
PICTURED = ("dense", *PROPOSED, "random inner", "global", "uniform", "lamp")
SHORT = {"macs": "MACs", "parameters": "parameters"}
# Of all other metrics the lowest is best.
BEST_IS_HIGH = ("ssim", "opening_correlation", "sync_confidence", "offset_accuracy")
LEVEL = 0.05  # of significance, after the correction


def rises(rows: pd.DataFrame, metric: str = "l1") -> pd.Series:
    """The metric of `rows` on one network over the mean of the dense network after the same fine-tuning, in percent;
    as trained over itself."""
    dense = rows[rows.method == "dense"].groupby("fine_tuning")[metric].mean()
    return 100 * (rows[metric] / rows.fine_tuning.map(dense) - 1)


def cost_name(measure: str, target: str) -> str:
    """ "30 % of the MACs saved" for the target "70%"."""
    return f"{100 - int(target.rstrip('%'))} % of the {SHORT[measure]} saved"


def longest(rows: pd.DataFrame) -> str:
    """The longest fine-tuning of more than one run, or of one where there is none of more."""
    pruned = rows[rows.measure != "-"]
    return (pruned[pruned.run > 0] if (pruned.run > 0).any() else pruned).fine_tuning.iloc[-1]


def pictured(rows: pd.DataFrame) -> pd.DataFrame:
    """The first runs to be shown as images, in the order of `PICTURED`, after the longest fine-tuning: at the cost that
    most of these methods reach, the lowest of several."""
    rows = rows[(rows.fine_tuning == longest(rows)) & (rows.run == 0) & rows.method.isin(PICTURED)]
    reached = rows[rows.measure != "-"].groupby(["measure", "target"]).agg({"method": "nunique", "macs": "mean"})
    measure, target = reached.sort_values(["method", "macs"], ascending=[False, True]).index[0]
    chosen = rows[rows.measure.isin([measure, "-"]) & rows.target.isin([target, "-"])]
    return chosen.loc[chosen.method.map(PICTURED.index).sort_values().index]


def difference(one: np.ndarray, other: np.ndarray) -> dict:
    """Mean of `one` minus `other`, both (runs, clips) and paired, with its 95 % interval and the p-value of none.

    Both the runs and the clips would be others another time: the variance of the mean is that of the runs' means over
    their number plus that of the clips' means over theirs, and Student's t has the degrees of freedom of the runs. So
    the interval is a little too wide where the clips decide. With one run it is that of the clips alone, and there is
    no p-value; with one run and one clip there is neither.
    """
    each = one - other
    runs, clips = each.shape
    variance = sum(each.mean(1 - axis).var(ddof=1) / n for axis, n in enumerate(each.shape) if n > 1)
    freedom = (runs if runs > 1 else clips) - 1
    mean, half, p = each.mean(), np.nan, np.nan
    if freedom:
        half = student.ppf(0.975, freedom) * np.sqrt(variance)
    if runs > 1:
        p = 2 * student.sf(abs(mean) / np.sqrt(variance), freedom) if variance else float(mean == 0)
    return {"difference": mean, "low": mean - half, "high": mean + half, "runs": runs, "p": p}


def comparisons(scores: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Every method against each of `AGAINST` at the same cost and after the same fine-tuning, by each metric.

    Args:
        scores: metric -> table with one row per clip, one column per run (method, measure, target, fine_tuning, run).

    Returns a row for each with `difference`'s columns, all but `runs` and `p` as shares of the dense network's mean. A
    pair is compared once: "inner" against "global", not the other way round. Raises DataError where there is no dense
    network.
    """
    rows = []
    for metric, table in scores.items():
        groups = table.T.groupby(level=["method", "measure", "target", "fine_tuning"], sort=False)
        runs = {key: own.sort_index(level="run").to_numpy() for key, own in groups}
        for (method, measure, target, fine_tuning), own in runs.items():
            dense = runs.get(("dense", "-", "-", fine_tuning))
            if dense is None:
                raise DataError(f"comparisons: {fine_tuning} has no dense network to compare with")
            for against in AGAINST if measure != "-" else ():
                other = dense if against == "dense" else runs.get((against, measure, target, fine_tuning))
                if other is not None and method != against and (method, against) != ("global", "inner"):
                    key = {"method": method, "against": against, "measure": measure, "target": target}
                    row = difference(own / dense.mean(), other / dense.mean())
                    rows.append(key | {"fine_tuning": fine_tuning, "metric": metric} | row)
    return pd.DataFrame(rows)


def judged(comparisons: pd.DataFrame) -> pd.DataFrame:
    """`comparisons` with p_holm, corrected over all but those with the dense network, and a verdict: "better", "worse",
    "open", or empty where there is no p-value. That pruning loses something against dense is no question."""
    if not len(comparisons):
        return comparisons
    p = holm(comparisons.p.where(comparisons.against != "dense"))
    rise = comparisons.difference * np.where(comparisons.metric.isin(BEST_IS_HIGH), -1, 1)
    verdict = np.select([np.isnan(p), p >= LEVEL, rise < 0], ["", "open", "better"], "worse")
    return comparisons.assign(p_holm=p, verdict=verdict)
