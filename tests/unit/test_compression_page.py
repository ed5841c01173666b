"""The page on compression: what is divided by what, what is blank, which numbers it states, and every section."""

import pandas as pd
import pytest

from ganprune_utils.analysis import compression
from ganprune_utils.plots import compression as plots
from ganprune_utils.report import page

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


def cells():
    """Rows as of `compression.cells`: not retrained; retrained, the generator or both pruned; the dense control."""
    made = dict(dataset="d", seed=0, packed=10, macs=100, frechet_validation=1.0, score=2.0, ms=9.0, near=False)
    made |= dict(allocation="own", distillation=0.0, budget=0, pruned_network="generator", training="none", left=1000)
    trained = dict(training="one-shot", budget=480)
    dense = made | dict(granularity="dense", criterion="none", compression=1.0)
    rows = [dense | dict(frechet=1.0), dense | dict(training="dense", budget=480, frechet=0.9)]
    for criterion, bare, alone, both in (("magnitude", 3.0, 2.0, 4.0), ("random", 6.0, 2.2, 2.0)):
        pruned = made | dict(granularity="structured", criterion=criterion, compression=8.1, macs=25, ms=3.0)
        rows.append(pruned | dict(frechet=bare))
        rows.append(pruned | trained | dict(frechet=alone))
        rows.append(pruned | trained | dict(pruned_network="both", frechet=both))
    return named(pd.DataFrame(rows).assign(target_compression=lambda t: t.compression.round()))


def named(rows):
    return rows.assign(method=[compression.method(row) for row in rows.itertuples()])


def only(table):
    """The one row of a table."""
    assert len(table) == 1
    return table.iloc[0].to_dict()


def test_findings_are_computed():
    found = compression.findings(cells())
    assert only(found["made_worse"]) == {"dataset": "d", "networks": 4, "worse": 1, "lowest": 8.0, "left_out": 0}
    assert only(found["both_pruned"]) == {"dataset": "d", "pairs": 2, "worse": 1}
    best = only(found["without_retraining"])
    assert (best["method"], best["frechet"]) == ("filters: L2 norm", 3.0)
    assert best["target_compression"] == 8 and best["frechet_dense"] == 1.0
    assert found["allocation"].empty and found["distilled"].empty


def test_what_is_near_one_image_is_neither_better_nor_worse():
    rows = cells().assign(near=lambda t: t.frechet == 4.0)  # by magnitude, both pruned
    found = compression.findings(rows)
    worse = only(found["made_worse"])
    assert (worse["networks"], worse["worse"], worse["left_out"]) == (3, 0, 1)
    assert only(found["both_pruned"]) == {"dataset": "d", "pairs": 1, "worse": 0}
    before = cells().assign(near=lambda t: t.frechet == 3.0)  # by magnitude, not retrained
    found = compression.findings(before)
    assert only(found["made_worse"])["left_out"] == 2 and only(found["without_retraining"])["frechet"] == 6.0


def test_distillation_is_compared_seed_by_seed_and_masks_at_the_allocation_of_filters():
    rows = cells()
    plain = rows[(rows.training == "one-shot") & (rows.criterion == "magnitude") & (rows.pruned_network == "generator")]
    more = [plain.assign(distillation=10.0, frechet=1.5), plain.assign(seed=1), plain.assign(budget=4800)]
    more += [plain.assign(seed=1, distillation=10.0, frechet=1.9)]
    bare = rows[(rows.training == "none") & (rows.criterion == "magnitude")].assign(granularity="unstructured")
    more += [bare.assign(frechet=0.5), bare.assign(allocation="as_filters", frechet=0.7)]
    found = compression.findings(named(pd.concat([rows, *more])))
    assert only(found["distilled"]) == {
        "dataset": "d", "granularity": "structured", "target_compression": 8.0, "budget": 480, "pairs": 2, "better": 2,
    }  # fmt: skip
    assert list(only(found["allocation"]).values()) == ["d", 8.0, 0.5, 0.7, 3.0]


def test_retraining_that_made_nothing_worse():
    rows = cells()[lambda t: t.pruned_network == "generator"]
    worse = only(compression.findings(rows)["made_worse"])
    assert worse["worse"] == 0 and worse["networks"] == 2 and pd.isna(worse["lowest"])


def values(rows, cost):
    """What the template is given, as in the report's notebook."""
    beside = compression.with_unretrained(rows)
    plain = compression.is_plain(beside)
    trained = compression.pruned_and_trained(rows)
    return dict(
        findings=compression.findings(rows), table=compression.one_table(beside[plain]),
        tried=compression.one_table(beside[~plain]), saving=compression.saving(*cost),
        filters=EMPTY, training_step=EMPTY, one_image={"d": 30.0}, near="75 %", count=5000,
        n_real=["5,000"], draws=3, steps=len(trained), compression=8.0, anew=["d seed 1"] * bool(len(trained)),
        retraining={"batch_size": 128},
    )  # fmt: skip


@pytest.mark.parametrize("whole", [True, False])
def test_the_page_has_a_section_for_what_was_run(tmp_path, whole):
    runs = pd.DataFrame({"code_version": ["abc"], "seed": 0, "parameters": [{"n_quality": 5000}]})
    rows = cells() if whole else cells()[lambda t: t.training == "none"]
    filled = values(rows, costs() if whole else (EMPTY, EMPTY))
    if whole:
        allocation = {"dataset": "d", "target_compression": [2.0, 8.0], "own": 0.5, "as_filters": 0.7, "filters": 3.0}
        filled["findings"]["allocation"] = pd.DataFrame(allocation)
        distilled = {"dataset": "d", "granularity": "structured", "target_compression": 8.0, "budget": [480, 4800]}
        filled["findings"]["distilled"] = pd.DataFrame(distilled | {"pairs": 3, "better": [2, 1]})
    text = page.write_page("compression", tmp_path, runs, **filled).read_text()
    end, blank = (" 2.00 (1) |\n", " 0.90 (1) |\n") if whole else ("\n", "\n")
    assert (
        f"### d\n\n| compression | method | parameters | MACs | ms | not retrained |{' 480 steps |' * whole}\n" in text
    )
    assert f"| 8× | filters: L2 norm | 1 | 2.5e-05 | 3 | 3.00 (1) |{end}" in text
    assert f"| 1× | dense | 1 | 0.0001 | 9 | 1.00 (1) |{blank}" in text
    assert "1 runs, code abc" in text and "30.0 (d)" in text and "[runs.jsonl](tables/runs.jsonl)" in text
    assert "(5,000 generated against 5,000 real test images" in text and "UGC (Ren et al. 2023)" in text
    assert "| d | 8× | filters: L2 norm | 3.00 | 1.00 |\n" in text
    for words in (
        "| 8× | filters: L2 norm, D alike | 1 | 2.5e-05 | 3 | 3.00 (1) | 4.00 (1) |\n",
        "time, ONNX Runtime",
        "| d | 2× | 0.50 | 0.70 | 3.00 |\n| d | 8× | 0.50 | 0.70 | 3.00 |\n",
        "| d | filters | 8× | 480 | 2 of 3 |\n| d | filters | 8× | 4,800 | 1 of 3 |\n",
        "- d: retraining made 1 of 4 networks worse, all at 8× or more.\n- d: pruning",
        "pruning the discriminator as well gave worse images in 1 of 2 cases.\n- Masked",
        "d seed 1 were trained anew",
        "figures/steps.png",
    ):
        assert (words in text) == whole, words
    assert "Which filters?" not in text and "\n\n\n\n" not in text


def test_the_figure_over_steps_has_a_line_for_each_method_that_was_retrained():
    plain = cells()[lambda t: (t.training != "none") & (t.pruned_network == "generator")]
    longer = [plain.assign(budget=4800, frechet=1.5), plain.assign(budget=4800, seed=1, frechet=1.7)]
    distilled = plain[plain.granularity != "dense"].assign(distillation=10.0)
    scratch = distilled.iloc[[0]].assign(training="scratch", criterion="none", distillation=0.0)
    bare = cells()[lambda t: (t.training == "none") & (t.criterion == "magnitude")]
    never = bare.assign(granularity="unstructured")  # not retrained, so not drawn
    rows = named(pd.concat([cells(), *longer, distilled, scratch, never]))
    rows = compression.with_unretrained(rows)
    figure = plots.over_steps(rows[compression.is_plain(rows)], {"d": 30.0})
    [axis] = figure.axes
    assert axis.get_title() == "d, 8× compression"
    assert [t.get_text() for t in axis.get_xticklabels()] == ["not retrained", "480 steps", "4,800 steps"]
    drawn = {line.get_label(): list(line.lines[0].get_ydata()) for line in axis.containers}
    assert drawn == {
        "dense": [1.0, 0.9, 1.6],
        "filters: L2 norm": [3.0, 2.0, 1.6],
        "filters: L2 norm, distilled": [3.0, 2.0],
        "small dense, from scratch": [2.0],
    }
