"""What notebook 4 left, as the page shows it: tables of text."""

from pathlib import Path

import pandas as pd

from ganprune_utils.analysis.equal_sparsity import allocation_gain, collapsed, flat
from ganprune_utils.analysis.formatting import mean_std


def reached_text(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Column `critical_sparsity` over seeds as "mean ± std", as pruned and recalibrated, or in how many seeds it is not
    reached; in the order in which `rows` first name what they are of."""

    def text(values: pd.Series) -> str:
        if values.isna().any():
            return f"not reached in {values.isna().sum()} of {len(values)}"
        return mean_std(values.mean(), values.std())

    wide = rows.groupby([*by, "recalibrated"], sort=False).critical_sparsity.apply(text).unstack("recalibrated")
    # Unstacking sorts; the order of the rows says something.
    wide = wide.reindex(pd.MultiIndex.from_frame(rows[by].drop_duplicates()))
    n = rows.groupby(by, sort=False).seed.nunique()
    return wide.rename(columns={False: "as pruned", True: "recalibrated"}).assign(n=n).reset_index()


def differences_text(rows: pd.DataFrame, collapsed: set[tuple]) -> pd.DataFrame:
    """Fréchet distance of each method minus that of percentage, as pruned; thresholds in columns.

    `collapsed` are the (data set, label, threshold) whose numbers mean nothing any more, of `collapsed`.
    """
    rows = rows[~rows.recalibrated & rows.threshold.isin([30, 50, 70, 90])]
    keys = zip(rows.dataset, rows.label, rows.threshold, strict=True)
    text = [
        "collapsed" if key in collapsed else text for key, text in zip(keys, _texts(rows, "difference"), strict=True)
    ]
    wide = rows.assign(text=text).pivot(index=["dataset", "label"], columns="threshold", values="text")
    n = rows.groupby(["dataset", "label"]).n.min()
    return wide.rename(columns=lambda q: f"{q:g} %").assign(n=n).reset_index()


def last_layer_text(ranges: pd.DataFrame, gains: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """`criteria_range` and the difference of `last_layer_gain` as pruned, thresholds in columns."""
    tables = {}
    for name, rows, value, key in (
        ("range", ranges, "range", "last_layer"),
        ("last_layer", gains, "difference", "label"),
    ):
        rows = rows[~rows.recalibrated]
        wide = rows.assign(text=_texts(rows, value)).pivot(index=["dataset", key], columns="threshold", values="text")
        n = rows.groupby(["dataset", key]).n.min()
        tables[name] = wide.rename(columns=lambda q: f"{q:g} %").assign(n=n).reset_index()
    return tables


def _texts(rows: pd.DataFrame, name: str) -> list[str]:
    return [mean_std(*pair, 2) for pair in zip(rows[f"{name} mean"], rows[f"{name} std"], strict=True)]


def allocation_text(allocation: pd.DataFrame) -> pd.DataFrame:
    """Fréchet distance by method of allocation, over seeds."""
    gain, keys = flat(allocation_gain(allocation)), ["dataset", "recalibrated", "percent"]
    gain = gain.assign(text=_texts(gain, "frechet"), recalibrated=gain.recalibrated.map({False: "no", True: "yes"}))
    return gain.pivot(index=keys, columns="method", values="text").assign(n=gain.groupby(keys).n.min()).reset_index()


def quality_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """What notebook 4 left in `folder`, as a page shows it: critical, differences, checks, correlations, ranking,
    allocation. None of them where it was not run; ranking and allocation only where layers were scanned."""
    if not (folder / "critical-sparsity.csv").is_file():
        return {}
    read = {path.stem: pd.read_csv(path) for path in folder.glob("*.csv")}
    tables = {
        "critical": reached_text(read["critical-sparsity"], ["rise", "dataset", "label"]),
        "checks": read["metric-checks"].round(3),
        "correlations": read["similarity-and-quality"].round(2),
    }
    if "difference-to-percentage" in read:  # another method was run
        lost = collapsed(read["quality"], read["metric-checks"])
        tables["differences"] = differences_text(read["difference-to-percentage"], lost)
    if "last-layer" in read:
        tables |= last_layer_text(read["criteria-range"], read["last-layer"])
    if len(read.get("second-classifier", ())):
        tables["second"] = read["second-classifier"].round(3)
    if "ranking" in read:
        ranking = read["ranking"]
        as_pruned = ranking.critical_sparsity.where(~ranking.recalibrated)
        ranking["mean"] = as_pruned.groupby([ranking.dataset, ranking.layer]).transform("mean")
        tables["ranking"] = reached_text(ranking.sort_values(["dataset", "mean"]), ["dataset", "layer"])
        tables["allocation"] = allocation_text(read["allocation"])
    return tables
