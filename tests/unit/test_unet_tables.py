"""The tables of pruned U-Nets at equal cost."""

import pandas as pd
import pytest

from ganprune_utils.analysis import equal_cost, unet_layers, unet_tables
from ganprune_utils.errors import DataError

ROWS = pd.DataFrame(
    [
        ("dense", "-", "-", "as trained", 0, 0.1), ("dense", "-", "-", "40 steps", 0, 0.2),
        ("dense", "-", "-", "40 steps", 1, 0.4), ("dense", "-", "-", "4 epochs", 0, 0.1),
        ("inner", "macs", "70%", "40 steps", 0, 0.35), ("inner", "macs", "70%", "40 steps", 1, 0.45),
        ("global", "macs", "70%", "40 steps", 0, 0.2), ("global", "macs", "70%", "40 steps", 1, 0.2),
        ("inner", "macs", "70%", "4 epochs", 0, 0.15), ("inner", "macs", "55%", "40 steps", 0, 0.5),
    ],
    columns=["method", "measure", "target", "fine_tuning", "run", "l1"],
).assign(network="edges (depth 5)", ssim=0.5, frechet=lambda rows: 10 * rows.l1)  # fmt: skip
COMPARISONS = pd.DataFrame(
    [
        ("inner", "global", "70%", "40 steps", "l1", -0.1, -0.2, -0.05, 2, "better"),
        ("inner", "global", "70%", "40 steps", "ssim", -0.1, -0.2, -0.05, 2, "worse"),
        ("inner", "dense", "70%", "40 steps", "l1", 0.01, 0.005, 0.015, 2, ""),
        ("inner", "global", "70%", "4 epochs", "l1", -0.1, None, None, 1, ""),
        ("inner", "dense", "70%", "4 epochs", "l1", 0.01, 0.005, 0.015, 1, ""),
        ("global", "dense", "70%", "40 steps", "l1", 0.01, 0.005, 0.025, 2, ""),
        ("lamp", "global", "55%", "40 steps", "l1", 0.1, 0.05, 0.2, 2, "open"),
    ],
    columns=["method", "against", "target", "fine_tuning", "metric", "difference", "low", "high", "runs", "verdict"],
).assign(measure="macs", network="edges (depth 5)")  # fmt: skip
LATENCY = ROWS.drop_duplicates(["method", "measure", "target"]).assign(median=12.345)


def test_every_cost_has_a_table_of_all_methods_after_each_fine_tuning():
    tables = unet_tables.equal_cost_tables(ROWS, COMPARISONS, LATENCY, 0.02)
    assert list(tables) == ["30 % of the MACs saved", "45 % of the MACs saved"]
    table = tables["30 % of the MACs saved"]
    assert list(table.columns) == ["L1", "SSIM", "Fréchet distance", "L1 over dense, %", "ms"]
    missing = ["random inner", "depth reduction", "uniform", "lamp", "random"]
    assert list(table.index) == [
        ("as trained", "dense"),
        *(("40 steps", name) for name in ("global", "dense", "inner", *missing)),  # the lowest L1 first
        *(("4 epochs", name) for name in ("dense", "inner", *missing)),  # what was not run is no failure
    ]  # fmt: skip
    assert table.loc[("40 steps", "inner")].to_list() == [
        "0.4000 ± 0.0707", "0.5000 ± 0.0000", "4.00 ± 0.71", "+1.0 [+0.5, +1.5] no loss", "12.3",
    ]  # fmt: skip
    # Beyond the margin, and of one run.
    assert table.loc[("40 steps", "global"), "L1 over dense, %"] == "+1.0 [+0.5, +2.5]"
    assert table.loc[("4 epochs", "inner")].to_list() == ["0.1500", "0.5000", "1.50", "+1.0 [+0.5, +1.5]", "12.3"]
    assert table.loc[("40 steps", "lamp")].to_list() == ["cannot reach this budget", "", "", "", ""]
    # At the other cost nothing had 4 epochs.
    assert set(tables["45 % of the MACs saved"].index.get_level_values(0)) == {"as trained", "40 steps"}
    without = unet_tables.equal_cost_tables(ROWS.drop(columns="frechet"), COMPARISONS, LATENCY, 0.02)
    assert "Fréchet distance" not in without["30 % of the MACs saved"]


def test_comparisons_have_the_metrics_side_by_side():
    table = unet_tables.against_table(COMPARISONS, "global", equal_cost.PROPOSED)
    assert table.index.to_list() == [
        ("edges (depth 5)", "30 % of the MACs saved", "40 steps", "inner"),
        ("edges (depth 5)", "30 % of the MACs saved", "4 epochs", "inner"),
    ]
    assert table.to_numpy().tolist() == [
        ["-10.0 [-20.0, -5.0] better", "-10.0 [-20.0, -5.0] worse"], ["-10.0", ""],
    ]  # fmt: skip
    assert list(table.columns) == ["L1", "SSIM"]
    others = unet_tables.against_table(COMPARISONS, "global", equal_cost.OTHERS)
    assert others.index.get_level_values("method").to_list() == ["lamp"]
    assert len(unet_tables.against_table(COMPARISONS, "global")) == 3


def test_a_network_is_a_task_a_depth_and_a_seed():
    runs = pd.DataFrame({"task": ["edges", "edges", "faces"], "depth": [5, 5, 7], "seed": [0, 1, 0]})
    names = ["edges (depth 5)", "edges (depth 5, seed 1)", "faces (depth 7)"]
    runs = unet_tables.with_network(runs.assign(frechet=[0.1, 0.2, None]))
    assert runs.network.to_list() == names
    assert unet_tables.file_name(names[1]) == "edges-depth-5-seed-1"
    columns = unet_tables.of_each_network(lambda own, empty: list(own), runs, pd.DataFrame())
    assert list(columns) == names and ["frechet" in own for own in columns.values()] == [True, True, False]
    assert unet_tables.of_each_network(len, pd.DataFrame()) == {} and not len(unet_tables.with_network(pd.DataFrame()))
    with pytest.raises(DataError, match="tables of an earlier study: .* run the study again"):
        unet_tables.with_network(pd.DataFrame({"task": ["edges"], "seed": [0]}))


def test_the_protocol_is_that_of_the_runs_and_of_their_trainings():
    trained = {"task": "faces", "seed": 0, "depth": 7, "ngf": 32, "epochs": 15, "decay_epochs": 7, "batch_size": 16}
    pruned = {
        "task": "faces",
        "seed": 0,
        "fine_tuning": "1 epoch, 3 runs",
        "inner_levels": 4,
        "n_test": 0,
        "margin": 0.02,
    }
    runs = {
        "faces_depth7/seed0/unet": trained,
        "faces_depth7/seed0/equal_cost": pruned | {"checkpoint": "results/u/faces_depth7/seed0/unet"},
        "edges/seed1/layer_scan": {"task": "edges", "seed": 1, "steps": 40},
        "edges/seed1/equal_cost": pruned | {"task": "edges", "seed": 1, "checkpoint": "pretrained"},
    }
    table = unet_tables.protocol(pd.DataFrame({"run": list(runs), "parameters": list(runs.values())}))
    assert table.run.to_list() == ["faces_depth7/seed0/equal_cost", "edges/seed1/equal_cost"]
    assert table.network[0] == "faces (depth 7)" and table.margin.max() == 0.02
    shown = table[["epochs", "batch_size", "ngf", "fine_tuning", "inner_levels"]].to_numpy().tolist()
    assert shown == [[15, 16, 32, "1 epoch, 3 runs", 4], ["", "", "", "1 epoch, 3 runs", 4]]


def test_networks_stand_beside_the_baselines_without_one():
    answers = ["the mean picture", "the U-Net", "the mean picture", "the U-Net"]
    trained = pd.DataFrame(
        {"network": "edges", "seed": 0, "ngf": [64, 64, 9, 9], "answer": answers, "l1": [2, 3, 2, 1]}
    )
    table = unet_tables.networks_table(trained)
    assert table.index.to_list() == [
        ("edges", "the mean picture", "-"), ("edges", "the U-Net", "64"), ("edges", "the U-Net", "9"),
    ]  # fmt: skip
    assert table.l1.to_list() == [2, 3, 1] and list(table.columns) == ["l1"]


def test_a_critical_sparsity_is_given_only_within_what_was_tried():
    scan = pd.DataFrame({"ratio": [0.25, 0.9]})
    ranking = pd.DataFrame({"critical_sparsity": [0.1, 0.256, None]})
    assert unet_layers.critical_text(ranking, scan) == ["< 0.25", "0.26", "> 0.9"]


def test_the_ranking_has_both_states_side_by_side():
    ranking = {"network": "edges", "fine_tuned": [False, False, True, True], "layer": ["up2", "down1", "down1", "up2"]}
    ranking = pd.DataFrame(ranking | {"critical_sparsity": [0.1, 0.3, None, 0.5], "at_half": [0.5, 0.25, 0.0, 0.1234]})
    layers = pd.DataFrame(
        {"network": "edges", "layer": ["down1", "up2"], "macs %": [5.94, 1], "parameters %": [0.65, 2]}
    )
    table = unet_layers.ranking_table(ranking, pd.DataFrame({"ratio": [0.25, 0.9]}), layers)
    assert list(table.index) == [("edges", "up2"), ("edges", "down1")]
    assert table["critical sparsity", "as pruned"].to_list() == ["< 0.25", "0.30"]
    assert table["critical sparsity", "fine-tuned"].to_list() == ["0.50", "> 0.9"]
    assert table["rise at half, %", "fine-tuned"].to_list() == [12.34, 0]
    assert table["saved at half, %", "macs"].to_list() == [1, 5.9]
