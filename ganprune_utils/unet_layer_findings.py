"""What the tables say of single layers and of the trained networks, in sentences whose numbers are computed."""

import pandas as pd
from scipy.stats import spearmanr

from ganprune_utils.phrases import percent, signed

CLEAR = 0.7  # of a rank correlation, to speak of an order
NEAR_ONE = 1.1  # times a distance: what no more than this multiplies it is hardly missed


def depth(ranking, tuned) -> str:
    rise = ranking.set_index("layer").at_half.sort_values()
    levels = rise.index.str.extract(r"(\d+)$", expand=False).astype(int)
    agreement = spearmanr(levels, rise).statistic
    order = f"the deeper the level, the {'less' if agreement < 0 else 'more'} as a rule"
    order = order if abs(agreement) >= CLEAR else "in no clear order of depth"
    return (
        f"half of one layer's filters removed, {'after fine-tuning' if tuned else 'as it was cut'}, changes L1 by "
        f"{signed(100 * rise.iloc[0])} % ({rise.index[0]}) to {signed(100 * rise.iloc[-1])} % ({rise.index[-1]}), "
        f"{order} (rank correlation {agreement:+.2f} over {len(rise)} layers, one run each)."
    )


def made_worse(scan) -> str:
    """How often fine-tuning did more harm than good to a network that had lost filters of one layer."""
    l1 = scan.pivot(index=["layer", "ratio"], columns="tuned", values="l1") if len(scan) else pd.DataFrame()
    worse = l1[l1[True] > l1[False]] if len(l1) else l1
    if not len(worse):
        return ""
    layers = ", ".join(dict.fromkeys(layer.split(".")[1] for layer, _ in worse.index))
    return (
        f"at {len(worse)} of {len(l1)} points ({layers}) L1 is higher after fine-tuning than before it: there the "
        "fine-tuning is measured, not the layer."
    )


def balance(history) -> str:
    if not len(history):
        return ""
    last = history[history.ngf == history.ngf.max()].iloc[-1]
    telling = " (it tells them apart without fail)" if last.d_real - last.d_fake > 0.95 else ""
    return (
        f"in the last epoch of the widest network's training the discriminator scores real pictures {last.d_real:.2f} "
        f"and generated ones {last.d_fake:.2f}{telling}."
    )


def dead(dead) -> str:
    row = dead.iloc[0]
    if not row["parameters dead"]:
        return ""
    parameters, macs = (percent(row[f"{name} dead"]) for name in ("parameters", "macs"))
    return (
        f"with 4x4 kernels everywhere {parameters} of the parameters and {macs} of the MACs would multiply nothing but "
        "padding; they were left out before anything was cut, and no saving counts them."
    )


def dcgan(dcgan) -> str:
    if not len(dcgan):
        return ""
    half = dcgan.loc[(dcgan.ratio - 0.5).abs() == (dcgan.ratio - 0.5).abs().min()]
    times = half.set_index("layer").times_dense.rename(lambda name: name.removeprefix("layers."))
    said = ", ".join(f"{value:.2f} ({name})" for name, value in times.items())
    part = f"{times.idxmin()} plays the bottleneck's part" if times.min() <= NEAR_ONE else "no layer plays its part"
    return (
        f"in the DCGAN of this data set {part}: without {100 * half.ratio.iloc[0]:.0f} % of one layer's filters the "
        f"Fréchet distance is multiplied by {said}, in the order of the layers, without training."
    )
