"""The tables of pruned U-Nets at equal cost, and what is called saved."""

import pandas as pd
import pytest

from ganprune_utils.analysis import equal_cost, unet_layers, unet_tables

ROWS = pd.DataFrame(
    [
        ("dense", "-", "-", 0, 0.10, 100, 10),
        ("dense", "-", "-", 1, 0.12, 100, 10),
        ("depth reduction", "both", "1 level removed", 0, 0.13, 80, 5),
        ("inner", "macs", "1 level removed", 0, 0.14, 80, 6),
        ("inner", "parameters", "80 %", 0, 0.15, 95, 8),
        ("small dense 9", "macs", "1 level removed", 0, 0.16, 80, 7),
    ],
    columns=["method", "measure", "target", "run", "l1", "macs", "parameters"],
).assign(task="edges")


def test_equal_cost_puts_each_network_under_the_cost_that_was_made_equal():
    table = unet_tables.equal_cost_table(ROWS, "l1", 2)
    assert list(table.columns) == [
        ("equal MACs:", "1 level removed"), ("equal parameters:", "80 %"), ("equal parameters:", "1 level removed"),
    ]  # fmt: skip
    methods = ["saved", "dense", "depth reduction", "inner", "small dense 9"]
    assert table.index.get_level_values("method").to_list() == methods
    assert table.loc[("edges", "saved")].to_list() == ["20 %", "20 %", "50 %"]
    assert table.loc[("edges", "dense")].to_list() == ["0.11 ± 0.01"] * 3
    assert table.loc[("edges", "depth reduction")].to_list() == ["0.13", "", "0.13"]
    assert table.loc[("edges", "inner")].to_list() == ["0.14", "0.15", ""]
    assert table.loc[("edges", "small dense 9")].to_list() == ["0.16", "", ""]
    table = unet_tables.equal_cost_table(ROWS, "l1", 2, {"edges": 3.0})
    assert table.loc[("edges", "no network")].to_list() == ["3.00"] * 3
    assert not len(unet_tables.equal_cost_table(ROWS, "frechet", 2))


def test_time_stands_under_the_same_costs():
    latency = ROWS.drop_duplicates(["method", "measure", "target"]).assign(median=12.3456, **{"times faster": 1.5})
    table = unet_tables.latency_table(latency, ROWS)
    assert table.loc[("edges", "inner")].to_list() == ["12.35 (1.50×)", "12.35 (1.50×)", ""]
    assert table.loc[("edges", "dense")].to_list() == ["12.35 (1.50×)"] * 3
    assert table.loc[("edges", "depth reduction")].to_list() == ["12.35 (1.50×)", "", "12.35 (1.50×)"]


def test_rises_are_over_the_mean_dense_network_of_the_task():
    other = ROWS.assign(task="colour", l1=10 * ROWS.l1)
    rises = equal_cost.rises(pd.concat([ROWS, other], ignore_index=True))
    assert rises.iloc[[3, 9]].to_list() == pytest.approx([100 * (0.14 / 0.11 - 1)] * 2)
    assert equal_cost.rises(ROWS.drop(columns="task")).to_list() == pytest.approx(rises.to_list()[:6])


def test_a_critical_sparsity_is_given_only_within_what_was_tried():
    scan = pd.DataFrame({"ratio": [0.25, 0.9]})
    ranking = pd.DataFrame({"critical_sparsity": [0.1, 0.256, None]})
    assert unet_layers.critical_text(ranking, scan) == ["< 0.25", "0.26", "> 0.9"]


def test_the_ranking_has_both_states_side_by_side():
    ranking = {"task": "edges", "fine_tuned": [False, False, True, True], "layer": ["up2", "down1", "down1", "up2"]}
    ranking = pd.DataFrame(ranking | {"critical_sparsity": [0.1, 0.3, None, 0.5], "at_half": [0.5, 0.25, 0.0, 0.1234]})
    layers = pd.DataFrame({"task": "edges", "layer": ["down1", "up2"], "macs %": [5.94, 1], "parameters %": [0.65, 2]})
    table = unet_layers.ranking_table(ranking, pd.DataFrame({"ratio": [0.25, 0.9]}), layers)
    assert list(table.index) == [("edges", "up2"), ("edges", "down1")]
    assert table["critical sparsity", "as pruned"].to_list() == ["< 0.25", "0.30"]
    assert table["critical sparsity", "fine-tuned"].to_list() == ["0.50", "> 0.9"]
    assert table["rise at half, %", "fine-tuned"].to_list() == [12.34, 0]
    assert table["saved at half, %", "macs"].to_list() == [1, 5.9]


def test_the_protocol_is_that_of_the_runs():
    pruned = {"n_seeds": 4, "steps": 70, "n_test": 0}
    stated = {"margin": 0.03, "margin_of_gain": 0.2}
    parameters = [{"task": "edges", **pruned}, {"task": "edges", **pruned, **stated}, {"task": "colour", **pruned}]
    parameters += [{"task": "edges", "epochs": 5, "decay_epochs": 1, "batch_size": 8}]
    protocol = unet_tables.protocol(pd.DataFrame({"parameters": parameters}))
    trained = {"epochs": 5, "batch_size": 8}
    assert protocol == {"tasks": ["edges", "colour"], **pruned, **stated, **trained}
    protocol = unet_tables.protocol(pd.DataFrame({"parameters": parameters[:1]}))
    assert protocol == {"tasks": ["edges"], **pruned, **dict.fromkeys([*stated, *trained])}


def test_networks_stand_by_width_below_the_baselines_without_one():
    answers = ["the U-Net", "the mean picture", "the U-Net", "the mean picture"]
    trained = pd.DataFrame({"task": "edges", "seed": 0, "ngf": [64, 64, 9, 9], "answer": answers, "l1": [1, 2, 3, 2]})
    table = unet_tables.networks_table(trained)
    assert table.ngf.to_list() == ["-", "9", "64"] and table.l1.to_list() == [2, 3, 1]
    # And again, from what a report wrote.
    assert unet_tables.networks_table(table).equals(table)


def test_most_saved_is_by_what_is_no_loss():
    no_loss = pd.DataFrame(
        {
            "task": "edges", "seed": 0, "ngf": 64, "method": ["inner", "inner", "inner", "outer"],
            "target": ["a", "b", "c", "a"], "measure": ["macs", "macs", "parameters", "macs"],
            "no_loss": [True, True, True, False], "high": [0.01, 0.015, 0.01, 0.2],
            "macs saved": [0.2, 0.3, 0.4, 0.5], "parameters saved": [0.6, 0.5, 0.55, 0.9],
        }
    )  # fmt: skip
    no_loss = no_loss.assign(difference=0.004, low=-0.01, margin=0.02, **{"of the gain": 0.02})
    table = unet_tables.no_loss_table(no_loss)
    assert list(table.index) == [("edges", "inner")] * 2
    assert table["at"].to_list() == ["parameters c", "macs a"]
    assert table["macs saved"].to_list() == [40, 20] and table.difference.to_list() == [0.4, 0.4]
    assert table["parameters saved"].to_list() == [55, 60] and table.high.to_list() == [1, 1]
    nothing = unet_tables.no_loss_table(no_loss.assign(no_loss=False, difference=0.1, low=0, high=1, margin=0))
    assert not len(nothing)


def test_comparisons_stand_under_their_costs():
    comparisons = pd.DataFrame(
        {
            "task": "edges", "proposed": "inner", "measure": ["parameters", "macs", "macs"],
            "against": ["uniform", "uniform", "outer"], "target": ["a", "b", "a"], "better": [True, False, False],
            "worse": [False, False, True], "difference": [-0.1, 0.01, 0.2], "low": -0.2, "high": [-0.05, 0.02, 0.3],
        }
    )  # fmt: skip
    table = unet_tables.comparison_table(comparisons)
    heads = [("equal MACs:", "b"), ("equal MACs:", "a"), ("equal parameters:", "a")]
    assert list(table.columns) == heads
    assert table.loc[("edges", "inner − uniform")].to_list() == [
        "+1.0 [-20.0, +2.0]", "", "-10.0 [-20.0, -5.0] better",
    ]  # fmt: skip
    assert table.loc[("edges", "inner − outer")].to_list() == ["", "+20.0 [-20.0, +30.0] worse", ""]
    # Another training is not called better or worse.
    table = unet_tables.comparison_table(comparisons.assign(against="small dense 9"))
    assert not table.apply(lambda column: column.str.contains("better|worse")).any(axis=None)


def test_outcomes_stand_below_what_is_saved():
    comparisons = pd.DataFrame(
        {
            "task": "edges", "proposed": ["inner", "depth reduction"], "measure": "macs", "against": "uniform",
            "target": "1 level removed", "better": [True, False], "worse": False, "difference": [-0.1, 0.01],
            "low": -0.2, "high": [-0.05, 0.02],
        }
    )  # fmt: skip
    table = unet_tables.outcome_table(comparisons, ROWS)
    assert table.loc[("edges", "saved")].to_list() == ["20 %", "20 %", "50 %"]
    assert table.loc[("edges", "inner")].to_list() == ["better (-10.0 to uniform)", "", ""]
    assert table.loc[("edges", "depth reduction")].to_list() == ["open (+1.0 to uniform)", "", ""]


def test_the_dcgans_layers_are_compared_with_their_own_dense_generator(tmp_path):
    scan = {"dataset": ["cifar10", "cifar10", "fashion_mnist"], "seed": 0, "layer": "layers.convt1", "ratio": 0.5}
    scan = pd.DataFrame(scan | {"recalibrated": [True, False, True], "frechet": [6.0, 9.0, 2.0]})
    dense = {"dataset": ["cifar10", "cifar10", "fashion_mnist"], "seed": 0, "recalibrated": [True, False, True]}
    scan.to_csv(tmp_path / "filter-scan.csv", index=False)
    pd.DataFrame(dense | {"frechet": [4.0, 5.0, 0.5]}).to_csv(tmp_path / "filter-scan-dense.csv", index=False)
    table = unet_layers.dcgan_layers(tmp_path)
    assert dict(zip(table.task, table.times_dense, strict=True)) == {"edges": 4.0, "colour": 1.5}
    assert not len(unet_layers.dcgan_layers(None)) and not len(unet_layers.dcgan_layers(tmp_path / "none"))
