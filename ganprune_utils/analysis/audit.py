"""The audit of the paper's tables: images handed to sewar under every input convention, right and wrong.

An *input convention* is a guess at what the authors passed: which pixel type, which range, which constant L. UQI and
SSIM come from sewar itself, because the question is what sewar says; MS-SSIM is what version 0.4.6 returned.
"""

import itertools

import numpy as np
import pandas as pd
import sewar
import torch
from scipy.ndimage import uniform_filter
from torch import nn

from ganprune_utils.analysis.formatting import LABELS
from ganprune_utils.analysis.paper import PAPER
from ganprune_utils.analysis.results import read_runs
from ganprune_utils.data.transforms import center_crop, to_uint8
from ganprune_utils.metrics.similarity import PUBLISHED_WEIGHTS, uqi
from ganprune_utils.statistics import STATISTICS

FLOATS, TRUNCATED, BYTES = "float [0, 1], L = 255", "[0, 1] truncated to bytes, L = 255", "bytes, L = 255"
# From images in [-1, 1] (N, C, H, W) to arrays (N, H, W, C) as they would be passed, all with L = 255 but one. Floats
# in [-1, 1] truncated to bytes are left out: what a negative number becomes depends on the processor.
CONVENTIONS = {
    "float [-1, 1], L = 255": lambda images: images.permute(0, 2, 3, 1).numpy(),
    FLOATS: lambda images: ((images + 1) / 2).permute(0, 2, 3, 1).numpy(),
    TRUNCATED: lambda images: ((images + 1) / 2).permute(0, 2, 3, 1).numpy().astype(np.uint8),
    "float [-1, 1], L = 2": lambda images: images.permute(0, 2, 3, 1).numpy(),
    BYTES: lambda images: to_uint8(images).permute(0, 2, 3, 1).numpy(),
}
# Only SSIM and MS-SSIM refuse floats in sewar 0.4.6, so only they may have been given bytes.
MIXED = "float [0, 1] for UQI, truncated for SSIM"
METRICS = ("uqi", "uqi_sewar", "ssim", "ms_ssim")
LIKE_PRINTED = {"uqi": "uqi_sewar", "ssim": "ssim", "ms_ssim": "ms_ssim"}  # the paper's UQI is taken for sewar's
SUMMARY = ["mean", "min", "std"]
VERDICTS = ("demonstrated", "consistent with", "untestable", "refuted")


def inferred_maximum(image: np.ndarray) -> int:
    """L as `sewar.ssim` and `sewar.msssim` up to version 0.4.6 infer it without MAX. ValueError for floats."""
    return np.iinfo(image.dtype).max


def ms_ssim_of_sewar_046(a: np.ndarray, b: np.ndarray, maximum: float) -> np.ndarray:
    """`sewar.msssim` up to version 0.4.6, of each pair of square images (N, H, W, C): complex numbers (N,).

    Always five scales, whatever fits: where the image is smaller than the 11-tap window, scipy's convolution moves the
    image over the window. Between scales sewar averages 2x2 pixels and, on colour images, neighbouring channels too.
    """
    bell = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    c1, c2 = (0.01 * maximum) ** 2, (0.03 * maximum) ** 2
    a, b, bases = a.astype(np.float64), b.astype(np.float64), []
    for scale in range(len(PUBLISHED_WEIGHTS)):
        side = a.shape[1]
        places = np.lib.stride_tricks.sliding_window_view(np.pad(bell / bell.sum(), max(side - 11, 0)), side)
        means = [np.einsum("ih,nhwc,jw->nijc", places, v, places, optimize=True) for v in (a, b, a * a, b * b, a * b)]
        squares, product = means[0] ** 2 + means[1] ** 2, means[0] * means[1]
        terms = (2 * (means[4] - product) + c2) / (means[2] + means[3] - squares + c2)
        if scale == len(PUBLISHED_WEIGHTS) - 1:
            terms = terms * (2 * product + c1) / (squares + c1)
        bases.append(terms.mean(axis=(1, 2, 3)))
        a, b = (uniform_filter(v, (1, 2, 2, 2))[:, ::2, ::2] for v in (a, b))
    return np.prod(np.array(bases, dtype=complex).T ** np.array(PUBLISHED_WEIGHTS), axis=1)


def score_pairs(x: torch.Tensor, y: torch.Tensor, convention: str, native_size: int) -> pd.DataFrame:
    """The scores of images in [-1, 1] (N, C, H, W), pair by pair, under one of `CONVENTIONS`.

    Returns one row per pair: "uqi" is the exact index of the same arrays, "uqi_sewar" sewar's; "ssim" and "contrast"
    are the two numbers that `sewar.ssim` returns; "ms_ssim" is the complex number of version 0.4.6.
    """
    a, b = (CONVENTIONS[convention](center_crop(images, native_size)) for images in (x, y))
    maximum = 2.0 if convention.endswith("L = 2") else 255.0
    tensors = (torch.from_numpy(np.ascontiguousarray(v)).permute(0, 3, 1, 2) for v in (a, b))
    pairs = list(zip(a, b, strict=True))
    scores = pd.DataFrame([sewar.ssim(*pair, MAX=maximum) for pair in pairs], columns=["ssim", "contrast"])
    scores["uqi"] = uqi(*tensors, data_range=255, check_range=False).numpy()
    scores["uqi_sewar"] = [sewar.uqi(*pair) for pair in pairs]
    scores["ms_ssim"] = ms_ssim_of_sewar_046(a, b, maximum)
    return scores


def summarize(pairs: pd.DataFrame) -> pd.DataFrame:
    """Mean, minimum and std (of the population): one row per metric. Of MS-SSIM the real part."""
    values = np.real(pairs[list(METRICS)].to_numpy(dtype=complex))
    statistics = {"mean": values.mean(axis=0), "min": values.min(axis=0), "std": values.std(axis=0)}
    return pd.DataFrame({"metric": METRICS, **statistics})


def score_all(dense: torch.Tensor, compared: dict[str, torch.Tensor], native_size: int) -> pd.DataFrame:
    """The scores of the dense images against each set of images in `compared`, under every input convention.

    Returns one row per (input_convention, compared, metric) with mean, min and std over the images.
    """
    rows = []
    for convention, (name, images) in itertools.product(CONVENTIONS, compared.items()):
        scores = summarize(score_pairs(dense, images, convention, native_size))
        rows.append(scores.assign(input_convention=convention, compared=name))
    table = pd.concat(rows, ignore_index=True)
    is_uqi = table.metric.str.startswith("uqi")
    mixed = table[((table.input_convention == FLOATS) & is_uqi) | ((table.input_convention == TRUNCATED) & ~is_uqi)]
    return pd.concat([table, mixed.assign(input_convention=MIXED)], ignore_index=True)


def printed() -> pd.DataFrame:
    """Mean, min and std as the paper prints them, one row per (compared, metric)."""
    cells = [(table, metric, values) for table, metrics in PAPER.items() for metric, values in metrics.items()]
    statistics = pd.DataFrame([values for *_, values in cells], columns=STATISTICS)[SUMMARY]
    names = pd.DataFrame({"compared": f"Table {table}", "metric": LIKE_PRINTED[metric]} for table, metric, _ in cells)
    return names.join(statistics)


def distance_by_draw(scores: pd.DataFrame) -> pd.DataFrame:
    """How far our scores are from the printed tables: one row per (input_convention, mode, noise, draw).

    `scores` is of `score_all`, with columns mode, noise and draw. `distance` is the mean absolute difference over the
    18 printed statistics: mean, minimum and std of three metrics in two tables. The other columns are the same over
    the nine statistics of one table, or the six of one metric.
    """
    both = scores.merge(printed(), on=["compared", "metric"], suffixes=("", " printed"))
    differences = [(both[name] - both[f"{name} printed"]).abs() for name in SUMMARY]
    both["distance"] = np.mean(differences, axis=0)
    keys = ["input_convention", "mode", "noise", "draw"]
    parts = [both.pivot_table("distance", keys, by, sort=False) for by in ("compared", "metric")]
    return both.groupby(keys, sort=False)[["distance"]].mean().join(parts).reset_index()


def closest_conventions(by_draw: pd.DataFrame) -> pd.DataFrame:
    """`distance_by_draw` over the draws of the noise: medians, and the lowest and highest distance; nearest first."""
    grouped = by_draw.groupby(["input_convention", "mode", "noise"], sort=False)
    table = grouped.median().drop(columns="draw")
    table.insert(1, "lowest", grouped.distance.min())
    table.insert(2, "highest", grouped.distance.max())
    table.insert(3, "draws", grouped.draw.nunique())
    return table.sort_values("distance", kind="stable").reset_index()


def distances(closest: pd.DataFrame) -> pd.DataFrame:
    """The distance of every (dataset, input_convention), a column per mode and noise; nearest first."""
    columns = closest["mode"] + closest.noise.map({"same": "", "other": ", other noise"})
    keys = [closest.dataset, closest.input_convention]
    rows = closest.set_index([*keys, columns.rename("columns")]).distance.unstack("columns")
    order = ["evaluation", "training", "evaluation, other noise", "training, other noise"]
    rows = rows[order].rename_axis(columns=None)
    rows = rows.assign(nearest=rows.min(axis=1)).sort_values(["dataset", "nearest"], kind="stable")
    return rows.drop(columns="nearest")


def beside_printed(scores: pd.DataFrame) -> pd.DataFrame:
    """ "mean / min / std" of each metric as printed and under every input convention: evaluation mode, the first draw.

    `scores` is of `score_all`, with columns dataset, mode, noise and draw. Rows are (table, input_convention), columns
    (dataset, metric).
    """
    ours = scores[(scores["mode"] == "evaluation") & (scores.noise == "same") & (scores.draw == 0)]
    ours = ours[ours.metric.isin(LIKE_PRINTED.values())]
    paper = printed().assign(input_convention="printed").merge(ours[["dataset"]].drop_duplicates(), how="cross")
    rows = pd.concat([paper, ours]).rename(columns={"compared": "table"})
    rows["text"] = [" / ".join(f"{v:.3f}" for v in values) for values in rows[SUMMARY].to_numpy()]
    wide = rows.set_index(["table", "input_convention", "dataset", "metric"]).text.unstack(["dataset", "metric"])
    order = rows.drop_duplicates(["table", "input_convention"]).sort_values("table", kind="stable")
    wide = wide.reindex(pd.MultiIndex.from_frame(order[["table", "input_convention"]]))
    return wide.sort_index(axis=1, level="dataset", sort_remaining=False).rename(columns=LABELS, level="metric")


def page_tables(root) -> dict[str, pd.DataFrame]:
    """The audits under `root` as a page shows them: "verdicts", "printed", "distances". Empty where none was run."""
    rows = read_runs(root, "audit-verdicts.csv", optional=True)
    if rows.empty:
        return {}
    rows = rows.rename(columns={"meaning": "what the number is"})
    index, values = ["hypothesis", "what the number is"], ["verdict", "decisive number"]
    verdicts = rows.pivot(index=index, columns="dataset", values=values).swaplevel(axis=1)
    return {
        "verdicts": verdicts.sort_index(axis=1, level="dataset", sort_remaining=False),
        "printed": beside_printed(read_runs(root, "audit-scores.csv")).rename_axis(["table", "input convention"]),
        "distances": distances(read_runs(root, "audit-closest.csv"))
        .rename_axis(["data set", "input convention"])
        .round(3),
    }


def verdict(hypothesis: str, word: str, number: float, meaning: str) -> dict:
    """One row of the table of verdicts: a word of `VERDICTS`, the number that decided it and what that number is."""
    if word not in VERDICTS:
        raise ValueError(f"verdict = {word!r}: allowed are {', '.join(VERDICTS)}")
    return {"hypothesis": hypothesis, "verdict": word, "decisive number": float(number), "meaning": meaning}


@torch.no_grad()
def generate_in_training_mode(generator: nn.Module, noise: torch.Tensor) -> torch.Tensor:
    """One batch of images with BatchNorm on the batch's own statistics; the network is left as it was."""
    state = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    images = generator.train()(noise)
    generator.load_state_dict(state)
    generator.eval()
    return images
