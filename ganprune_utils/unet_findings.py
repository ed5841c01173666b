"""What the tables of cut U-Nets say, in sentences whose numbers are computed."""

import pandas as pd
from scipy.stats import spearmanr


def findings(ranking: pd.DataFrame, duels: pd.DataFrame, saved: pd.DataFrame, margin: float) -> list[str]:
    """Sentences on each task.

    Args:
        ranking: task, tuned, layer ("down1", ...), at_half: as of `unets.ranking`.
        duels: as of `unets.duels`, with task.
        saved: as of `unet_report.saved`.
        margin: rise of L1, as a share, that was stated beforehand to be no loss.
    """
    found = []
    for task in ranking.task.unique():
        for tuned, own in ranking[ranking.task == task].groupby("tuned"):
            found.append(f"{task}, {_depth(own, tuned)}")
        own = duels[duels.task == task]
        found += [f"{task}: {_against(remedy, rows)}" for remedy, rows in own.groupby("remedy", sort=False)]
        for measure in ("macs", "parameters"):
            found.append(f"{task}: {_most(saved[(saved.task == task) & (saved.most == measure)], measure, margin)}")
    return found


def _depth(ranking, tuned) -> str:
    rise = ranking.set_index("layer").at_half.sort_values()
    levels = rise.index.str.extract(r"(\d+)$", expand=False).astype(int)
    agreement = spearmanr(levels, rise).statistic
    when = "after fine-tuning" if tuned else "as it was cut"
    return (
        f"{when}: half of one layer's filters changes L1 by {100 * rise.iloc[0]:+.1f} % ({rise.index[0]}) to "
        f"{100 * rise.iloc[-1]:+.1f} % ({rise.index[-1]}); the deeper the level, the "
        f"{'less' if agreement < 0 else 'more'} (rank correlation {agreement:+.2f} over {len(rise)} layers)."
    )


def _against(remedy, duels) -> str:
    said = []
    for other, rows in duels.groupby("against", sort=False):
        differences = f"{100 * rows.difference.min():+.1f} to {100 * rows.difference.max():+.1f} %"
        said.append(f"{other}: better {rows.wins.sum()}, worse {rows.loses.sum()} of {len(rows)} ({differences})")
    return f"{remedy} at equal cost, by L1, against " + "; ".join(said) + "."


def _most(saved, measure, margin) -> str:
    name = {"macs": "multiply-accumulates", "parameters": "parameters"}[measure]
    kept = saved[saved.target != "none"]
    if not len(kept):
        return f"no way saved {name} without a rise of L1 beyond {100 * margin:g} %."
    best = kept.loc[kept[f"{measure} saved"].idxmax()]
    share = f"{100 * best[f'{measure} saved']:.0f} %"
    interval = f"interval {100 * best['low']:+.1f} to {100 * best['high']:+.1f} %"
    return (
        f"the most {name} saved with no rise of L1 beyond {100 * margin:g} %: {share} by {best['way']} "
        f"({100 * best['difference']:+.1f} %, {interval})."
    )
