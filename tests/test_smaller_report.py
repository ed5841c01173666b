"""The page on smaller generators: what is divided by what, what is blank, and that every section is there."""

import pandas as pd
import pytest

from ganprune_utils import comparison_plots, smaller_report

NETWORKS = ["dense", "half of the filters removed"]


def costs():
    cost = pd.DataFrame({"dataset": "d", "network": NETWORKS, "nonzeros": [8, 2], "MACs": [100, 25], "memory": [6, 3]})
    cost = cost.assign(zipped=[10, 4], sparse=[12, 6])
    rows = [("eager", 1, 64, 3.0), ("eager", 1, 1, 2.0), ("eager", 2, 64, 9.0), ("ONNX Runtime", 1, 64, 3.5)]
    latency = pd.DataFrame(
        {"dataset": "d", "runner": runner, "threads": threads, "batch": batch, "network": network, "ratio": value}
        for runner, threads, batch, ratio in rows
        for network, value in zip(NETWORKS, (1.0, ratio), strict=True)
        if (runner, network) != ("ONNX Runtime", "dense")
    )
    return cost, latency


def test_saving_is_dense_over_the_other_and_time_is_of_one_thread():
    table = smaller_report.saving(*costs())
    row = table.loc[("d", "half of the filters removed")]
    assert row["multiplications"] == 4 and row["weights that are not zero"] == 4 and row["memory"] == 2
    assert row["bytes, zipped"] == 2.5 and row["bytes, sparse"] == 2
    assert row["time, eager"] == 3 and row["time, eager, batch 1"] == 2 and row["time, ONNX Runtime"] == 3.5
    assert pd.isna(table.loc[("d", "dense"), "time, ONNX Runtime"])


def test_whole_filters_are_the_recalibrated_ones_with_the_guided_below():
    rows = [("uniform", "l1", 0.1, True, 2.0), ("uniform", "l1", 0.1, False, 9.0), ("global", "lamp", 0.1, True, 3.0)]
    filters = pd.DataFrame(rows, columns=["scope", "criterion", "ratio", "recalibrated", "frechet"]).assign(dataset="d")
    guided = pd.DataFrame({"way": ["guided", "uniform"], "ratio": 0.1, "recalibrated": True, "frechet": [1.5, 8.0]})
    table = smaller_report.whole_filters(filters, guided.assign(dataset="d"))
    assert table[("d", 0.1)].to_dict() == {
        ("uniform", "l1"): "2.00", ("global", "lamp"): "3.00", ("guided", "l2"): "1.50",
    }  # fmt: skip


def rounds():
    common = {"dataset": "d", "arm": "one_shot", "criterion": "magnitude", "parts": "both", "rewind": False}
    common |= {"discriminator_rate": 1.0, "balance": 0.5, "d_real": 0.7}
    return pd.DataFrame(
        common | {"kind": kind, "aimed_at": 8.0, "round": n, "d_fake": 0.1 * n, "alarm": alarm}
        for kind, alarms in (("masks", ("mode collapse", "")), ("filters", (float("nan"), "")))
        for n, alarm in enumerate(alarms, 1)
    )


def test_balance_is_of_the_last_round_and_counts_alarms():
    table = smaller_report.balance(rounds())
    assert table[8.0].to_dict() == {
        ("one_shot", "masks"): "0.70 / 0.20 / 0.50, alarm in 1 of 2",
        ("one_shot", "filters"): "0.70 / 0.20 / 0.50",
    }


@pytest.mark.parametrize("whole", [True, False])
def test_the_page_has_a_section_for_what_was_run(tmp_path, whole):
    (tmp_path / "tables").mkdir()
    runs = pd.DataFrame({"code_version": ["abc"], "seed": 0, "parameters": [{"n_quality": 5000}]})
    table = pd.DataFrame(
        {("d", 8.0): ["1.00 (1)", ""], ("d", 16.0): ["", ""], ("e", 2.0): ["", "3.00 (1)"]},
        index=pd.Index(["masks", "filters"], name="kind"),
    )
    shown = {"table": table, "best": pd.DataFrame({"seed": [0]})}
    if whole:
        shown |= {"saving": smaller_report.saving(*costs()), "balance": smaller_report.balance(rounds())}
    page = smaller_report.write_page(tmp_path, shown, runs, "| asked | here |").read_text()
    # A table for each data set, without what it has no run of.
    assert "## d\n" in page and "| kind | 8× |\n| --- | --- |\n| masks | 1.00 (1) |\n\n" in page
    assert "| kind | 2× |\n| --- | --- |\n| filters | 3.00 (1) |\n\n" in page
    assert "1 runs, code abc" in page and "| asked | here |" in page
    assert ("alarm in 1 of 2" in page) == ("Which filters" in page or whole) == whole
    assert "Which filters?" not in page


def test_the_figure_of_retraining_has_a_panel_for_each_kind_and_part():
    way = dict(dataset="d", seed=0, criterion="magnitude", parts="generator")
    rows = [way | dict(training="none", kind="dense", aimed_at=1.0, compression=1.0, frechet=1.0)]
    for training in ("none", "one-shot", "iterative"):
        for c in (2.0, 8.0):
            rows.append(way | dict(training=training, kind="masks", aimed_at=c, compression=c, frechet=2.0 + c))
    rows.append(way | dict(training="narrow", kind="filters", aimed_at=8.0, compression=8.1, frechet=1.5))
    figure = comparison_plots.retrained(pd.DataFrame(rows))
    masks, _, filters, _ = figure.axes
    assert masks.get_title() == "masks, generator pruned"
    assert sorted(len(line.get_xdata()) for line in masks.lines) == [2, 2, 2, 2]  # three arms and the dense line
    assert [line.get_marker() for line in filters.lines][0] == "*"
