"""The audit of the paper's tables: images handed to sewar under every input convention, right and wrong.

An *input convention* is a guess at what the authors passed: which pixel type, which range, which constant L. Everything
here calls sewar itself, because the question is what sewar says.
"""

import math

import numpy as np
import pandas as pd
import sewar
import torch
from scipy.ndimage import uniform_filter
from sewar.utils import Filter
from torch import nn

from ganprune_utils.analysis.paper import PAPER
from ganprune_utils.data.transforms import center_crop, to_uint8
from ganprune_utils.metrics.similarity import PUBLISHED_WEIGHTS, uqi

# From images in [-1, 1] (N, C, H, W) to arrays (N, H, W, C) as they would be passed, all with MAX = 255 but one.
CONVENTIONS = {
    "float [-1, 1], L = 255": lambda images: images.permute(0, 2, 3, 1).numpy(),
    "float [0, 1], L = 255": lambda images: ((images + 1) / 2).permute(0, 2, 3, 1).numpy(),
    "[0, 1] cut to bytes, L = 255": lambda images: ((images + 1) / 2).permute(0, 2, 3, 1).numpy().astype(np.uint8),
    "float [-1, 1], L = 2": lambda images: images.permute(0, 2, 3, 1).numpy(),
    "bytes, L = 255": lambda images: to_uint8(images).permute(0, 2, 3, 1).numpy(),
}


def ms_ssim_of_sewar_046(a: np.ndarray, b: np.ndarray, maximum: float) -> complex:
    """`sewar.msssim` as it was up to version 0.4.6: always five scales, whatever fits, and a complex result.

    Where the image is smaller than the 11-tap window, scipy's convolution exchanges the two without a word.
    """
    a, b, terms = a.astype(np.float64), b.astype(np.float64), []
    for _ in PUBLISHED_WEIGHTS:
        terms.append(sewar.ssim(a, b, MAX=maximum, fltr_specs=dict(fltr=Filter.GAUSSIAN, sigma=1.5, ws=11)))
        a, b = (uniform_filter(image, 2)[::2, ::2] for image in (a, b))
    bases = [contrast for _, contrast in terms[:-1]] + [terms[-1][0]]
    return complex(np.prod(np.array(bases, dtype=complex) ** np.array(PUBLISHED_WEIGHTS)))


def score_all(images: dict[str, torch.Tensor], native_size: int) -> pd.DataFrame:
    """sewar's scores of every set of images against the set "dense", under each input convention.

    Returns one row per (input_convention, compared, metric) with mean (`value`), median and min over the images.
    "uqi" is the exact index on the same arrays; "ms_ssim" the real part of what version 0.4.6 returned.
    """
    rows = []
    for convention, prepare in CONVENTIONS.items():
        prepared = {name: prepare(center_crop(batch, native_size)) for name, batch in images.items()}
        dense, maximum = prepared.pop("dense"), 2.0 if convention.endswith("L = 2") else 255.0
        for name, arrays in prepared.items():
            couples = list(zip(dense, arrays, strict=True))
            x, y = (torch.from_numpy(np.ascontiguousarray(v)).permute(0, 3, 1, 2) for v in (dense, arrays))
            scores = {
                "uqi": uqi(x, y, data_range=255).numpy(),
                "uqi_sewar": np.array([sewar.uqi(a, b) for a, b in couples]),
                "ssim": np.array([sewar.ssim(a, b, MAX=maximum)[0] for a, b in couples]),
                "ms_ssim": np.array([ms_ssim_of_sewar_046(a, b, maximum).real for a, b in couples]),
            }
            for metric, values in scores.items():
                rows.append((convention, name, metric, values.mean(), np.median(values), values.min()))
    return pd.DataFrame(rows, columns=["input_convention", "compared", "metric", "value", "median", "min"])


def what_sewar_returns(a: np.ndarray, b: np.ndarray) -> dict[str, str]:
    """The very objects that sewar gives for one pair of images with L = 255, as Python prints them, rounded."""
    pair = tuple(round(float(v), 4) for v in sewar.ssim(a, b, MAX=255))
    number = ms_ssim_of_sewar_046(a, b, 255)
    return {
        "sewar.uqi": str(round(float(sewar.uqi(a, b)), 4)),
        "sewar.ssim": str(pair),
        "sewar.msssim (0.4.6)": str(complex(round(number.real, 4), round(number.imag, 4))),
    }


def uqi_samples(dense: torch.Tensor, pruned: torch.Tensor, native_size: int) -> list[float]:
    """sewar's UQI of every pair, on bytes."""
    prepared = [CONVENTIONS["bytes, L = 255"](center_crop(batch, native_size)) for batch in (dense, pruned)]
    return [float(sewar.uqi(a, b)) for a, b in zip(*prepared, strict=True)]


@torch.no_grad()
def generate_in_training_mode(generator: nn.Module, noise: torch.Tensor) -> torch.Tensor:
    """One batch of images with BatchNorm on the batch's own statistics; the network is left as it was."""
    state = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    images = generator.train()(noise)
    generator.load_state_dict(state)
    generator.eval()
    return images


def distance_to_paper(scores_by_mode: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """How far sewar's UQI under each convention and mode is from the printed mean and minimum, nearest first."""
    rows = []
    for mode, all_scores in scores_by_mode.items():
        scored = all_scores[all_scores.metric == "uqi_sewar"].set_index(["input_convention", "compared"])
        for convention in CONVENTIONS:
            row, distance = {"input_convention": convention, "mode": mode}, 0.0
            for table, printed in PAPER.items():
                table, (mean, minimum) = f"Table {table}", (printed["uqi"][0], printed["uqi"][4])
                scores = scored.loc[(convention, table)]
                row |= {f"{table} mean": scores.value, f"{table} min": scores["min"]}
                distance += abs(scores.value - mean) + abs(scores["min"] - minimum)
            rows.append(row | {"distance": distance if math.isfinite(distance) else math.inf})
    return pd.DataFrame(rows).sort_values("distance", ignore_index=True)
