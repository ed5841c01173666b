"""From the tidy tables in run folders to the tables that are read."""

import json
import math
from pathlib import Path

import pandas as pd

from ganprune_utils.errors import DataError
from ganprune_utils.metrics.statistics import STATISTICS, describe

# Khanna and Srivatsa, Tables I (sensitivity, s = 0.75) and II (percentage, q = 50), in the order of STATISTICS. The
# paper prints SSIM as "1.0+0.0j", the modes of MS-SSIM as "(1.0, 1.0)", and a percent sign after each UQI.
PAPER = {
    "I": {"uqi": (0.922, 0.930, 0.731, 0.979, 0.731, 0.001, 0.038)},
    "II": {"uqi": (0.950, 0.954, 0.859, 0.993, 0.859, 0.0007, 0.027)},
}
for _table in PAPER.values():
    _table["ssim"] = _table["ms_ssim"] = (1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0)
PAPER_CELLS = {"I": ("sensitivity", "layer", 0.75), "II": ("percentage", "global", 50.0)}
METRIC_TITLES = {
    "uqi": "UQI",
    "ssim": "SSIM",
    "ms_ssim": "MS-SSIM",
    "uqi_sewar": "UQI (sewar)",
    "uqi_no_flat": "UQI, no flat windows",
}


def _find(root, name: str) -> list[Path]:
    """Files `name` under `root`. Where a study left a list of its runs (runs.txt), only theirs: a run folder from an
    earlier version of the study stays on disk, but does not belong to its tables."""
    root = Path(root)
    if (root / "runs.txt").is_file():
        paths = (root / line / name for line in (root / "runs.txt").read_text().splitlines())
        return sorted(path for path in paths if path.is_file())
    return sorted(root.rglob(name))


def read_runs(root, name: str, optional: bool = False) -> pd.DataFrame:
    """Every `name` (a tidy CSV, also gzipped) of the run folders under `root`, in one table, in the order of paths.

    Where there is none: DataError, or an empty table if it is `optional`.
    """
    paths = sorted([*_find(root, name), *_find(root, f"{name}.gz")])
    if not paths and optional:
        return pd.DataFrame()
    if not paths:
        raise DataError(f"results {root}: no run folder with {name} in it; run the study first")
    return pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)


def read_verdicts(root) -> pd.DataFrame:
    """The audits' verdicts, hypotheses in rows, one pair of columns a data set; empty where no audit was run."""
    paths = _find(root, "audit-verdicts.csv")
    if not paths:
        return pd.DataFrame()
    rows = pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)
    wide = rows.pivot(index="hypothesis", columns="dataset", values=["verdict", "decisive number"])
    return wide.swaplevel(axis=1).sort_index(axis=1, level=0, sort_remaining=False)


def read_manifests(root) -> pd.DataFrame:
    """One row a run folder under `root` (or line of a report's runs.jsonl): where it is, and its manifest's entries."""
    root = Path(root)
    # A report holds runs.jsonl; a study's folder holds runs, and may hold its own report's copy of them as well.
    kept = [] if (root / "runs.txt").is_file() else root.rglob("runs.jsonl")
    rows = [json.loads(line) for path in kept for line in path.read_text().splitlines()]
    for path in _find(root, "manifest.json"):
        rows.append({"run": str(path.parent.relative_to(root)), **json.loads(path.read_text())})
    if not rows:
        raise DataError(f"results {root}: no manifest.json in it; run the study first")
    return pd.DataFrame(rows)


def method_label(rows: pd.DataFrame) -> pd.Series:
    """The name of a method in figures: its own, with the scope where that is not the method's default."""
    other = ~rows.scope.isin(["global", "uniform"]) & (rows.method != "sensitivity")
    return rows.method.where(~other, rows.method + " (" + rows.scope + ")")


def over_seeds(means: pd.DataFrame, metrics=("uqi", "ssim", "ms_ssim")) -> pd.DataFrame:
    """The cells of Tables I and II: mean of the seeds' means, standard deviation (n - 1) over seeds, and n."""
    found = []
    for table, (method, scope, threshold) in PAPER_CELLS.items():
        rows = means[(means.method == method) & (means.scope == scope) & (means.threshold == threshold)]
        for dataset, cell in rows[rows.metric.isin(metrics)].groupby("dataset", sort=False):
            wide = cell.pivot(index="seed", columns="metric", values="value")[list(metrics)]
            entry = {"table": table, "dataset": dataset, "seeds": len(wide)}
            entry["sparsity"] = cell.drop_duplicates("seed").sparsity.mean()
            for metric in metrics:
                entry[metric], entry[f"{metric} std"] = wide[metric].mean(), wide[metric].std()
            found.append(entry)
    names = [name for metric in metrics for name in (metric, f"{metric} std")]
    return pd.DataFrame(found, columns=["table", "dataset", "seeds", "sparsity", *names])


def paper_table(similarity: pd.DataFrame, table: str, metrics=("uqi", "ssim", "ms_ssim")) -> pd.DataFrame:
    """Table "I" or "II" in the paper's layout: statistics in rows, for each metric the paper's value and ours.

    `similarity` holds one row per (sample, metric) of one data set and seed, generator pruned.
    """
    rows = _paper_rows(similarity, table)
    if rows.empty:
        raise DataError(f"table {table}: the study has no cell {' '.join(map(str, PAPER_CELLS[table]))}")
    columns = {}
    for metric in metrics:
        if metric in PAPER[table]:
            columns[METRIC_TITLES[metric], "paper"] = dict(zip(STATISTICS, PAPER[table][metric], strict=True))
        columns[METRIC_TITLES[metric], "ours"] = describe(rows.value[rows.metric == metric])
    found = pd.DataFrame(columns).loc[list(STATISTICS)].rename_axis("statistic")
    for name, kind in found.columns:
        if kind == "ours":  # how far another draw of as many images would move the mean
            found.loc["standard error of the mean", (name, kind)] = (
                found.loc["std", (name, kind)] / rows["sample"].nunique() ** 0.5
            )
    return found


def paper_samples(similarity: pd.DataFrame) -> pd.DataFrame:
    """The single samples behind Tables I and II."""
    return pd.concat([_paper_rows(similarity[~similarity.recalibrated], table) for table in PAPER_CELLS])


def comparable(means: pd.DataFrame) -> pd.DataFrame:
    """The cells for curves: sensitivity matched to a percentage where a study has that, and by its own s otherwise."""
    own = (means.method == "sensitivity") & (means.scope == "layer")
    matched = means[means.scope == "matched"].dataset.unique()
    return means[~(own & means.dataset.isin(matched))]


def _paper_rows(similarity: pd.DataFrame, table: str) -> pd.DataFrame:
    method, scope, threshold = PAPER_CELLS[table]
    return similarity.query("part == 'generator' and method == @method and scope == @scope and threshold == @threshold")


def quality_count(runs: pd.DataFrame) -> int:
    """How many generated images quality was measured on: the same in all runs, for the Fréchet distance depends on it.

    `runs` is from `read_manifests`. DataError where runs differ.
    """
    counts = {p["n_quality"] for p in runs.parameters if p.get("n_quality")}
    if len(counts) > 1:
        raise DataError(f"runs: measured quality on {', '.join(map(str, sorted(counts)))} images; use one number")
    return counts.pop() if counts else 0


def checkpoints_of(runs: pd.DataFrame) -> dict[tuple[str, int], str]:
    """Which trained pair the prunings of each (dataset, seed) are of: "shipped", or a run folder."""
    return {(p["dataset"], p["seed"]): p["checkpoint"] for p in runs.parameters if "checkpoint" in p}


def read_means(root, sparsity: pd.DataFrame) -> pd.DataFrame:
    """Mean of every likeness score per cell, with and without recalibration: of the runs under `root`, or of a report.

    A report keeps the means of all cells (means.csv), and single samples only of the paper's.
    """
    kept = Path(root) / "means.csv"
    return pd.read_csv(kept) if kept.is_file() else cell_means(read_runs(root, "similarity.csv"), sparsity)


def cell_means(similarity: pd.DataFrame, sparsity: pd.DataFrame) -> pd.DataFrame:
    """Mean of every metric per cell beside the cell's overall and mean-of-layers sparsity (of the generator)."""
    keys = ["dataset", "seed", "part", "method", "scope", "threshold"]
    layers = sparsity[sparsity.network == "generator"]
    overall = layers[layers.layer == "overall"].set_index(keys).sparsity.rename("sparsity")
    mean = layers[layers.layer != "overall"].groupby(keys).sparsity.mean().rename("mean_of_layers")
    values = similarity.groupby([*keys, "recalibrated", "metric"]).value.mean().reset_index()
    means = values.join(overall, on=keys).join(mean, on=keys)
    return means.assign(label=method_label(means))


def removed(means: pd.DataFrame) -> pd.DataFrame:
    """Overall sparsity, mean of the layers' sparsities and what a normal distribution predicts, for the paper's cells.

    A threshold of s standard deviations removes erf(s / sqrt 2) of normally distributed weights.
    """
    rows = []
    for table, (method, scope, threshold) in PAPER_CELLS.items():
        cells = means[(means.method == method) & (means.scope == scope) & (means.threshold == threshold)]
        cells = cells.drop_duplicates(["dataset", "seed"])
        expected = math.erf(threshold / math.sqrt(2)) if method == "sensitivity" else threshold / 100
        for cell in cells.itertuples():
            rows.append(
                (table, cell.dataset, cell.seed, method, threshold, cell.sparsity, cell.mean_of_layers, expected)
            )
    names = ["table", "dataset", "seed", "method", "threshold", "sparsity", "mean_of_layers", "expected"]
    return pd.DataFrame(rows, columns=names)


def paper_tables(similarity: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
    """Tables I and II of each data set's first seed: {("dataset seed0", "Table I"): table}; only as pruned."""
    found = {}
    similarity = similarity[~similarity.recalibrated]
    first = similarity.groupby("dataset").seed.transform("min")
    for (dataset, seed), rows in similarity[similarity.seed == first].groupby(["dataset", "seed"], sort=True):
        for table in PAPER_CELLS:
            if len(_paper_rows(rows, table)):  # a study need not have the paper's thresholds
                found[f"{dataset} seed{seed}", f"Table {table}"] = paper_table(rows, table)
    return found


def markdown(table: pd.DataFrame) -> str:
    """A table in GitHub's Markdown; column levels are joined by a space, numbers have four significant digits."""
    flat = table.copy()
    flat.columns = [
        " ".join(map(str, column)).strip() if isinstance(column, tuple) else str(column) for column in flat.columns
    ]
    text = flat.map(lambda value: f"{value:.4g}".replace("nan", "") if isinstance(value, float) else str(value))
    lines = [list(text.columns), ["---"] * text.shape[1], *text.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def floor_means(floor: pd.DataFrame) -> pd.DataFrame:
    """Mean score of unrelated images by data set and metric: columns dataset, metric, value."""
    return floor.groupby(["dataset", "metric"]).value.mean().reset_index()
