"""Pruned talking faces: what a layer is worth by the look of the pictures, and by what the lips say."""

import pandas as pd

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
