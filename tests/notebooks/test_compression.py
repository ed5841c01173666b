"""The notebooks on compression, 6 to 9, and their page: on the embedded digits, once each."""

import pandas as pd
import pytest
from execute import execute, execute_here

from ganprune_utils import parameters
from tests.conftest import ROOT

pytestmark = pytest.mark.slow
DIGITS = {"dataset": "digits"}
# float32, which every processor has
RETRAIN = DIGITS | {"rounds": 1, "steps": 1, "n_round": 50, "n_quality": 50, "precision": "float32"}
CONFIGURATIONS = {
    "one-shot": {
        "schedule": "one_shot",
        "granularity": "structured",
        "pruned_network": "both",
        "discriminator_rate": 0.5,
        "distillation": 1.0,
    },
    "iterative": {
        "schedule": "iterative",
        "rounds": 3,
        "steps": 2,
        "checkpoint": str(ROOT / "checkpoints/digits/seed0"),
    },
    "scratch": {"schedule": "scratch", "scratch_steps": 2},
    "dense": {"schedule": "dense"},
}


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """A folder of runs: a compression, a cost and a structured run, and every schedule of the retraining."""
    root = tmp_path_factory.mktemp("compression")
    base = root / "digits/seed0"
    short = DIGITS | {"n_quality": 50, "n_samples": 20}
    execute("06_structured.ipynb", base / "structured", **short, ratios="0.3 0.5")
    execute("07_compression.ipynb", base / "compression", **short, target_compressions="2", draws=1)
    execute("09_cost.ipynb", base / "cost", **DIGITS, seconds=0.01)
    for i, (name, values) in enumerate(CONFIGURATIONS.items()):
        run = execute_here if i else execute
        run("08_retrain.ipynb", base / "retrain" / name, **RETRAIN | values)
    return root


@pytest.mark.parametrize("training, compression", [("one-shot", 2), ("iterative", 2), ("scratch", 2), ("dense", 1)])
def test_every_schedule_ends_in_a_row_of_the_one_table(runs, training, compression):
    folder = runs / "digits/seed0/retrain" / training
    rows = pd.read_csv(folder / "retrained.csv")
    assert list(rows.recalibrated) == [False, True] and rows.frechet_validation.notna().tolist() == [False, True]
    assert rows.compression.tolist() == pytest.approx([compression] * 2, rel=0.05)
    rounds = pd.read_csv(folder / "rounds.csv")
    steps = {"iterative": 3 * 2, "scratch": 1 + 2}.get(training, 1)
    assert rounds.steps.max() == steps and {"balance", "coverage", "classes"} <= {*rounds}
    assert rows.budget.tolist() == [6 if training == "iterative" else 1] * 2
    if training == "one-shot":
        assert rounds.compression_discriminator.tolist() == pytest.approx([2], rel=0.1)
        assert rounds.distance.iloc[0] > 0 and rows.distillation.tolist() == [1, 1]


def test_every_criterion_is_tried_at_every_allocation_that_it_has(runs):
    rows = pd.read_csv(runs / "digits/seed0/compression/compression.csv").query("recalibrated")
    tried = rows.groupby(["granularity", "criterion"]).allocation.unique().map(sorted).to_dict()
    every = sorted(parameters.ALLOCATIONS)
    assert {name for name, own in tried.items() if own == every} == {
        ("unstructured", criterion) for criterion in ("magnitude", "activation", "wanda")
    }
    assert {criterion for name, criterion in tried if name == "structured"} == {*parameters.CRITERIA["structured"]}
    assert rows.compression[rows.target_compression == 2].tolist() == pytest.approx([2] * 16, rel=0.05)


def test_removed_filters_are_counted_and_timed(runs):
    cost = pd.read_csv(runs / "digits/seed0/cost/cost.csv").set_index("network")
    assert cost.MACs["half of the filters removed"] < 0.4 * cost.MACs["dense"]
    assert cost.nonzeros["half of the weights masked"] < 0.6 * cost.nonzeros["dense"]
    assert not (runs / "digits/seed0/cost/energy.csv").exists()


def test_the_page_has_every_configuration_and_figure(runs, tmp_path):
    execute("report/compression.ipynb", tmp_path, results=str(runs), seconds=0.01)
    table = pd.read_csv(tmp_path / "tables" / "cells.csv")
    assert {"none", *CONFIGURATIONS} == set(table.training)
    text = (tmp_path / "README.md").read_text()
    for title in ("The table", "What else was tried", "Published systems, not compared", "Which filters?"):
        assert title in text
    for name in ("what-pays", "steps"):
        assert (tmp_path / "figures" / f"{name}.png").stat().st_size > 10_000
