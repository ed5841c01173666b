"""The slider's sheet: its scores are those of the tables, its pictures those of the pretrained generators."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ganprune_utils import load_generator, pruning
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "workflow"))
import sheet

FOLDER = ROOT / sheet.FOLDER
DATA = json.loads((FOLDER / "data.js").read_text("utf-8").removeprefix("window.SHEET = ").rstrip(";\n"))
TABLES = {name: pd.read_csv(ROOT / f"reports/tables/{name}.csv") for name in ("means", "quality")}


@pytest.mark.parametrize("dataset", sheet.DATASETS)
def test_scores_are_those_of_the_tables(dataset):
    entries = DATA["datasets"][dataset]["entries"]
    methods, sparsities = len(sheet.METHODS), len(sheet.SPARSITIES)
    assert len(entries) == methods * len(sheet.LAST_LAYER) * sparsities * 2
    for *key, _, ssim, frechet in entries:
        assert sheet.scores(dataset, key, TABLES) == (ssim, frechet), f"{key}: run python workflow/sheet.py"
    of_one_threshold = [frechet for m, layer, _, r, _, _, frechet in entries if (m, layer, r) == (0, 0, 0)]
    assert None not in of_one_threshold and of_one_threshold == sorted(of_one_threshold)


@pytest.mark.parametrize("dataset, difference", [("fashion_mnist", 0.1), ("cifar10", 8)])
def test_a_block_is_what_the_generator_makes(dataset, difference):
    key = [0, 0, sheet.SPARSITIES.index(50), 0]
    place = next(entry[4] for entry in DATA["datasets"][dataset]["entries"] if entry[:4] == key)
    generator = load_generator(dataset)
    pruning.apply_masks(generator, pruning.masks_for(generator, "percentage", "global", 50, seed=0))
    expected = sheet.block(generator, DATA["datasets"][dataset]["size"]).squeeze()
    height, width = expected.shape[:2]
    top, left = height * (place // sheet.ACROSS), width * (place % sheet.ACROSS)
    picture = Image.open(FOLDER / f"{dataset}.webp").convert("L" if expected.ndim == 2 else "RGB")
    shown = np.asarray(picture)[top : top + height, left : left + width]
    assert np.abs(shown.astype(int) - expected).mean() < difference
