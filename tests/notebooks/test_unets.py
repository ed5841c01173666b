"""The notebooks on U-Nets, 10 to 12, and their page: on edges of the embedded digits, once each."""

import numpy as np
import pandas as pd
import pytest
from execute import execute
from papermill.exceptions import PapermillExecutionError
from PIL import Image

pytestmark = pytest.mark.slow
TASK = {"task": "edges_digits"}
SHORT = TASK | {"n_pairs": 256, "n_test": 200}


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """A folder of runs: a U-Net trained for an epoch, its layer scan, and every method at one cost."""
    root = tmp_path_factory.mktemp("unets")
    base = root / "edges_digits/seed0"
    trained = execute("10_train_unet.ipynb", base / "unet", **TASK, n_pairs=256)
    values = SHORT | {"checkpoint": str(trained)}
    execute("11_unet_layer_scan.ipynb", base / "layer_scan", **values, ratios="0.3 0.5", steps=2, n_seeds=2)
    execute(
        "12_unet_equal_cost.ipynb", base / "equal_cost", **values, macs_left="0.85 0.7",
        fine_tuning="2 steps, 2 runs; 1 epoch, 1 run, at 0.7", seconds=0.01,
    )  # fmt: skip
    return root


def test_the_layer_scan_has_every_layer_before_and_after_fine_tuning(runs):
    scan = pd.read_csv(runs / "edges_digits/seed0/layer_scan/unet-scan.csv")
    assert scan.layer.nunique() == 9 and len(scan) == 9 * 2 * 2
    assert scan.groupby("layer").fine_tuned.nunique().eq(2).all()


def test_methods_have_the_same_cost_and_are_fine_tuned_alike(runs):
    table = pd.read_csv(runs / "edges_digits/seed0/equal_cost/unet-equal-cost.csv")
    dense = table[table.method == "dense"].iloc[0]
    for target, rows in table[table.measure == "macs"].groupby("target"):
        share = rows.macs / dense.macs
        assert share.max() < 1.15 * share.min(), target
    assert {"depth reduction", "inner", "random inner", "uniform", "global", "lamp", "random"} <= set(table.method)
    counts = table.groupby(["fine_tuning", "target"]).run.nunique()
    assert counts.to_dict() == {
        ("as trained", "-"): 1, ("1 epoch", "-"): 1, ("1 epoch", "70%"): 1,
        ("2 steps", "-"): 2, ("2 steps", "70%"): 2, ("2 steps", "85%"): 2,
    }  # fmt: skip


def test_the_page_shows_what_was_run(runs, tmp_path):
    execute("report/unets.ipynb", tmp_path, results=str(runs))
    text = (tmp_path / "README.md").read_text()
    assert "| edges_digits (depth 5) | 30 % of the MACs saved | 1 epoch | inner |" in text
    assert "### edges_digits (depth 5): 15 % of the MACs saved" in text and "cannot reach this budget" in text
    assert (tmp_path / "tables" / "unet-equal-cost.csv").is_file() and list((tmp_path / "figures").glob("*.png"))


def test_a_folder_of_pairs_is_taken_in_the_direction_that_is_asked_for(tmp_path):
    random = np.random.default_rng(0)
    for split in ("train", "val"):
        (tmp_path / "pairs" / split).mkdir(parents=True)
        for i in range(24):
            pixels = random.integers(0, 256, (32, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pairs" / split / f"{i}.png")
    own = {"task": "paired_folder", "paired_folder": str(tmp_path / "pairs")}
    small = {"n_pairs": 0, "ngf": 4, "ndf": 4, "batch_size": 8}
    trained = execute("10_train_unet.ipynb", tmp_path / "unet", **own, **small, direction="BtoA")
    assert "NOTE on test: val is taken for test" in (trained / "executed.ipynb").read_text()
    words = f"ParameterError: direction = 'AtoB': {trained} was trained with BtoA"
    with pytest.raises(PapermillExecutionError, match=words):
        execute("11_unet_layer_scan.ipynb", tmp_path / "layer_scan", **own, checkpoint=str(trained))
