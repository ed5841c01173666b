"""The paper's Tables I and II, computed again: from the tidy tables in run folders to what is printed beside them."""

import math
from pathlib import Path

import pandas as pd

from ganprune_utils.analysis.formatting import LABELS, mean_std
from ganprune_utils.analysis.results import read_runs
from ganprune_utils.errors import DataError
from ganprune_utils.statistics import STATISTICS, describe

# Khanna and Srivatsa, Tables I (sensitivity, s = 0.75) and II (percentage, q = 50), in the order of STATISTICS. The
# paper prints SSIM as "1.0+0.0j", the modes of MS-SSIM as "(1.0, 1.0)", and a percent sign after each UQI.
PAPER = {
    "I": {"uqi": (0.922, 0.930, 0.731, 0.979, 0.731, 0.001, 0.038)},
    "II": {"uqi": (0.950, 0.954, 0.859, 0.993, 0.859, 0.0007, 0.027)},
}
for _table in PAPER.values():
    _table["ssim"] = _table["ms_ssim"] = (1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0)
PAPER_CELLS = {"I": ("sensitivity", "layer", 0.75), "II": ("percentage", "global", 50.0)}


def read_verdicts(root) -> pd.DataFrame:
    """The audits' verdicts, hypotheses in rows, one pair of columns a data set; empty where no audit was run."""
    rows = read_runs(root, "audit-verdicts.csv", optional=True)
    if rows.empty:
        return rows
    wide = rows.pivot(index="hypothesis", columns="dataset", values=["verdict", "decisive number"])
    return wide.swaplevel(axis=1).sort_index(axis=1, level=0, sort_remaining=False)


def method_label(rows: pd.DataFrame) -> pd.Series:
    """The name of a method in figures: its own, with the scope where that is not the method's default."""
    other = ~rows.scope.isin(["global", "uniform"]) & (rows.method != "sensitivity")
    return rows.method.where(~other, rows.method + " (" + rows.scope + ")")


def over_seeds(means: pd.DataFrame, metrics=("uqi", "ssim", "ms_ssim")) -> pd.DataFrame:
    """The cells of Tables I and II: mean of the seeds' means, standard deviation (n - 1) over seeds, and n."""
    entries = []
    for table, (method, scope, threshold) in PAPER_CELLS.items():
        rows = means[(means.method == method) & (means.scope == scope) & (means.threshold == threshold)]
        for dataset, cell in rows[rows.metric.isin(metrics)].groupby("dataset", sort=False):
            wide = cell.pivot(index="seed", columns="metric", values="value")[list(metrics)]
            entry = {"table": table, "dataset": dataset, "seeds": len(wide)}
            entry["sparsity"] = cell.drop_duplicates("seed").sparsity.mean()
            for metric in metrics:
                entry[metric], entry[f"{metric} std"] = wide[metric].mean(), wide[metric].std()
            entries.append(entry)
    names = [name for metric in metrics for name in (metric, f"{metric} std")]
    return pd.DataFrame(entries, columns=["table", "dataset", "seeds", "sparsity", *names])


def paper_table(similarity: pd.DataFrame, table: str, metrics=("uqi", "ssim", "ms_ssim")) -> pd.DataFrame:
    """Table "I" or "II" in the paper's layout: statistics in rows, for each metric the paper's value and ours.

    `similarity` holds one row per (sample, metric) of one data set and seed, generator pruned.
    """
    rows = _paper_rows(similarity, table)
    if rows.empty:
        raise DataError(f"table {table}: the study has no run {' '.join(map(str, PAPER_CELLS[table]))}")
    columns = {}
    for metric in metrics:
        if metric in PAPER[table]:
            columns[LABELS[metric], "paper"] = dict(zip(STATISTICS, PAPER[table][metric], strict=True))
        columns[LABELS[metric], "ours"] = describe(rows.value[rows.metric == metric])
    printed = pd.DataFrame(columns).loc[list(STATISTICS)].rename_axis("statistic")
    for name, source in printed.columns:
        if source == "ours":  # how far another draw of as many images would move the mean
            error = printed.loc["std", (name, source)] / rows["sample"].nunique() ** 0.5
            printed.loc["standard error of the mean", (name, source)] = error
    return printed


def paper_samples(similarity: pd.DataFrame) -> pd.DataFrame:
    """The single samples behind Tables I and II."""
    return pd.concat([_paper_rows(similarity[~similarity.recalibrated], table) for table in PAPER_CELLS])


def comparable(means: pd.DataFrame) -> pd.DataFrame:
    """The cells for curves: sensitivity matched to a percentage where a study has that, and by its own s otherwise."""
    by_s = (means.method == "sensitivity") & (means.scope == "layer")
    matched = means[means.scope == "matched"].dataset.unique()
    return means[~(by_s & means.dataset.isin(matched))]


def _paper_rows(similarity: pd.DataFrame, table: str) -> pd.DataFrame:
    method, scope, threshold = PAPER_CELLS[table]
    return similarity.query(
        "pruned_network == 'generator' and method == @method and scope == @scope and threshold == @threshold"
    )


def read_means(root, sparsity: pd.DataFrame) -> pd.DataFrame:
    """Mean of every similarity score per run, with and without recalibration: of the runs under `root`, or of a report.

    A report has the means of all runs (means.csv), and single samples only of the paper's.
    """
    means = Path(root) / "means.csv"
    return pd.read_csv(means) if means.is_file() else run_means(read_runs(root, "similarity.csv"), sparsity)


def run_means(similarity: pd.DataFrame, sparsity: pd.DataFrame) -> pd.DataFrame:
    """Mean of every metric per run beside the run's overall and mean-of-layers sparsity (of the generator)."""
    keys = ["dataset", "seed", "pruned_network", "method", "scope", "threshold"]
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
    tables = {}
    similarity = similarity[~similarity.recalibrated]
    first = similarity.groupby("dataset").seed.transform("min")
    for (dataset, seed), rows in similarity[similarity.seed == first].groupby(["dataset", "seed"], sort=True):
        for table in PAPER_CELLS:
            if len(_paper_rows(rows, table)):  # a study need not have the paper's thresholds
                tables[f"{dataset} seed{seed}", f"Table {table}"] = paper_table(rows, table)
    return tables


def chance_level_means(chance_level: pd.DataFrame) -> pd.DataFrame:
    """Mean score of unrelated images by data set and metric: columns dataset, metric, value."""
    return chance_level.groupby(["dataset", "metric"]).value.mean().reset_index()


def with_spread(corrected: pd.DataFrame) -> pd.DataFrame:
    """The cells of Tables I and II over seeds, "mean ± std" a metric."""
    shown = corrected[["table", "dataset", "seeds", "sparsity"]].copy()
    for metric in ("uqi", "ssim", "ms_ssim"):
        pairs = zip(corrected[metric], corrected[f"{metric} std"], strict=True)
        shown[LABELS[metric]] = [mean_std(mean, std) for mean, std in pairs]
    return shown


def headline(corrected: pd.DataFrame) -> list[dict]:
    """What the page says first, for each data set and table: what was removed, and our means beside the paper's."""
    rows = with_spread(corrected).to_dict("records")
    for row in rows:
        method, _, threshold = PAPER_CELLS[row["table"]]
        paper = {LABELS[m]: PAPER[row["table"]][m][0] for m in ("uqi", "ssim", "ms_ssim")}
        row |= {"method": method, "threshold": threshold, "paper": paper}
    return rows
