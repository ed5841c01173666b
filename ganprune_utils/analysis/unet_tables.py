"""Tables of the page on pruned U-Nets. A `network` is what was trained: its task, depth and seed."""

import re

import pandas as pd

from ganprune_utils.analysis.equal_cost import cost_name
from ganprune_utils.analysis.formatting import interval, mean_std
from ganprune_utils.errors import DataError
from ganprune_utils.pruning.at_cost import METHODS

METRICS = {"l1": ("L1", 4), "ssim": ("SSIM", 4), "frechet": ("Fréchet distance", 2)}  # and their digits
PROTOCOL = ("task", "depth", "seed", "ngf", "epochs", "batch_size", "inner_levels", "fine_tuning", "n_test", "margin")
OUT_OF_REACH = "cannot reach this budget"


def with_network(table: pd.DataFrame) -> pd.DataFrame:
    """A table of runs with the column network: "edges (depth 5)", "edges (depth 5, seed 1)".

    Raises DataError for tables of a study that had networks of one depth.
    """
    if not len(table):
        return table
    if "depth" not in table:
        raise DataError("tables of an earlier study: they do not say how deep a network is; run the study again")
    seed = table.seed.map(lambda seed: f", seed {seed}" if seed else "")
    return table.assign(network=table.task + " (depth " + table.depth.astype(str) + seed + ")")


def of_each_network(function, *tables: pd.DataFrame) -> dict:
    """network -> `function` of its rows in each of the tables, without columns that have no value there (such as the
    Fréchet distance of a task without a classifier); no network where the first table is empty."""

    def own(table, name):
        return table[table.network == name].dropna(axis=1, how="all") if len(table) else table

    names = tables[0].network.unique() if len(tables[0]) else ()
    return {name: function(*(own(table, name) for table in tables)) for name in names}


def protocol(runs: pd.DataFrame) -> pd.DataFrame:
    """How each network was trained, pruned and measured, from the manifests `runs`; one row each."""
    trained = {run.run: run.parameters for run in runs.itertuples() if "decay_epochs" in run.parameters}
    rows = []
    for run in runs.itertuples():
        if "fine_tuning" in run.parameters:
            place = run.parameters["checkpoint"]
            stated = next((values for name, values in trained.items() if place.endswith(name)), {}) | run.parameters
            rows.append({"run": run.run} | {name: stated.get(name, "") for name in PROTOCOL})
    return with_network(pd.DataFrame(rows, columns=["run", *PROTOCOL]))


def file_name(network: str) -> str:
    """ "edges-depth-5" for "edges (depth 5)"."""
    return re.sub(r"\W+", "-", network).strip("-")


def networks_table(trained: pd.DataFrame) -> pd.DataFrame:
    """Scores of the trained networks, and of the baselines without one, which have no width."""
    if not len(trained):
        return trained
    table = trained.assign(ngf=trained.ngf.astype(str).where(trained.answer == "the U-Net", "-"))
    table = table.drop_duplicates(["network", "answer", "ngf"]).set_index(["network", "answer", "ngf"])
    return table[[name for name in ("l1", "psnr", "ssim", "frechet") if name in table]].round(4)


def equal_cost_tables(rows: pd.DataFrame, comparisons: pd.DataFrame, latency: pd.DataFrame, margin: float) -> dict:
    """Of one network: cost -> a table of all methods after each fine-tuning, the lowest L1 first.

    Metrics are "mean ± std" over runs; the rise of L1 is over the dense network after the same fine-tuning, with its
    95 % interval, and "no loss" where that lies below `margin` and is of more than one run.
    """
    tables, metrics = {}, [name for name in METRICS if name in rows]
    rise = comparisons[(comparisons.against == "dense") & (comparisons.metric == "l1")]
    rise = rise.set_index(["method", "measure", "target", "fine_tuning"])
    times = latency.set_index(["method", "measure", "target"])["median"]
    for (measure, target), pruned in rows[rows.measure != "-"].groupby(["measure", "target"], sort=False):
        lines = {}
        for fine_tuning in ("as trained", *pruned.fine_tuning.unique()):
            runs = pd.concat([rows[rows.method == "dense"], pruned])
            runs = runs[runs.fine_tuning == fine_tuning]
            for method in runs.groupby("method").l1.mean().sort_values().index:
                own = runs[runs.method == method]
                line = {
                    METRICS[name][0]: mean_std(own[name].mean(), own[name].std(), METRICS[name][1]) for name in metrics
                }
                key = (method, measure, target, fine_tuning)
                if key in rise.index:
                    is_no_loss = rise.high[key] < margin and rise.runs[key] > 1
                    line["L1 over dense, %"] = interval(rise.loc[key]) + " no loss" * int(is_no_loss)
                line["ms"] = f"{times[method, own.measure.iloc[0], own.target.iloc[0]]:.3g}"
                lines[fine_tuning, method] = line
            missing = set(METHODS) - set(pruned.method) if fine_tuning != "as trained" else ()
            lines |= {(fine_tuning, name): {METRICS["l1"][0]: OUT_OF_REACH} for name in METHODS if name in missing}
        columns = [*(METRICS[name][0] for name in metrics), "L1 over dense, %", "ms"]
        table = pd.DataFrame(lines, index=columns).T.rename_axis(["fine-tuning", "method"]).fillna("")
        tables[cost_name(measure, target)] = table
    return tables


def against_table(comparisons: pd.DataFrame, against: str, methods=None) -> pd.DataFrame:
    """What `judged` says of each method (of `methods`, where they are given) against another, a column for each metric:
    the difference in percent of the dense network's, its 95 % interval and the verdict."""
    if not len(comparisons):
        return comparisons
    rows = comparisons[(comparisons.against == against) & (comparisons.method.isin(methods or comparisons.method))]
    text = [f"{interval(row)} {row.verdict}".strip() for row in rows.itertuples()]
    cost = [cost_name(*cost) for cost in zip(rows.measure, rows.target, strict=True)]
    rows = rows.assign(text=text, cost=cost).rename(columns={"fine_tuning": "fine-tuning"})
    index = ["network", "cost", "fine-tuning", "method"]
    order = rows.set_index(index).index.drop_duplicates()
    wide = rows.pivot(index=index, columns="metric", values="text").loc[order].fillna("")
    return wide[[name for name in METRICS if name in wide]].rename(columns={name: METRICS[name][0] for name in METRICS})
