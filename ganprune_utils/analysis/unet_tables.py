"""Tables of the page on pruned U-Nets, most with costs in columns, tasks and methods in rows."""

import pandas as pd

from ganprune_utils.analysis import equal_cost
from ganprune_utils.analysis.equal_cost import PROPOSED, SHORT, at_cost, cost_name, is_small_dense, shares_saved
from ganprune_utils.analysis.formatting import interval, mean_std, percent, signed
from ganprune_utils.pruning.unet import COSTS

HEADS = {"macs": "equal MACs:", "parameters": "equal parameters:"}
UNSTEADY = 2.0  # percentage points: runs further apart than this, and than half of their rise, are named
EVERYWHERE = ("dense", "dense, as trained")  # in every column: they were not pruned


def of_each_task(function, *tables: pd.DataFrame) -> dict:
    """task -> `function` of the rows on this task in each of the tables; no task where the first table is empty."""
    tasks = tables[0].task.unique() if len(tables[0]) else ()
    return {task: function(*(table[table.task == task] if len(table) else table for table in tables)) for task in tasks}


def with_task(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Tables by task (of `of_each_task`) as one, the task in front of an index that has names."""
    filled = {task: table for task, table in tables.items() if len(table)}
    if not filled:
        return pd.DataFrame()
    joined = pd.concat(filled, names=["task"])
    return joined if joined.index.names[-1] else joined.droplevel(-1)


def protocol(runs: pd.DataFrame) -> dict:
    """How networks were trained, pruned and measured, from the manifests `runs`; None where no run says so.

    The tasks, and what is the same for all of them: epochs, batch_size, steps, n_seeds, n_test, margin, margin_of_gain.
    """
    pruned = [p for p in runs.parameters if "n_seeds" in p and "steps" in p]
    tasks = list(dict.fromkeys(p["task"] for p in pruned))
    trained = [p for p in runs.parameters if "decay_epochs" in p and p["task"] in tasks[:1]]
    stated = dict(item for p in [*trained[:1], *pruned] for item in p.items())
    names = ("epochs", "batch_size", "steps", "n_seeds", "n_test", "margin", "margin_of_gain")
    return {"tasks": tasks} | {name: stated.get(name) for name in names}


def networks_table(trained: pd.DataFrame) -> pd.DataFrame:
    """Scores of the trained networks and of the baselines without one, which have no width and come first."""
    if not len(trained):
        return trained
    width = pd.to_numeric(trained.ngf, errors="coerce").where(trained.answer == "the U-Net", 0).astype(int)
    table = trained.assign(ngf=width).sort_values(["task", "seed", "ngf"], kind="stable")
    table["ngf"] = table.ngf.astype(str).replace("0", "-")
    return table.drop_duplicates(["task", "seed", "ngf", "answer"])


def equal_cost_table(rows: pd.DataFrame, metric: str, digits: int, trivial: dict | None = None) -> pd.DataFrame:
    """The metric, "mean ± std" over runs, below what is saved; `trivial` has for each task the row "no network"."""
    if metric not in rows:
        return pd.DataFrame()

    def text(group):
        return mean_std(round(group[metric].mean(), digits) + 0.0, group[metric].std(), digits)  # no "-0.0"

    saved, trivial = _saved(rows), trivial or {}
    cells = {(key[0], "no network", *key[2:]): f"{trivial[key[0]]:.{digits}f}" for key in saved if key[0] in trivial}
    return _by_cost(saved | _cells(rows, saved, text) | cells)


def latency_table(latency: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Median milliseconds, and how many times faster than the dense network."""
    if not len(latency):
        return pd.DataFrame()

    def text(group):
        return f"{round(group['median'].iloc[0], 2):.4g} ({group['times faster'].iloc[0]:.2f}×)"

    return _by_cost(_cells(latency, _saved(rows), text))


def comparison_table(comparisons: pd.DataFrame) -> pd.DataFrame:
    """Differences of L1 in percent with their interval, and what it says."""
    cells = {}
    for row in comparisons.itertuples():
        # A small dense network is another training: nothing is called better or worse than it.
        other = row.against.startswith("small dense")
        verdict = "" if other else " better" if row.better else " worse" if row.worse else ""
        cells[row.task, f"{row.proposed} − {row.against}", row.measure, row.target] = interval(row) + verdict
    return _by_cost(cells, "difference")


def outcome_table(comparisons: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """`outcome` of each proposed method, below what is saved; empty where it cannot reach the cost."""
    if not len(comparisons):
        return pd.DataFrame()
    groups = comparisons.groupby(["task", "proposed", "measure", "target"], sort=False)
    return _by_cost(_saved(rows) | {key: outcome(own) for key, own in groups})


def outcome(rows: pd.DataFrame) -> str:
    """What `rows` of comparisons say of a proposed method at one cost, against the other ways of pruning but random.

    "better" where it is better than each of them, "worse than" those that it is worse than, else "open"; and its
    difference from the best of them, in percent of the dense L1.
    """
    rows = rows[~rows.against.isin([*PROPOSED, "random"]) & ~is_small_dense(rows.against)]
    if not len(rows):
        return ""
    best = rows.loc[rows.difference.idxmax()]
    worse = ", ".join(rows.against[rows.worse])
    verdict = "better" if rows.better.all() else f"worse than {worse}" if worse else "open"
    return f"{verdict} ({signed(100 * best.difference)} to {best.against})"


def counts_table(comparisons: pd.DataFrame) -> pd.DataFrame:
    """At how many costs each proposed method is better, and worse, than each other way of pruning."""
    if not len(comparisons):
        return pd.DataFrame()
    rows = comparisons[~comparisons.against.isin(PROPOSED) & ~is_small_dense(comparisons.against)]
    cells = {}
    for key, own in rows.groupby(["task", "proposed", "against"], sort=False):
        worse = f" (worse at {own.worse.sum()})" if own.worse.any() else ""
        cells[key] = f"{own.better.sum()} of {len(own)}{worse}"
    return pd.Series(cells, dtype=object).rename_axis(["task", "proposed method", None]).unstack(sort=False).fillna("")


def no_loss_table(no_loss: pd.DataFrame) -> pd.DataFrame:
    """Of each task and method the networks without loss that save most, by either cost; shares in percent.

    Whichever cost they were brought to: equal costs are for comparing, here only what is saved counts.
    """
    if not len(no_loss):
        return no_loss
    groups = no_loss[no_loss.no_loss].groupby(["task", "method"], sort=False)
    best = dict.fromkeys(own[f"{measure} saved"].idxmax() for _, own in groups for measure in COSTS)
    table = no_loss.loc[list(best)]
    shares = ["difference", "low", "high", "margin", "of the gain", "macs saved", "parameters saved"]
    table[shares] = (100 * table[shares].astype(float)).round(2)
    table["at"] = (table.measure + " " + table.target).str.removeprefix("both ")
    return table.set_index(["task", "method"])[["at", *shares, *(m for m in ("ssim", "frechet") if m in table)]]


def random_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Costs at which random filters do better in every run than as many of the smallest norm; their rises in percent.

    Rows on one task, as in the tables below.
    """
    rows, saved, table = rows.assign(rise=equal_cost.rises(rows)), shares_saved(rows), []
    for cost in saved:
        own = at_cost(rows, *cost)
        both = {name: own.rise[own.method == name] for name in ("random", "uniform")}
        if both["random"].max() < both["uniform"].min():
            means = {name: signed(rise.mean()) for name, rise in both.items()}
            table.append({"cost": cost_name(*cost, saved)} | means)
    return pd.DataFrame(table)


def small_dense_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Each small dense network, and what was pruned to the cost nearest to its own: the best, and uniform."""
    rows, saved, table = rows.assign(rise=equal_cost.rises(rows)), shares_saved(rows), []
    dense = rows[rows.method == "dense"].iloc[0]
    groups = rows[is_small_dense(rows.method)].groupby(["method", "measure", "target"], sort=False)
    for (_, *cost), own in groups:
        pruned = at_cost(rows, *cost).groupby("method")[["rise", *COSTS]].mean().sort_values("rise")
        chosen = [pruned.index[0], *(name for name in pruned.index[1:] if name == "uniform")]
        means = pd.concat([own.groupby("method")[["rise", *COSTS]].mean(), pruned.loc[chosen]])
        for network, row in means.iterrows():
            left = {f"{SHORT[name]} left": percent(row[name] / dense[name]) for name in reversed(COSTS)}
            table.append({"cost": cost_name(*cost, saved), "network": network, "rise, %": signed(row.rise), **left})
    return pd.DataFrame(table)


def unsteady_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Where the seed of the fine-tuning decides how good a network gets: its lowest and highest rise in percent.

    Random filters, which differ by themselves, are left out.
    """
    saved, table = shares_saved(rows), []
    rows = rows.assign(rise=equal_cost.rises(rows))[~rows.method.isin(["random", "dense"])]
    for (method, measure, target), runs in rows.groupby(["method", "measure", "target"], sort=False):
        low, high = runs.rise.min(), runs.rise.max()
        if high - low > max(UNSTEADY, runs.rise.mean() / 2):
            cost = target if measure == "both" else cost_name(measure, target, saved)
            table.append({"method": method, "cost": cost, "lowest, %": signed(low), "highest, %": signed(high)})
    return pd.DataFrame(table)


def more_steps_table(more: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Scores after few and after many steps, the lowest L1 first.

    Rises in percent are over the dense network, as it was trained or with the same steps, whichever is better.
    """
    saved, tables = shares_saved(rows), {}
    trained = rows[rows.method == "dense, as trained"].l1.min()
    metrics = [name for name in ("l1", "frechet") if name in more]
    for cost, own in more.groupby(["measure", "target"], sort=False):
        table = own.pivot(index="method", columns="steps", values=metrics)
        dense = table.l1.loc["dense"].clip(upper=trained)  # NaN, and then no bound, where there is none
        for steps, l1 in table.l1.items():
            table["rise, %", steps] = (100 * (l1 / dense[steps] - 1)).map(signed)
        tables[cost_name(*cost, saved)] = table.sort_values(("l1", table.l1.columns[-1])).round(4)
    return pd.concat(tables, names=["cost"])


def first_table(more: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Which pruned network comes first at each cost after few and after many steps."""
    more, saved, table = more[(more.method != "dense") & ~is_small_dense(more.method)], shares_saved(rows), []
    for cost, own in more.groupby(["measure", "target"], sort=False):
        first = {f"after {steps} batches": at.set_index("method").l1.idxmin() for steps, at in own.groupby("steps")}
        table.append({"cost": cost_name(*cost, saved), **first})
    return pd.DataFrame(table)


def _saved(rows: pd.DataFrame) -> dict:
    """(task, "saved", measure, target) -> what is saved at each cost of a task, as text."""
    shares = of_each_task(shares_saved, rows)
    return {(task, "saved", *cost): percent(share) for task, own in shares.items() for cost, share in own.items()}


def _cells(table: pd.DataFrame, saved: dict, text) -> dict:
    """(task, method, measure, target) -> `text` of the group, at each cost of `saved` where it belongs."""
    cells = {}
    for (task, method, measure, target), own in table.groupby(["task", "method", "measure", "target"], sort=False):
        for at, _, *cost in saved:
            if at == task and (method in EVERYWHERE or (cost[1] == target and measure in (cost[0], "both"))):
                cells[task, method, *cost] = text(own)
    return cells


def _by_cost(cells: dict, name: str = "method") -> pd.DataFrame:
    """(task, `name`, measure, target) -> text as a table with costs in columns, multiply-accumulates first."""
    if not cells:
        return pd.DataFrame()
    costs = sorted(dict.fromkeys(key[2:] for key in cells), key=lambda cost: COSTS.index(cost[0]))
    tasks = list(dict.fromkeys(key[0] for key in cells))
    lines = sorted(dict.fromkeys(key[:2] for key in cells), key=lambda line: tasks.index(line[0]))
    wide = pd.Series(cells).rename_axis(["task", name, "measure", "target"]).unstack(["measure", "target"])
    return wide.reindex(columns=costs).loc[lines].fillna("").rename(columns=HEADS, level=0)
