"""The page on smaller generators: what is divided by what, what is blank, and that every section is there."""

import pandas as pd
import pytest

from ganprune_utils import comparison_plots, smaller_findings, smaller_report
from ganprune_utils.balance import alarms

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
    assert table[("d", "10 %")].to_dict() == {
        ("uniform", "l1"): "2.00", ("global", "lamp"): "3.00", ("guided", "l2"): "1.50",
    }  # fmt: skip


def rounds():
    common = {"dataset": "d", "arm": "one_shot", "criterion": "magnitude", "parts": "both", "rewind": False}
    common |= {"discriminator_rate": 1.0, "balance": 0.5, "d_real": 0.7, "steps": 60, "steps_since_pruning": 30}
    return pd.DataFrame(
        common | {"kind": kind, "aimed_at": 8.0, "round": n, "d_fake": 0.1 * n, "alarm": alarm}
        for kind, said in (("masks", ("mode collapse: coverage 0.1", "")), ("filters", (float("nan"), "")))
        for n, alarm in enumerate(said, 1)
    )


def test_balance_is_of_the_last_round_and_counts_alarms():
    table = smaller_report.balance(rounds())
    assert table[8.0].to_dict() == {
        ("one_shot", "masks"): "0.70 / 0.20 / 0.50; of 2 rounds: coverage 1",
        ("one_shot", "filters"): "0.70 / 0.20 / 0.50",
    }


def test_alarms_are_counted_by_what_balance_says():
    record = {"classes": 2, "coverage": 0.1, "d_real": 0.99, "d_fake": 0.01}
    said = "; ".join(alarms(record, {"classes": 10, "coverage": 0.5}))
    for name, text in smaller_report.ALARMS.items():
        assert said.count(text) == 1, name


def cells():
    """Rows as of `smaller.cells`: not retrained, one arm on the generator alone, one on both, and the dense control."""
    way = dict(dataset="d", seed=0, packed=10, macs=100, frechet_choose=1.0) | {"ms, batch 1": 4.0, "ms, batch 64": 9.0}
    rows = [
        way | dict(training="none", parts="generator", kind="dense", criterion="none", compression=1.0, frechet=1.0)
    ]
    rows.append(rows[0] | dict(training="dense", frechet=0.9))
    for criterion, bare, alone, both in (("magnitude", 3.0, 2.0, 4.0), ("random", 6.0, 2.2, 2.0)):
        pruned = way | dict(kind="filters", criterion=criterion, compression=8.1, macs=25, packed=2)
        pruned |= {"ms, batch 1": 2.0, "ms, batch 64": 3.0}
        rows.append(pruned | dict(training="none", parts="generator", frechet=bare))
        rows.append(pruned | dict(training="one-shot", parts="generator", frechet=alone))
        rows.append(pruned | dict(training="one-shot", parts="both", frechet=both))
    return pd.DataFrame(rows).assign(aimed_at=lambda t: t.compression.round())


def test_costs_are_dense_over_pruned():
    row = smaller_report.costs(cells()).loc[("d", "filters", 8.0)]
    assert row.to_dict() == {
        "parameters not zero": 8.1, "multiplications": 4, "bytes": 5, "time, batch 64": 3, "time, batch 1": 2,
    }  # fmt: skip


def test_retraining_stands_beside_what_was_not_retrained():
    table = smaller_report.paying(cells())
    assert table.loc[("d", "filters", "magnitude", "both")].to_list() == ["3.00", "4.00"]
    assert table.loc[("d", "filters", "random", "generator")].to_list() == ["6.00", "2.20"]
    assert list(table.columns) == [(8.0, "not retrained"), (8.0, "one-shot")]


def test_findings_are_computed():
    found = "\n".join(smaller_findings.findings(cells(), pd.DataFrame()))
    assert "retraining made 1 of 4 networks worse than not retraining, none of them below 8×." in found
    assert "instead of the generator alone gave worse images in 1 of 2 cells." in found
    assert "with random pruning is 0.50 to 1.10 times that with magnitude, median 0.80 (2 cells)" in found
    assert "the best of each: filters 2.00 at 8×; the dense pair trained as long 0.90." in found
    narrow = cells().iloc[[-1]].assign(training="narrow", frechet=1.5)
    found = "\n".join(smaller_findings.findings(pd.concat([cells(), narrow]), pd.DataFrame()))
    assert "together, has 1.50, the best of the pruned and retrained by filters 2.00." in found
    assert "d, not retrained, 8 times smaller: of the table's criteria at best 3.00 by filters (magnitude)" in found


def test_what_helped_what_broke_and_what_was_hoped_for_is_said():
    slower = cells().iloc[[3]].assign(parts="generator, D at 0.5 of its rate", frechet=2.5)
    broken = cells().assign(score=lambda t: 1.0 + (t.frechet != 3.0))  # of what is not retrained, by magnitude
    latency = pd.DataFrame(
        {"network": "half of the filters removed", "threads": 1, "batch": 64, "runner": ["eager", "eager", "onnx"],
         "ratio": [2.7, 3.1, 3.2]}
    )  # fmt: skip
    found = "\n".join(smaller_findings.findings(pd.concat([broken, slower]), latency))
    assert "d, a discriminator that learns more slowly (filters, one-shot): 2.50 for 2.00 at 8×." in found
    assert (
        "d: filters by magnitude, 8 times smaller, not retrained, give one image whatever the noise in 1 of 1 seeds"
        in found
    )
    assert "3 times hoped for: eager 2.70 to 3.10 times (missed), onnx 3.20 to 3.20 times (met)." in found
    assert found.count("whatever the noise") == 1


def test_energy_is_shown_or_said_to_be_missing():
    rows = pd.DataFrame({"dataset": "d", "seed": 0, "network": ["dense"], "joules_per_1000": [12.3456]})
    assert "| d | dense | 12.35 |" in smaller_report.energy(rows)
    assert smaller_report.energy(rows.assign(joules_per_1000=float("nan"))).startswith("There was no energy counter")
    assert smaller_report.energy(pd.DataFrame()) == ""


def test_the_checklist_answers_for_retraining_apart():
    table = smaller_findings.checklist(cells())
    assert table.loc["random pruning as baseline"].to_list() == ["d: filters", "d: filters"]
    alone = smaller_findings.checklist(cells()[lambda t: t.training.isin(["none", "dense"])])
    assert list(alone.columns) == ["without retraining"]
    bare = cells()[lambda t: (t.training != "one-shot") | (t.criterion == "magnitude")]
    assert smaller_findings.checklist(bare).loc["random pruning as baseline", "with retraining"] == "d: no"


@pytest.mark.parametrize("whole", [True, False])
def test_the_page_has_a_section_for_what_was_run(tmp_path, whole):
    (tmp_path / "tables").mkdir()
    runs = pd.DataFrame({"code_version": ["abc"], "seed": 0, "parameters": [{"n_quality": 5000}]})
    table = pd.DataFrame(
        {("d", 8.0): ["1.00 (1)", ""], ("d", 16.0): ["", ""], ("e", 2.0): ["", "3.00 (1)"]},
        index=pd.Index(["masks", "filters"], name="kind"),
    )
    shown = {"table": table, "ssim": table, "best": pd.DataFrame({"seed": [0]})}
    shown |= {"costs": smaller_report.costs(cells()), "checklist": smaller_findings.checklist(cells())}
    if whole:
        shown |= {"saving": smaller_report.saving(*costs()), "balance": smaller_report.balance(rounds())}
        shown["paying"] = smaller_report.paying(cells())
    made = rounds() if whole else pd.DataFrame()
    page = smaller_report.write_page(
        tmp_path, shown, runs, made, findings=["it is so"], ruined={"d": 30.0}, energy=""
    ).read_text()
    # A table for each data set, without what it has no run of.
    assert "### d\n" in page and "| kind | 8× |\n| --- | --- |\n| masks | 1.00 (1) |\n\n" in page
    assert "| kind | 2× |\n| --- | --- |\n| filters | 3.00 (1) |\n\n" in page
    assert "1 runs, code abc" in page and "- it is so\n" in page and "30.0 (d)" in page
    for title in ("Does retraining pay?", "of 2 rounds: coverage 1", "time, ONNX Runtime"):
        assert (title in page) == whole
    assert "Which filters?" not in page and "\n\n\n\n" not in page


def test_the_figure_of_retraining_has_a_panel_for_each_kind_and_part():
    way = dict(dataset="d", seed=0, criterion="magnitude", parts="generator")
    rows = [way | dict(training="none", kind="dense", aimed_at=1.0, compression=1.0, frechet=1.0)]
    for training in ("none", "one-shot", "iterative"):
        for c in (2.0, 8.0):
            rows.append(way | dict(training=training, kind="masks", aimed_at=c, compression=c, frechet=2.0 + c))
    rows.append(rows[-1] | dict(training="one-shot", parts="generator, D at 0.5 of its rate"))
    rows.append(way | dict(training="narrow", kind="filters", aimed_at=8.0, compression=8.1, frechet=1.5))
    figure = comparison_plots.retrained(pd.DataFrame(rows), {"d": 30.0})
    masks, missing, filters, both = figure.axes
    assert [text.get_text() for text in missing.texts] == ["not run"] and not missing.lines
    assert masks.get_title() == "masks, generator pruned"
    # Four arms, one of them of one point, the dense line and that of one image repeated.
    assert sorted(len(line.get_xdata()) for line in masks.lines) == [1, 2, 2, 2, 2, 2]
    assert "*" in [line.get_marker() for line in filters.lines]
    assert "*" not in [line.get_marker() for line in both.lines]
