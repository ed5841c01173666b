"""The table of cut U-Nets at equal cost, and what is called saved."""

import pandas as pd
import pytest

from ganprune_utils import unet_report

WAYS = pd.DataFrame(
    [
        ("dense", "-", "-", 0, 0.10, 100, 10),
        ("dense", "-", "-", 1, 0.12, 100, 10),
        ("levels out", "both", "1 level out", 0, 0.13, 80, 5),
        ("inner", "macs", "1 level out", 0, 0.14, 80, 6),
        ("inner", "parameters", "80 %", 0, 0.15, 95, 8),
        ("narrow", "macs", "1 level out", 0, 0.16, 80, 7),
    ],
    columns=["way", "measure", "target", "run", "l1", "macs", "parameters"],
).assign(task="edges")


def test_equal_cost_puts_each_network_under_the_cost_that_was_made_equal():
    table = unet_report.equal_cost(WAYS, digits=2)
    assert list(table.columns) == [
        ("equal MACs:", "1 level out"), ("equal parameters:", "80 %"), ("equal parameters:", "1 level out"),
    ]  # fmt: skip
    assert table.index.get_level_values("way").to_list() == ["saved", "dense", "levels out", "inner", "narrow"]
    assert table.loc[("edges", "saved")].to_list() == ["20 %", "20 %", "50 %"]
    assert table.loc[("edges", "dense")].to_list() == ["0.11 ± 0.01"] * 3
    assert table.loc[("edges", "levels out")].to_list() == ["0.13", "", "0.13"]
    assert table.loc[("edges", "inner")].to_list() == ["0.14", "0.15", ""]
    assert table.loc[("edges", "narrow")].to_list() == ["0.16", "", ""]


def test_rises_are_over_the_mean_dense_network_of_the_task():
    other = WAYS.assign(task="colour", l1=10 * WAYS.l1)
    rises = unet_report.rises(pd.concat([WAYS, other], ignore_index=True))
    assert rises.iloc[[3, 9]].to_list() == pytest.approx([100 * (0.14 / 0.11 - 1)] * 2)


def test_what_is_tolerated_is_said_only_within_what_was_tried():
    scan = pd.DataFrame({"ratio": [0.25, 0.9]})
    ranking = pd.DataFrame({"tolerated": [0.1, 0.256, None]})
    assert unet_report.tolerated(ranking, scan).to_list() == ["< 0.25", "0.26", "> 0.9"]


def test_the_page_says_what_was_asked_by_the_parameters_of_the_runs():
    cut = {"n_seeds": 4, "steps": 70, "n_test": 0, "margin": 0.03, "margin_of_gain": 0.2}
    parameters = [{"task": "edges", **cut}, {"task": "colour", **cut}]
    parameters += [{"task": "edges", "epochs": 5, "decay_epochs": 1, "batch_size": 8}]
    said = unet_report.asked(pd.DataFrame({"parameters": parameters}))
    for words in (
        "Fashion-MNIST and *colour*", "for 5 epochs", "on 70 batches of 8 pairs", "4 times", "on all test pairs",
        "below 3 %", "below 20 %",
    ):  # fmt: skip
        assert words in said


def test_saved_is_the_most_that_is_no_loss():
    verdict = pd.DataFrame(
        {
            "task": "edges", "seed": 0, "ngf": 64, "way": ["inner", "inner", "inner", "outer"],
            "target": ["a", "b", "c", "a"], "measure": ["macs", "macs", "parameters", "macs"],
            "no_loss": [True, True, True, False], "high": [0.01, 0.015, 0.01, 0.2],
            "macs saved": [0.2, 0.3, 0.4, 0.5], "parameters saved": [0.6, 0.5, 0.55, 0.9],
        }
    )  # fmt: skip
    found = unet_report.saved(verdict)
    assert list(zip(found.way, found.most, found.target, strict=True)) == [
        ("inner", "macs", "c"), ("inner", "parameters", "a"),
        ("outer", "macs", "none"), ("outer", "parameters", "none"),
    ]  # fmt: skip
    assert found["macs saved"].tolist()[:2] == pytest.approx([0.4, 0.2])
    found = found.assign(difference=0.004, low=-0.01, margin=0.02, **{"of the gain": 0.02})
    percent = unet_report.in_percent(found)
    assert list(percent.index) == [("edges", "inner")] * 2
    assert percent[["at", "difference", "macs saved"]].iloc[0].to_list() == ["parameters c", 0.4, 40]
    nothing = unet_report.saved(
        verdict.assign(no_loss=False, difference=0.1, low=0, high=1, margin=0, **{"of the gain": 1})
    )
    assert not len(unet_report.in_percent(nothing))


def test_duels_stand_under_their_costs():
    duels = pd.DataFrame(
        {
            "task": "edges", "remedy": "inner", "measure": ["parameters", "macs", "macs"],
            "against": ["uniform", "uniform", "outer"], "target": ["a", "b", "a"], "wins": [True, False, False],
            "loses": [False, False, True], "difference": [-0.1, 0.01, 0.2], "low": -0.2, "high": [-0.05, 0.02, 0.3],
        }
    )  # fmt: skip
    found = unet_report.against(duels)
    heads = [("equal MACs:", "b"), ("equal MACs:", "a"), ("equal parameters:", "a")]
    assert list(found.columns) == heads
    assert found.loc[("edges", "inner − uniform")].to_list() == [
        "+1.0 [-20.0, +2.0]", "", "-10.0 [-20.0, -5.0] better",
    ]  # fmt: skip
    assert found.loc[("edges", "inner − outer")].to_list() == ["", "+20.0 [-20.0, +30.0] worse", ""]
    # Another training is not called better or worse.
    found = unet_report.against(duels.assign(against="narrow 9"))
    assert not found.apply(lambda column: column.str.contains("better|worse")).any(axis=None)


def test_outcomes_stand_below_what_is_saved():
    duels = pd.DataFrame(
        {
            "task": "edges", "remedy": ["inner", "levels out"], "measure": "macs", "against": "uniform",
            "target": "1 level out", "wins": [True, False], "loses": False, "difference": [-0.1, 0.01],
            "low": -0.2, "high": [-0.05, 0.02],
        }
    )  # fmt: skip
    found = unet_report.outcomes(duels, WAYS)
    assert found.loc[("edges", "saved")].to_list() == ["20 %", "20 %", "50 %"]
    assert found.loc[("edges", "inner")].to_list() == ["better (-10.0 to uniform)", "", ""]
    assert found.loc[("edges", "levels out")].to_list() == ["open (+1.0 to uniform)", "", ""]


def test_the_page_puts_sentences_and_figures_below_their_titles(tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/edges-equal.png").write_bytes(b"")
    runs = pd.DataFrame({"parameters": [{"task": "edges", "n_seeds": 3, "steps": 7, "n_test": 0, "margin": 0.1,
                                         "margin_of_gain": 0.1}], "code_version": "abc"})  # fmt: skip
    table = unet_report.equal_cost(WAYS, digits=2, lost={"edges": 3.0})
    assert table.loc[("edges", "no network")].to_list() == ["3.00"] * 3
    shown = {"l1": table, "saved": pd.DataFrame(), "dcgan": pd.DataFrame()}
    findings = {"l1": ["**edges**: first."], "saved": ["**edges**: none."], "dcgan": []}
    page = unet_report.write_page(tmp_path, shown, runs, findings).read_text()
    order = ["## Every way at equal cost: L1", "| edges | saved", "- **edges**: first.", "(figures/edges-equal.png)",
             "*edges.* Rise of L1 at each cost", "## What can go without loss of L1", "- **edges**: none."]  # fmt: skip
    assert [page.index(words) for words in order] == sorted(page.index(words) for words in order)
    assert "DCGAN?" not in page


def test_what_the_dcgans_layers_spare_is_over_their_own_dense_generator(tmp_path):
    scan = {"dataset": ["cifar10", "cifar10", "fashion_mnist"], "seed": 0, "layer": "layers.convt1", "ratio": 0.5}
    scan = pd.DataFrame(scan | {"recalibrated": [True, False, True], "frechet": [6.0, 9.0, 2.0]})
    dense = {"dataset": ["cifar10", "cifar10", "fashion_mnist"], "seed": 0, "recalibrated": [True, False, True]}
    scan.to_csv(tmp_path / "filter-scan.csv", index=False)
    pd.DataFrame(dense | {"frechet": [4.0, 5.0, 0.5]}).to_csv(tmp_path / "filter-scan-dense.csv", index=False)
    found = unet_report.layers_of_dcgan(tmp_path)
    assert dict(zip(found.task, found.times_dense, strict=True)) == {"edges": 4.0, "colour": 1.5}
    assert not len(unet_report.layers_of_dcgan(None)) and not len(unet_report.layers_of_dcgan(tmp_path / "none"))
