"""The slider's sheet: what one noise gives under every method and sparsity, as pruned and recalibrated, and its scores.

usage: python workflow/sheet.py

Reads the pretrained generators of seed 0 and the tables of reports/; writes a sheet of pictures for each data set and
their scores to docs/_static/slider/. Takes minutes.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from ganprune_utils import load_generator, pruning
from ganprune_utils.artifacts import CHECKOUT, write_atomic
from ganprune_utils.data.images import native_size
from ganprune_utils.data.transforms import as_saved
from ganprune_utils.models.sampling import NOISE_SEEDS, draw_noise, generate, recalibration_noise

FOLDER = Path("docs/_static/slider")
DATASETS = {"fashion_mnist": "Fashion-MNIST", "cifar10": "CIFAR-10"}
METHODS = {
    "one global threshold": ("percentage", "global"),
    "the same share of each layer": ("percentage", "layer"),
    "sensitivity: standard deviations of each layer": ("sensitivity", "matched"),
    "random weights": ("random", "uniform"),
}
LAST_LAYER = ("pruned", "dense")
SPARSITIES = (0, 10, 30, 50, 70, 80, 90, 95)  # percent
COLUMNS, ROWS = 4, 3  # pictures of a network
ACROSS = 8  # networks side by side on a sheet


def networks(dataset: str):
    """(key, generator) of all that is shown; a key is (method's number, last layer's, sparsity's, recalibrated)."""
    for m, (method, scope) in enumerate(METHODS.values()):
        for layer, last_layer in enumerate(LAST_LAYER):
            for s, percent in enumerate(SPARSITIES):
                generator = load_generator(dataset, seed=0)
                if percent:
                    masks = pruning.masks_for(generator, method, scope, percent, seed=0, last_layer=last_layer)
                    pruning.apply_masks(generator, masks)
                yield (m, layer, s, 0), generator
                pruning.recalibrate_batchnorm(generator, recalibration_noise(generator.latent_dim))
                yield (m, layer, s, 1), generator


def block(generator: torch.nn.Module, size: int) -> np.ndarray:
    """Its first pictures as one, uint8 (ROWS * size, COLUMNS * size, channels)."""
    noise = draw_noise(COLUMNS * ROWS, generator.latent_dim, NOISE_SEEDS["test"])
    images = as_saved(generate(generator, noise), size).permute(0, 2, 3, 1).numpy()
    return np.concatenate(
        [np.concatenate(list(row), axis=1) for row in images.reshape(ROWS, COLUMNS, *images.shape[1:])]
    )


def scores(dataset: str, key: tuple, tables: dict[str, pd.DataFrame]) -> tuple[float | None, float | None]:
    """SSIM to the dense generator and Fréchet distance of the same network in the tables; None where not measured."""
    m, layer, s, recalibrated = key
    run = (*list(METHODS.values())[m], LAST_LAYER[layer]) if SPARSITIES[s] else ("percentage", "global", "pruned")
    found = []
    for name, column in (("means", "value"), ("quality", "frechet")):
        rows = tables[name]
        rows = rows[(rows.dataset == dataset) & (rows.seed == 0) & (rows.pruned_network == "generator")]
        rows = rows[(rows.method == run[0]) & (rows.scope == run[1]) & (rows.last_layer == run[2])]
        rows = rows[(rows.threshold == SPARSITIES[s]) & (rows.recalibrated == bool(recalibrated))]
        values = rows[rows.metric == "ssim"].value if name == "means" else rows[column]
        found.append(round(values.item(), 4) if len(values) else None)
    return tuple(found)


def sheet(dataset: str, tables: dict[str, pd.DataFrame]) -> tuple[Image.Image, list]:
    """The sheet of a data set, and [*key, place on the sheet, SSIM, Fréchet distance] of each network."""
    size, blocks, entries = native_size(dataset), [], []
    places: dict[bytes, int] = {}  # a network that is another's twin, as every dense one is, is drawn once
    for key, generator in networks(dataset):
        pictures = block(generator, size)
        place = places.setdefault(pictures.tobytes(), len(blocks))
        if place == len(blocks):
            blocks.append(pictures)
        entries.append([*key, place, *scores(dataset, key, tables)])
    blocks += [np.zeros_like(blocks[0])] * (-len(blocks) % ACROSS)
    lines = [np.concatenate(blocks[i : i + ACROSS], axis=1) for i in range(0, len(blocks), ACROSS)]
    return Image.fromarray(np.concatenate(lines).squeeze()), entries


def main() -> None:
    torch.set_num_threads(2)
    tables = {name: pd.read_csv(CHECKOUT / f"reports/tables/{name}.csv") for name in ("means", "quality")}
    data = {"methods": list(METHODS), "sparsities": SPARSITIES, "across": ACROSS, "columns": COLUMNS, "rows": ROWS}
    data["datasets"] = {}
    for dataset, title in DATASETS.items():
        picture, entries = sheet(dataset, tables)
        path = CHECKOUT / FOLDER / f"{dataset}.webp"
        # Grey pictures keep every value; colour would take four times the bytes for a difference no one sees.
        picture.save(path, lossless=picture.mode == "L", quality=90, method=6)
        data["datasets"][dataset] = {"title": title, "size": native_size(dataset), "entries": entries}
        print(f"{path.relative_to(CHECKOUT)}: {path.stat().st_size:,} bytes, {picture.size}")
    # A script, not JSON: a page that is opened from a folder may not fetch files.
    write_atomic(CHECKOUT / FOLDER / "data.js", f"window.SHEET = {json.dumps(data, separators=(',', ':'))};\n")


if __name__ == "__main__":
    sys.exit(main())
