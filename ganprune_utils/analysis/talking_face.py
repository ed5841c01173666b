"""Pruned talking faces: what a layer is worth by the look of the pictures, and by what the lips say."""

import pandas as pd

from ganprune_utils.analysis.equal_cost import cost_name
from ganprune_utils.analysis.formatting import interval, titled
from ganprune_utils.statistics import change

# What a score is called in tables, and its digits.
SCORES = {
    "l1": ("L1", 4),
    "ssim": ("SSIM", 3),
    "mouth_frechet": ("mouth Fréchet distance", 5),
    "sync_distance": ("sync distance", 3),
    "sync_confidence": ("sync confidence", 3),
    "offset_accuracy": ("offset within 1 frame", 3),
    "opening_correlation": ("lip opening, correlation", 2),
}
PICTURE, SYNC = "l1", "sync_confidence"  # lower is better, and higher is


def damage(scan: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """By layer, ratio and fine_tuned: `picture`, the rise of L1, and `sync`, the fall of the sync confidence.

    Both in percent of the dense network's, `reference`, with one row for each value of fine_tuned.
    """
    dense = {name: scan.fine_tuned.map(reference.set_index("fine_tuned")[name]) for name in (PICTURE, SYNC)}
    found = {"picture": 100 * (scan[PICTURE] / dense[PICTURE] - 1), "sync": 100 * (1 - scan[SYNC] / dense[SYNC])}
    return scan[["layer", "ratio", "fine_tuned"]].assign(**found).set_index(["layer", "ratio", "fine_tuned"])


def rank_correlation(damage: pd.DataFrame) -> pd.Series:
    """Spearman's correlation of the two damages over the layers, by ratio and fine_tuned: 1 where they agree."""
    groups = damage.groupby(["ratio", "fine_tuned"])
    return groups.apply(lambda own: own.picture.corr(own.sync, method="spearman")).rename("rank correlation")


def kept(by_clip: pd.DataFrame, margin: float) -> pd.DataFrame:
    """What each pruned network keeps of the dense network's sync and picture, after the same fine-tuning.

    Args:
        by_clip: a row per clip and run, with the columns method, measure, target, fine_tuning, run, clip, and both
            scores. Runs are averaged first, so the intervals are over clips: for other clips, not for other trainings.
        margin: a fall of the sync confidence and a rise of L1 by less than this share are no loss.

    Returns a row per network: `sync` and `picture`, the changes as shares, each with `low` and `high`, the 95 %
    intervals of the bootstrap; `no_loss` where both intervals keep to the margin.
    """
    keys = ["fine_tuning", "measure", "target", "method"]
    means = by_clip.groupby([*keys, "clip"], sort=False)[[SYNC, PICTURE]].mean().reset_index("clip")
    rows = []
    for key, own in means.groupby(keys, sort=False):
        if key[1] == "-":
            continue
        dense = means.xs((key[0], "-", "-", "dense"), level=keys).set_index("clip")
        own, row = own.set_index("clip").loc[dense.index], dict(zip(keys, key, strict=True))
        for name, column in (("sync", SYNC), ("picture", PICTURE)):
            found = change(own[column], dense[column])
            row |= {name: found["change"], f"{name}_low": found["low"], f"{name}_high": found["high"]}
        rows.append(row | {"no_loss": row["sync_low"] > -margin and row["picture_high"] < margin})
    return pd.DataFrame(rows)


def scores_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Scores of `rows` as text, under the names of `SCORES`; the index stays."""
    return pd.DataFrame({label: rows[name].map(f"{{:.{n}f}}".format) for name, (label, n) in SCORES.items()})


def equal_cost_tables(rows: pd.DataFrame, kept: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Cost -> a table of the methods that reach it, and of the dense network, after the longest fine-tuning.

    Columns: the share of the costs that is left, the means of the scores, and what `kept` says. The highest sync
    confidence comes first.
    """
    tables, numbers = {}, ["macs", "parameters", *SCORES]
    means = rows.groupby(["fine_tuning", "measure", "target", "method"], sort=False)[numbers].mean()
    for (measure, target), own in kept.groupby(["measure", "target"], sort=False):
        fine_tuning = own.fine_tuning.iloc[-1]
        at = means.loc[fine_tuning]
        at = pd.concat([at.loc[[("-", "-", "dense")]], at.xs((measure, target), drop_level=False)])
        at = at.droplevel(["measure", "target"]).sort_values(SYNC, ascending=False)
        dense, line = at.loc["dense"], own[own.fine_tuning == fine_tuning].set_index("method")
        shares = {f"{name} left, %": (100 * at[name] / dense[name]).round(1) for name in ("macs", "parameters")}
        text = {"sync, %": "sync", "L1, %": "picture"}
        columns = {
            label: pd.Series({name: interval(_of(line.loc[name], score)) for name in line.index})
            for label, score in text.items()
        }
        verdict = line.no_loss.map({True: "no loss", False: ""})
        table = pd.DataFrame(shares).join(scores_table(at)).assign(**columns, verdict=verdict)
        tables[cost_name(measure, target)] = table.fillna("").rename(index=titled).rename_axis("method")
    return tables


def _of(row: pd.Series, score: str) -> pd.Series:
    """`row` as `interval` reads one."""
    return pd.Series({"difference": row[score], "low": row[f"{score}_low"], "high": row[f"{score}_high"]})


def smallest_without_loss(rows: pd.DataFrame, kept: pd.DataFrame) -> pd.DataFrame:
    """Of each method the network with the fewest parameters that loses nothing, and how many times fewer those are than
    the dense network's; methods of which none is without loss are left out."""
    keys = ["fine_tuning", "measure", "target", "method"]
    spent = rows.groupby(keys, sort=False)[["macs", "parameters"]].mean()
    dense = rows[rows.method == "dense"][["macs", "parameters"]].iloc[0]
    found = kept[kept.no_loss].join(spent, on=keys).sort_values("parameters").drop_duplicates("method")
    times = {f"{name}, times fewer": dense[name] / found[name] for name in ("parameters", "macs")}
    return found.assign(**times).set_index("method")[[*times, "measure", "target"]].rename(index=titled)
