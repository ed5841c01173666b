"""The layers of a U-Net: which of them is most sensitive, and whether that goes with its depth."""

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from ganprune_utils.pruning.at_cost import COSTS, short_name
from ganprune_utils.statistics import crossing

CLEAR = 0.7  # of a rank correlation, to speak of an order


def ranking(scan: pd.DataFrame, reference: pd.DataFrame, rise: float) -> pd.DataFrame:
    """Layers from most to least sensitive, without (fine_tuned False) and with fine-tuning.

    `scan` are rows of `layer_sensitivity.scan_filters`, `reference` one row of the dense network for each value of
    `fine_tuned`. critical_sparsity: the share of the layer's filters at which L1 has risen by the share `rise`
    (NaN: not within the scan); at_half: its rise with half of the filters gone, interpolated. A fine-tuned point that
    is `non_monotonic` does not count.
    """
    rows = []
    for (fine_tuned, layer), points in scan.groupby(["fine_tuned", "layer"], sort=False):
        dense = reference.l1[reference.fine_tuned == fine_tuned].item()
        if fine_tuned:
            points = points.sort_values("sparsity")
            points = points[~non_monotonic(100 * (points[["l1"]].T / dense - 1)).to_numpy()[0]]
        shares, values = [0, *points.sparsity], [dense, *points.l1]
        reached = crossing(shares, values, (1 + rise) * dense)
        half = np.interp(0.5, shares, values) / dense - 1
        rows.append((fine_tuned, short_name(layer), reached, half))
    table = pd.DataFrame(rows, columns=["fine_tuned", "layer", "critical_sparsity", "at_half"])
    order = ["fine_tuned", "critical_sparsity", "at_half"]
    return table.sort_values(order, ascending=[True, True, False]).set_index(["fine_tuned", "layer"])


def non_monotonic(rises: pd.DataFrame, beyond: float = 1.0) -> pd.DataFrame:
    """Where a rise in percent is more than `beyond` above one with more filters removed: a failed fine-tuning.

    Layers in rows, shares removed in columns, ascending; True and False in the same places.
    """
    least_after = rises.iloc[:, ::-1].cummin(axis=1).iloc[:, ::-1]
    return rises > least_after + beyond


def rises(scan: pd.DataFrame, reference: pd.DataFrame) -> dict[bool, pd.DataFrame]:
    """fine_tuned -> rise over the first run of the dense network in `reference`, in percent.

    Layers in rows, down the network and up again, shares of their filters in columns.
    """
    tables = {}
    for fine_tuned in (False, True):
        dense = reference.l1[reference.fine_tuned == fine_tuned].iloc[0]
        table = scan[scan.fine_tuned == fine_tuned].pivot(index="layer", columns="ratio", values="l1")
        tables[fine_tuned] = 100 * (table.loc[scan.layer.unique()].rename(index=short_name) / dense - 1)
    return tables


def ranking_table(ranking: pd.DataFrame, scan: pd.DataFrame, layers: pd.DataFrame) -> pd.DataFrame:
    """The ranking of all networks as pruned and fine-tuned side by side, and what half of a layer's filters saves.

    Beyond the shares that were tried a critical sparsity says only that. Any of the tables may be empty.
    """
    if not len(ranking):
        return ranking
    shown = {"critical sparsity": critical_text(ranking, scan), "rise at half, %": (100 * ranking.at_half).round(2)}
    state = ranking.fine_tuned.map({False: "as pruned", True: "fine-tuned"})
    wide = ranking.assign(**shown, state=state).pivot(index=["network", "layer"], columns="state", values=list(shown))
    table = wide.loc[ranking.set_index(["network", "layer"]).index.drop_duplicates()].rename_axis(columns=[None, None])
    if len(layers):
        costs = layers.set_index(["network", "layer"]).loc[table.index]
        for measure in COSTS:
            table["saved at half, %", measure] = costs[f"{measure} %"].round(1)
    return table


def critical_text(ranking: pd.DataFrame, scan: pd.DataFrame) -> list[str]:
    """The critical sparsities of `ranking` as text: "0.26", or "< 0.25", "> 0.9" outside of what was tried."""
    least, most = scan.ratio.min(), scan.ratio.max()
    return [
        f"> {most:g}" if pd.isna(share) else f"< {least:g}" if share < least else f"{share:.2f}"
        for share in ranking.critical_sparsity
    ]


def depth_orders(ranking: pd.DataFrame) -> dict:
    """(network, state) -> how the rise at half goes with the level; a state is "as pruned" or "after fine-tuning".

    The least and the most sensitive layer (name, rise), Spearman's rank correlation, whether that is a clear order,
    and the number of layers.
    """
    states, orders = {False: "as pruned", True: "after fine-tuning"}, {}
    for (network, fine_tuned), rows in ranking.groupby(["network", "fine_tuned"], sort=False) if len(ranking) else ():
        rise = rows.set_index("layer").at_half.sort_values()
        levels = rise.index.str.extract(r"(\d+)$", expand=False).astype(int)
        correlation = float(spearmanr(levels, rise).statistic)
        ends = {name: (rise.index[i], rise.iloc[i]) for name, i in (("least", 0), ("most", -1))}
        order = {"correlation": correlation, "is_clear": abs(correlation) >= CLEAR, "layers": len(rise)}
        orders[network, states[fine_tuned]] = ends | order
    return orders
