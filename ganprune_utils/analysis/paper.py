"""The paper's Tables I and II, computed again: from the tidy tables in run folders to what is printed beside them."""

import math
from pathlib import Path

import pandas as pd

from ganprune_utils.analysis.formatting import LABELS, mean_std
from ganprune_utils.analysis.results import read_runs
from ganprune_utils.statistics import STATISTICS, describe

# Khanna and Srivatsa, Tables I (sensitivity, s = 0.75) and II (percentage, q = 50), in the order of STATISTICS. The
# paper prints SSIM as "1.0+0.0j", the modes of MS-SSIM as "(1.0, 1.0)", and a percent sign after each UQI.
_ONE = (1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0)
PAPER = {
    "I": {"uqi": (0.922, 0.930, 0.731, 0.979, 0.731, 0.001, 0.038), "ssim": _ONE, "ms_ssim": _ONE},
    "II": {"uqi": (0.950, 0.954, 0.859, 0.993, 0.859, 0.0007, 0.027), "ssim": _ONE, "ms_ssim": _ONE},
}
PAPER_CELLS = {"I": ("sensitivity", "layer", 0.75), "II": ("percentage", "global", 50.0)}
METRICS = ["uqi", "ssim", "ms_ssim"]
RUN = ["dataset", "seed", "pruned_network", "method", "scope", "last_layer", "threshold"]


def method_label(rows: pd.DataFrame) -> pd.Series:
    """The name of a method in figures: its own, with the scope where that is not the method's default."""
    other = ~rows.scope.isin(["global", "uniform"]) & (rows.method != "sensitivity")
    return rows.method.where(~other, rows.method + " (" + rows.scope + ")")


def _cell(rows: pd.DataFrame, table: str) -> pd.DataFrame:
    """The runs of the paper's Table "I" or "II"."""
    method, scope, threshold = PAPER_CELLS[table]
    rows = rows[rows.last_layer == "pruned"]
    return rows[(rows.method == method) & (rows.scope == scope) & (rows.threshold == threshold)]


def over_seeds(means: pd.DataFrame) -> pd.DataFrame:
    """The cells of Tables I and II: mean of the seeds' means, standard deviation (n - 1) over seeds, and n."""
    entries = []
    for table in PAPER_CELLS:
        for dataset, cell in _cell(means, table).groupby("dataset", sort=False):
            wide = cell.pivot(index="seed", columns="metric", values="value")
            entry = {"table": table, "dataset": dataset, "seeds": len(wide)}
            entry["sparsity"] = cell.drop_duplicates("seed").sparsity.mean()
            for metric in METRICS:
                entry |= {metric: wide[metric].mean(), f"{metric} std": wide[metric].std()}
            entries.append(entry)
    names = [name for metric in METRICS for name in (metric, f"{metric} std")]
    return pd.DataFrame(entries, columns=["table", "dataset", "seeds", "sparsity", *names])


def paper_tables(similarity: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
    """Tables I and II of each data set's first seed, as pruned: {("dataset seed0", "Table I"): table}.

    In the paper's layout: statistics in rows, for each metric the paper's value and ours. `similarity` holds one row
    per (sample, metric) of every run. A table is left out where the study has not the paper's threshold.
    """
    tables, samples = {}, paper_samples(similarity)
    first = similarity.groupby("dataset").seed.transform("min")
    for (dataset, seed), own in samples[samples.seed == first[samples.index]].groupby(["dataset", "seed"]):
        for table, paper in PAPER.items():
            rows = _cell(own, table)
            if rows.empty:
                continue
            columns, error = {}, {}
            for metric, name in ((metric, LABELS[metric]) for metric in METRICS):
                columns[name, "paper"] = dict(zip(STATISTICS, paper[metric], strict=True))
                columns[name, "ours"] = describe(rows.value[rows.metric == metric])
                # How far another draw of as many images would move the mean.
                error[name, "ours"] = columns[name, "ours"]["std"] / rows["sample"].nunique() ** 0.5
            printed = pd.DataFrame(columns).loc[list(STATISTICS)].rename_axis("statistic")
            printed.loc["standard error of the mean"] = pd.Series(error)
            tables[f"{dataset} seed{seed}", f"Table {table}"] = printed
    return tables


def paper_samples(similarity: pd.DataFrame) -> pd.DataFrame:
    """The single samples behind Tables I and II: generator pruned, not recalibrated."""
    rows = similarity[~similarity.recalibrated & (similarity.pruned_network == "generator")]
    return pd.concat([_cell(rows, table) for table in PAPER_CELLS])


def comparable(means: pd.DataFrame) -> pd.DataFrame:
    """The cells for curves: sensitivity matched to a percentage where a study has that, and by its own s otherwise."""
    by_s = (means.method == "sensitivity") & (means.scope == "layer")
    matched = means[means.scope == "matched"].dataset.unique()
    return means[~(by_s & means.dataset.isin(matched)) & (means.last_layer == "pruned")]


def read_means(root, sparsity: pd.DataFrame) -> pd.DataFrame:
    """Mean of every metric per run, with and without recalibration, beside the run's overall and mean-of-layers
    sparsity (of the generator): of the runs under `root`, or of a report.

    A report has the means of all runs (means.csv), and single samples only of the paper's.
    """
    if (Path(root) / "means.csv").is_file():
        return pd.read_csv(Path(root) / "means.csv")
    layers = sparsity[sparsity.network == "generator"]
    overall = layers[layers.layer == "overall"].set_index(RUN).sparsity.rename("sparsity")
    mean = layers[layers.layer != "overall"].groupby(RUN).sparsity.mean().rename("mean_of_layers")
    values = read_runs(root, "similarity.csv").groupby([*RUN, "recalibrated", "metric"]).value.mean().reset_index()
    means = values.join(overall, on=RUN).join(mean, on=RUN)
    return means.assign(label=method_label(means))


def removed(means: pd.DataFrame) -> pd.DataFrame:
    """Overall sparsity, mean of the layers' sparsities and what a normal distribution predicts, for the paper's cells.

    A threshold of s standard deviations removes erf(s / sqrt 2) of normally distributed weights.
    """
    names = ["table", "dataset", "seed", "method", "threshold", "sparsity", "mean_of_layers", "expected"]
    expected = {"I": math.erf(PAPER_CELLS["I"][2] / math.sqrt(2)), "II": PAPER_CELLS["II"][2] / 100}
    rows = [_cell(means, table).assign(table=table, expected=share) for table, share in expected.items()]
    return pd.concat(rows).drop_duplicates(["table", "dataset", "seed"])[names].reset_index(drop=True)


def chance_level_means(chance_level: pd.DataFrame) -> pd.DataFrame:
    """Mean score of unrelated images by data set and metric: columns dataset, metric, value."""
    return chance_level.groupby(["dataset", "metric"]).value.mean().reset_index()


def with_spread(corrected: pd.DataFrame) -> pd.DataFrame:
    """The cells of Tables I and II over seeds, "mean ± std" a metric."""
    shown = corrected[["table", "dataset", "seeds", "sparsity"]].copy()
    for metric in METRICS:
        shown[LABELS[metric]] = [mean_std(*v) for v in zip(corrected[metric], corrected[f"{metric} std"], strict=True)]
    return shown


def headline(corrected: pd.DataFrame) -> list[dict]:
    """What the page says first, for each data set and table: what was removed, and our means beside the paper's."""
    rows = with_spread(corrected).to_dict("records")
    for row in rows:
        method, _, threshold = PAPER_CELLS[row["table"]]
        paper = {LABELS[metric]: PAPER[row["table"]][metric][0] for metric in METRICS}
        row |= {"method": method, "threshold": threshold, "paper": paper}
    return rows
