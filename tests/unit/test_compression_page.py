"""The page on compression: what is divided by what, what is blank, which numbers it states, and every section."""

import pandas as pd
import pytest

from ganprune_utils.analysis import compression
from ganprune_utils.plots import compression as plots
from ganprune_utils.report import page
from ganprune_utils.training.balance import alarms

NETWORKS = ["dense", "half of the filters removed"]
EMPTY = pd.DataFrame()


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
    table = compression.saving(*costs())
    row = table.loc[("d", "half of the filters removed")]
    assert row["multiplications"] == 4 and row["weights that are not zero"] == 4 and row["memory"] == 2
    assert row["bytes, zipped"] == 2.5 and row["bytes, sparse"] == 2
    assert row["time, eager"] == 3 and row["time, eager, batch 1"] == 2 and row["time, ONNX Runtime"] == 3.5
    assert pd.isna(table.loc[("d", "dense"), "time, ONNX Runtime"])


def test_whole_filters_are_the_recalibrated_ones_with_the_guided_below():
    rows = [("uniform", "l1", 0.1, True, 2.0), ("uniform", "l1", 0.1, False, 9.0), ("global", "lamp", 0.1, True, 3.0)]
    filters = pd.DataFrame(rows, columns=["scope", "criterion", "ratio", "recalibrated", "frechet"]).assign(dataset="d")
    guided = pd.DataFrame({"method": ["guided", "uniform"], "ratio": 0.1, "recalibrated": True, "frechet": [1.5, 8.0]})
    table = compression.whole_filters(filters, guided.assign(dataset="d"))
    assert table[("d", "10 %")].to_dict() == {
        ("uniform", "l1"): "2.00", ("global", "lamp"): "3.00", ("guided", "l2"): "1.50",
    }  # fmt: skip


def rounds():
    common = {"dataset": "d", "schedule": "one_shot", "criterion": "magnitude", "pruned_network": "both"}
    common |= {"rewind": False, "discriminator_rate": 1.0, "balance": 0.5, "d_real": 0.7}
    common |= {"steps": 60, "steps_since_pruning": 30}
    texts = {"unstructured": ("mode collapse: coverage 0.1", ""), "structured": (float("nan"), "")}
    return pd.DataFrame(
        common | {"granularity": granularity, "target_compression": 8.0, "round": n, "d_fake": 0.1 * n, "alarm": alarm}
        for granularity, each in texts.items()
        for n, alarm in enumerate(each, 1)
    )


def test_balance_is_of_the_last_round_and_counts_alarms():
    table = compression.balance(rounds())
    assert table.index.to_list() == [("one_shot", "unstructured", 8.0), ("one_shot", "structured", 8.0)]
    assert list(table.columns) == ["D(x)", "D(G(z))", "balance ratio", "rounds", "classes", "coverage", "D wins"]
    assert table.to_numpy().tolist() == [["0.70", "0.20", "0.50", 2, 0, 1, 0], ["0.70", "0.20", "0.50", 2, 0, 0, 0]]


def test_alarms_are_counted_by_what_balance_says():
    record = {"classes": 2, "coverage": 0.1, "d_real": 0.99, "d_fake": 0.01}
    lines = "; ".join(alarms(record, {"classes": 10, "coverage": 0.5}))
    for name, text in compression.ALARMS.items():
        assert lines.count(text) == 1, name


def test_steps_that_are_left_after_the_last_pruning():
    iterative = rounds().assign(schedule="iterative", steps=90)
    assert compression.steps_left(pd.concat([rounds(), iterative])) == (90, {8.0: 30})
    assert compression.steps_left(rounds()) == (60, {}) and compression.steps_left(EMPTY) == (0, {})


def cells():
    """Rows as of `compression.cells`: not retrained; retrained, the generator or both pruned; the dense control."""
    made = dict(dataset="d", seed=0, packed=10, macs=100, frechet_validation=1.0, score=2.0)
    made |= {"ms, batch 1": 4.0, "ms, batch 64": 9.0}
    dense = dict(pruned_network="generator", granularity="dense", criterion="none", compression=1.0)
    rows = [made | dense | dict(training="none", frechet=1.0), made | dense | dict(training="dense", frechet=0.9)]
    for criterion, bare, alone, both in (("magnitude", 3.0, 2.0, 4.0), ("random", 6.0, 2.2, 2.0)):
        pruned = made | dict(granularity="structured", criterion=criterion, compression=8.1, macs=25, packed=2)
        pruned |= {"ms, batch 1": 2.0, "ms, batch 64": 3.0}
        rows.append(pruned | dict(training="none", pruned_network="generator", frechet=bare))
        rows.append(pruned | dict(training="one-shot", pruned_network="generator", frechet=alone))
        rows.append(pruned | dict(training="one-shot", pruned_network="both", frechet=both))
    return pd.DataFrame(rows).assign(target_compression=lambda t: t.compression.round())


def test_costs_are_dense_over_pruned():
    row = compression.costs(cells()).loc[("d", "structured", 8.0)]
    assert row.to_dict() == {
        "parameters not zero": 8.1, "multiplications": 4, "bytes": 5, "time, batch 64": 3, "time, batch 1": 2,
    }  # fmt: skip


def test_retraining_stands_beside_what_was_not_retrained():
    table = compression.paying(cells())
    assert table.loc[("d", "structured", "magnitude", "both")].to_list() == ["3.00", "4.00"]
    assert table.loc[("d", "structured", "random", "generator")].to_list() == ["6.00", "2.20"]
    assert list(table.columns) == [("8×", "not retrained"), ("8×", "one-shot")]


def only(table):
    """The one row of a table."""
    assert len(table) == 1
    return table.iloc[0].to_dict()


def test_findings_are_computed():
    found = compression.findings(cells(), EMPTY)
    assert only(found["made_worse"]) == {"dataset": "d", "networks": 4, "worse": 1, "lowest": 8.0}
    assert only(found["both_pruned"]) == {"dataset": "d", "pairs": 2, "worse": 1}
    ratio = only(found["random_pruning"])
    assert ratio["low"] == 0.5 and ratio["high"] == pytest.approx(1.1) and ratio["pairs"] == 2
    assert ratio["median"] == pytest.approx(0.8)
    after = found["after_training"].loc["d"]
    assert after.loc["structured, retrained", "8×"] == "2.00" and after.loc["dense, trained as long", "1×"] == "0.90"
    best = only(found["without_retraining"])
    assert (best["granularity"], best["criterion"], best["frechet"]) == ("structured", "magnitude", 3.0)
    assert best["target_compression"] == 8 and best["frechet_dense"] == 1.0
    scratch = cells().iloc[[-1]].assign(training="scratch", frechet=1.5)
    after = compression.findings(pd.concat([cells(), scratch]), EMPTY)["after_training"].loc["d"]
    assert after.loc["small dense, trained from scratch", "8×"] == "1.50"
    assert after.loc["structured, retrained", "8×"] == "2.00"


def test_retraining_that_made_nothing_worse():
    rows = cells()[lambda t: t.pruned_network == "generator"]
    worse = only(compression.findings(rows, EMPTY)["made_worse"])
    assert worse["worse"] == 0 and worse["networks"] == 2 and pd.isna(worse["lowest"])


def slower_broken_and_timed():
    """Cells with a slower discriminator and a network that gives one image, and latencies of two runners."""
    slower = cells().iloc[[3]].assign(pruned_network="generator, D at 0.5 of its rate", frechet=2.5)
    broken = cells().assign(score=lambda t: 1.0 + (t.frechet != 3.0))  # of what is not retrained, by magnitude
    latency = pd.DataFrame(
        {"network": "half of the filters removed", "threads": 1, "batch": 64, "runner": ["eager", "eager", "onnx"],
         "ratio": [2.7, 3.1, 3.2]}
    )  # fmt: skip
    return pd.concat([broken, slower]), latency


def test_what_helped_what_broke_and_what_was_hoped_for():
    found = compression.findings(*slower_broken_and_timed())
    helped = only(found["slower_discriminator"])
    assert (helped["granularity"], helped["training"], helped["target_compression"]) == ("structured", "one-shot", 8)
    assert (helped["frechet"], helped["frechet_without"]) == (2.5, 2.0)
    assert only(found["one_image"]) == {
        "dataset": "d", "granularity": "structured", "criterion": "magnitude", "target_compression": 8.0,
        "collapsed": 1, "seeds": 1,
    }  # fmt: skip
    speed = found["speed"].set_index("runner")
    assert speed.loc["eager", ["low", "high", "goal", "met"]].to_list() == [2.7, 3.1, 3.0, False]
    assert speed.loc["onnx", ["low", "high", "goal", "met"]].to_list() == [3.2, 3.2, 3.0, True]


def test_the_checklist_answers_for_retraining_apart():
    answers = compression.checklist(cells())
    assert [own["random"] for own in answers.values()] == [{"d": ["structured"]}, {"d": ["structured"]}]
    assert answers["with retraining"]["seeds"] == {"d": 1} and answers["with retraining"]["compressions"] == [8]
    alone = compression.checklist(cells()[lambda t: t.training.isin(["none", "dense"])])
    assert list(alone) == ["without retraining"]
    bare = cells()[lambda t: (t.training != "one-shot") | (t.criterion == "magnitude")]
    assert compression.checklist(bare)["with retraining"]["random"] == {"d": []}


def values(rows, latency, cost, made):
    """What the template is given, as in the report's notebook."""
    table = pd.DataFrame(
        {("d", 8.0): ["1.00 (1)", ""], ("d", 16.0): ["", ""], ("e", 2.0): ["", "3.00 (1)"]},
        index=pd.Index(["unstructured", "structured"], name="granularity"),
    )
    steps, left = compression.steps_left(made)
    by_dataset = compression.by_dataset(table)
    return dict(
        findings=compression.findings(rows, latency), table=by_dataset, ssim=by_dataset, costs=compression.costs(rows),
        saving=compression.saving(*cost), paying=compression.paying(rows), balance=compression.balance(made),
        best=pd.DataFrame({"seed": [0]}), filters=EMPTY, training_step=EMPTY, checklist=compression.checklist(rows),
        collapsed={"d": 30.0}, tolerance="5 %", count=5000, n_real=["5,000"], width=[64], draws=3,
        steps=steps, left=left, retraining={"batch_size": 128, "n_round": 1000},
    )  # fmt: skip


@pytest.mark.parametrize("whole", [True, False])
def test_the_page_has_a_section_for_what_was_run(tmp_path, whole):
    runs = pd.DataFrame({"code_version": ["abc"], "seed": 0, "parameters": [{"n_quality": 5000}]})
    rows, latency = slower_broken_and_timed()
    if not whole:
        rows, latency = cells()[lambda t: t.training == "none"], EMPTY
    filled = values(rows, latency, costs() if whole else (EMPTY, EMPTY), rounds() if whole else EMPTY)
    text = page.write_page("compression", tmp_path, runs, **filled).read_text()
    # A table for each data set, without what it has no run of.
    assert "### d\n" in text and "| granularity | 8× |\n| --- | --- |\n| unstructured | 1.00 (1) |\n\n" in text
    assert "| granularity | 2× |\n| --- | --- |\n| structured | 3.00 (1) |\n\n" in text
    assert "1 runs, code abc" in text and "30.0 (d)" in text and "[runs.jsonl](tables/runs.jsonl)" in text
    assert "(5,000 generated against 5,000 real test images" in text
    assert (
        "- d, not retrained, at 8×: of the table's criteria at best 3.00 structured (magnitude); dense 1.00.\n" in text
    )
    for words in (
        "Does retraining pay?",
        "| one_shot | unstructured | 8 | 0.70 | 0.20 | 0.50 | 2 | 0 | 1 | 0 |",
        "time, ONNX Runtime",
        "- d: retraining made 1 of 5 networks worse than not retraining, none of them below 8×.\n",
        "instead of the generator alone gave worse images in 1 of 2 cases.\n",
        "with random pruning is 0.50 to 1.10 times that with magnitude, median 0.80 (2 pairs).\n",
        "| d | structured, retrained |  | 2.00 |\n",
        "| d | dense, trained as long | 0.90 |  |\n",
        "- d, a discriminator that learns more slowly (structured, one-shot): 2.50 for 2.00 at 8×.\n",
        "3 times hoped for: eager 2.70 to 3.10 times (missed), onnx 3.20 to 3.20 times (met).\n",
        "| asked | without retraining | with retraining |\n| --- | --- | --- |\n",
        "| random pruning as baseline | d: structured | d: structured |\n",
        "60 steps of 128 images in all",
    ):
        assert (words in text) == whole, words
    broken = "structured pruning by magnitude, at 8×, not retrained, gives one image whatever the noise in 1 of 1 seeds"
    assert text.count("whatever the noise") == text.count(broken) == whole
    assert "Which filters?" not in text and "\n\n\n\n" not in text


def test_the_figure_of_retraining_has_a_panel_for_each_granularity_and_network():
    made = dict(dataset="d", seed=0, criterion="magnitude", pruned_network="generator")
    rows = [
        made | dict(training="none", granularity="dense", target_compression=1.0, compression=1.0, frechet=1.0),
    ]
    for training in ("none", "one-shot", "iterative"):
        for c in (2.0, 8.0):
            row = dict(training=training, granularity="unstructured", target_compression=c, compression=c)
            rows.append(made | row | dict(frechet=2.0 + c))
    rows.append(rows[-1] | dict(training="one-shot", pruned_network="generator, D at 0.5 of its rate"))
    scratch = dict(training="scratch", granularity="structured", target_compression=8.0, compression=8.1, frechet=1.5)
    rows.append(made | scratch)
    figure = plots.retrained(pd.DataFrame(rows), {"d": 30.0})
    unstructured, missing, structured, both = figure.axes
    assert [text.get_text() for text in missing.texts] == ["not run"] and not missing.lines
    assert unstructured.get_title() == "unstructured, generator pruned"
    # Four configurations, one of them of one point, the dense line and that of one image repeated.
    assert sorted(len(line.get_xdata()) for line in unstructured.lines) == [1, 2, 2, 2, 2, 2]
    assert "*" in [line.get_marker() for line in structured.lines]
    assert "*" not in [line.get_marker() for line in both.lines]
