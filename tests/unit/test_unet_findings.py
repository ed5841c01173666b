"""What the page on pruned U-Nets says follows from the tables."""

import json

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from matplotlib.figure import Figure

from ganprune_utils.analysis import equal_cost, unet_layers, unet_tables
from ganprune_utils.analysis.formatting import signed
from tests.conftest import ROOT

LAYERS = ("down1", "down3", "down5", "up4", "up2")
RANKING = pd.DataFrame(
    {"task": "edges", "fine_tuned": fine_tuned, "layer": layer, "at_half": rise, "critical_sparsity": None}
    for fine_tuned, rises in ((False, (0.9, 0.5, 0.1, 0.3, 0.7)), (True, (0.00, 0.01, 0.04, 0.02, 0.005)))
    for layer, rise in zip(LAYERS, rises, strict=True)
)
COMPARISONS = pd.DataFrame(
    [
        ("depth reduction", "inner", "macs", "a", 0.1, False, True),  # the other proposed method: no baseline
        ("depth reduction", "outer", "macs", "a", -0.02, True, False),
        ("inner", "outer", "macs", "a", -0.02, True, False),
        ("inner", "uniform", "macs", "a", 0.01, False, True),
        ("inner", "random", "parameters", "b", 0.001, False, False),
        ("inner", "small dense 9", "parameters", "b", 0.07, False, True),
    ],
    columns=["proposed", "against", "measure", "target", "difference", "better", "worse"],
).assign(task="edges", low=-0.03, high=0.08)
ROWS = pd.DataFrame(
    [("dense", "-", "-", 0.10, 0.5, 200, 20, "8 16 | 8"), ("inner", "macs", "a", 0.11, 3.0, 100, 15, "8 8 | 8"),
     ("outer", "macs", "a", 0.13, 4.0, 100, 18, "4 16 | 4"), ("uniform", "macs", "a", 0.12, 2.0, 100, 10, "6 9 | 6"),
     ("lamp", "macs", "a", 0.14, 4.0, 100, 12, "8 9 | 7"),
     ("depth reduction", "both", "a", 0.14, 5.0, 100, 10, "8 | "),
     ("inner", "parameters", "b", 0.15, 1.0, 150, 5, "8 4 | 8"),
     ("random", "parameters", "b", 0.30, 1.5, 50, 5, "4 8 | 4"),
     ("random", "parameters", "b", 0.20, 1.5, 50, 5, "4 8 | 4"),
     ("small dense 9", "parameters", "b", 0.20, 9.0, 40, 5, "4 8 | 4")],
    columns=["method", "measure", "target", "l1", "frechet", "macs", "parameters", "widths"],
).assign(task="edges", run=[0] * 8 + [1, 0], ssim=0.5)  # fmt: skip
NO_LOSS = pd.DataFrame(
    {"task": "edges", "method": ["outer", "inner", "small dense 9"], "measure": ["macs", "macs", "parameters"],
     "target": ["a", "a", "b"], "margin": 0.02, "difference": [0.05, 0.2, 0.0], "low": [0.04, 0.1, 0],
     "high": [0.06, 0.3, 0], "no_loss": [False, False, True], "of the gain": [0.5, 2.0, 0.0],
     "macs saved": [0.4, 0.5, 0.9], "parameters saved": [0.1, 0.2, 0.9]}
)  # fmt: skip
MORE = pd.DataFrame(
    {"task": "edges", "measure": "macs", "target": "a", "method": ["dense", "inner", "uniform"] * 2,
     "steps": [10] * 3 + [90] * 3, "l1": [0.2, 0.22, 0.4, 0.1, 0.105, 0.101]}
)  # fmt: skip
TABLES = {
    "unet-equal-cost": ROWS, "unet-no-loss": NO_LOSS, "unet-ranking": RANKING, "unet-comparisons": COMPARISONS,
    "unet-more-steps": MORE,
    "unet-latency": pd.DataFrame({"task": "edges", "method": ["dense", "inner", "uniform", "depth reduction", "random"],
                                  "measure": ["-", "macs", "macs", "both", "parameters"],
                                  "target": ["-", "a", "a", "a", "b"], "median": [30, 20, 15, 17.14, 10],
                                  "times faster": [1, 1.5, 2.0, 1.75, 3.0]}),
    "unet-scan": pd.DataFrame({"task": "edges", "layer": ["down.down1.conv"] * 4 + ["up.up2.conv"] * 4,
                               "ratio": [0.5, 0.5, 0.9, 0.9] * 2, "fine_tuned": [False, True] * 4,
                               "l1": [0.1, 0.2, 0.3, 0.2, 0.3, 0.1, 0.3, 0.1]}),
    "unet-reference": pd.DataFrame({"task": "edges", "run": 0, "fine_tuned": [False, True], "l1": 0.1}),
    "unet-dead": pd.DataFrame({"task": ["edges"], "parameters dead": [0.38], "macs dead": [0.07]}),
    "trained": pd.DataFrame({"task": "edges", "seed": 0, "ngf": [64, 64], "answer": ["the U-Net", "the mean picture"],
                             "l1": [0.05, 0.23456]}),
    "history": pd.DataFrame({"task": "edges", "ngf": [9, 64, 64, 9], "d_real": [0, 0.5, 0.99, 1],
                             "d_fake": [1, 0.5, 0, 0]}),
}  # fmt: skip
DCGAN = pd.DataFrame({"task": "edges", "layer": ["layers.c1", "layers.c2"] * 2, "ratio": [0.5, 0.5, 0.9, 0.9],
                      "times_dense": [2.0, 3.0, 8.0, 9.0]})  # fmt: skip
RUNS = [{"n_seeds": 4, "steps": 70, "n_test": 0, "margin": 0.03, "margin_of_gain": 0.2},
        {"epochs": 5, "decay_epochs": 1, "batch_size": 8}]  # fmt: skip
REPORT = ROOT / "notebooks/report/unets.ipynb"


def page_of(tables, folder, dcgan=DCGAN, draws=False, task="edges"):
    """The page that the report notebook writes of these tables, and its values; figures are empty unless it draws.

    The notebook's cells are run here, without a kernel.
    """
    source = folder / "results"
    source.mkdir()
    for name, table in tables.items():
        table.assign(task=task).to_csv(source / f"{name}.csv", index=False)
    lines = [json.dumps({"parameters": parameters | {"task": task}, "code_version": "abc"}) for parameters in RUNS]
    (source / "runs.jsonl").write_text("\n".join(lines) + "\n")
    values = {"results": str(source), "dcgan": "", "output": str(folder / "page")}
    code = [cell.source for cell in nbformat.read(REPORT, as_version=4).cells if cell.cell_type == "code"]
    code.insert(1, "\n".join(f"{name} = {value!r}" for name, value in values.items()))
    namespace = {"__annotations__": {}}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("IPython.display.display", lambda *shown: None)
        patched.setattr(unet_layers, "dcgan_layers", lambda _: dcgan)
        if not draws:
            patched.setattr(Figure, "savefig", lambda figure, path: path.touch())
        for cell in code:
            exec(compile(cell, str(REPORT), "exec"), namespace)
    plt.close("all")
    return (folder / "page/README.md").read_text(), namespace["page"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return page_of(TABLES, tmp_path_factory.mktemp("whole"), draws=True)


@pytest.fixture(scope="module")
def text(written):
    return " ".join(written[0].split())  # lines end where they like


def test_the_page_says_what_was_asked_by_the_parameters_of_the_runs(text):
    for words in (
        "*edges* to a picture of Fashion-MNIST", "for 5 epochs", "on 70 batches of 8 pairs", "4 times",
        "on all test pairs", "below 3 %", "below 20 %", "32x32 pixels",
    ):  # fmt: skip
        assert words in text
    assert "brightness is copied" not in text  # of colour only


def test_a_study_of_ones_own_pairs_has_a_page(tmp_path):
    page, _ = page_of(TABLES, tmp_path, DCGAN.head(0), task="paired_folder")
    assert "Asked here of pix2pix on *paired_folder*, the networks\ntrained for 5 epochs" in page
    assert "32x32" not in page and "DCGAN?" not in page and "| paired_folder | saved | 50 %" in page


def test_the_page_puts_sentences_and_figures_below_their_titles(written):
    page, _ = written
    order = ["## In short", "| edges | saved | 50 %", "## Every method at equal cost: L1", "| edges | inner | 10.0",
             "- **edges**: LAMP removed inner filters only", "(figures/edges-equal-cost.png)",
             "*edges.* Rise of L1 at each cost", "(figures/edges-trade-off.png)", "## The two proposed methods",
             "## What can go without loss of L1", "- **edges**: nothing was shown", "## Does more fine-tuning",
             "## Time", "## Which layers can lose most filters", "(figures/edges-scan.png)", "DCGAN?",
             "## Where it comes from", "2 runs, code abc"]  # fmt: skip
    assert [page.index(words) for words in order] == sorted(page.index(words) for words in order)
    assert "\n\n\n\n" not in page and "None" not in page and "nan" not in page


def test_outcomes_and_counts_of_the_proposed_methods(written, text):
    _, page = written
    counts = page["counts"]
    assert counts.loc[("edges", "inner")].to_dict() == {
        "outer": "1 of 1", "uniform": "0 of 1 (worse at 1)", "random": "0 of 1",
    }  # fmt: skip
    assert counts.loc[("edges", "depth reduction")].to_dict() == {"outer": "1 of 1", "uniform": "", "random": ""}
    # Empty where a method cannot reach the cost, and where there are only controls to compare with.
    assert page["short"].loc[("edges", "inner")].to_list() == ["worse than uniform (+1.0 to uniform)", "", ""]
    assert page["short"].loc[("edges", "depth reduction")].to_list() == ["better (-2.0 to outer)", "", ""]
    assert page["between"]["edges"] == {"low": 0.1, "high": 0.1, "costs": 1, "better": 0, "worse": 1}
    assert (
        "depth reduction minus inner filters at equal cost: +10.0 % of the dense L1; inner filters are better at 1 of "
        "1 costs, depth reduction at 0."
    ) in text


def test_what_more_steps_change(written, text):
    _, page = written
    first = page["first"].loc["edges"]
    assert first["cost"] == "MACs −50 % (a)"
    assert first[["after 10 batches", "after 90 batches"]].to_list() == ["inner", "uniform"]
    more = page["more"].xs(("edges", "MACs −50 % (a)"))
    assert more.loc["uniform", [("rise, %", 10), ("rise, %", 90)]].to_list() == ["+100.0", "+1.0"]
    assert more.loc["inner", [("rise, %", 10), ("rise, %", 90)]].to_list() == ["+10.0", "+5.0"]
    assert list(more.index) == ["dense", "uniform", "inner"]  # the lowest L1 first
    assert page["dense_longer"] == {"edges": None} and "the dense network itself" not in text


def test_lamp_and_the_small_dense_network(written, text):
    _, page = written
    assert page["inner_only"] == {"edges": ["MACs −50 % (a)"]}
    assert "LAMP removed inner filters only at MACs −50 % (a): there" in text
    table = page["small_dense"].set_index("network")
    assert list(table.index) == ["small dense 9", "inner"] and set(table.cost) == {"parameters −75 % (b)"}
    assert table.loc["small dense 9"].to_list()[1:] == ["+100.0", "25 %", "20 %"]
    assert table.loc["inner"].to_list()[1:] == ["+50.0", "25 %", "75 %"]


def test_frechet_distances_stand_at_each_cost(written):
    _, page = written
    table = page["frechet"].xs("edges")
    assert table.loc["dense"].to_list() == ["0.50"] * 3
    assert table.iloc[:, 0].to_dict() == {
        "saved": "50 %", "dense": "0.50", "inner": "3.00", "outer": "4.00", "uniform": "2.00", "lamp": "4.00",
        "depth reduction": "5.00", "random": "", "small dense 9": "",
    }  # fmt: skip


def test_the_most_saved_or_what_comes_nearest(written, text):
    _, page = written
    (entry,) = page["most"]["edges"]  # both costs name one network; the small dense one was not pruned
    assert entry["measures"] == ["macs", "parameters"] and not entry["is_no_loss"] and entry["row"].method == "outer"
    assert (
        "nothing was shown to be no loss (margin 2 %); nearest is outer, 40 % of the MACs and 10 % of the parameters "
        "saved, +5.0 [+4.0, +6.0] %."
    ) in text


def test_both_costs_saved_by_one_network_are_one_sentence(tmp_path):
    rows = NO_LOSS.assign(no_loss=True, difference=0.011, low=0.004, high=0.018)
    one, *others = equal_cost.most_saved(rows)
    assert not others and one["measures"] == ["macs", "parameters"] and one["is_no_loss"]
    text, _ = page_of(TABLES | {"unet-no-loss": rows}, tmp_path)
    assert (
        "- **edges**: 50 % of the MACs and 20 % of the parameters saved with no loss (margin 2 %; chosen afterwards) "
        "by inner, +1.1 [+0.4, +1.8] %."
    ) in text
    macs, parameters = equal_cost.most_saved(rows.assign(**{"parameters saved": [0.3, 0.2, 0.9]}))
    assert (macs["measures"], macs["row"].method) == (["macs"], "inner")
    assert (parameters["measures"], parameters["row"].method) == (["parameters"], "outer")


def test_time_at_equal_cost(written):
    _, page = written
    at_equal_macs = page["latency"].xs("edges").iloc[:, 0]
    assert at_equal_macs[["uniform", "depth reduction", "inner"]].to_list() == [
        "15 (2.00×)", "17.14 (1.75×)", "20 (1.50×)",
    ]  # fmt: skip


def test_layers_and_their_depth(written, text):
    _, page = written
    assert page["harmed"] == {"edges": {"points": 1, "of": 4, "layers": ["down1"]}}
    assert "at 1 of 4 points (down1) L1 is higher after fine-tuning than before it: " in text
    pruned, tuned = (page["depth"]["edges", state] for state in ("as pruned", "after fine-tuning"))
    assert pruned["least"] == ("down5", 0.1) and pruned["most"] == ("down1", 0.9) and pruned["layers"] == 5
    assert pruned["correlation"] == pytest.approx(-1) and tuned["correlation"] == pytest.approx(1)
    assert (
        "removed, as pruned, changes L1 by +10.0 % (down5) to +90.0 % (down1), the deeper the level, the less as a "
        "rule (rank correlation -1.00 over 5 layers, one run each)"
    ) in text
    assert "after fine-tuning, changes L1 by +0.0 % (down1)" in text
    assert "the more as a rule (rank correlation +1.00" in text


def test_an_order_of_depth_is_said_only_where_there_is_one(tmp_path):
    mixed = RANKING.assign(at_half=[0.5, 0.1, 0.4, 0.3, 0.2] * 2)
    assert [order["is_clear"] for order in unet_layers.depth_orders(mixed).values()] == [False, False]
    assert page_of(TABLES | {"unet-ranking": mixed}, tmp_path)[0].count("in no clear order of depth") == 2


def test_the_trained_networks(written, text):
    _, page = written
    assert "scores real pictures 0.99 and generated ones 0.00 (it tells them apart without fail)." in text
    assert page["trained"].ngf.to_list() == ["-", "64"]
    assert "| edges | 0 | - | the mean picture | 0.2346 |" in text and "## The networks" in written[0]
    assert page["dead"] == {"edges": {"macs": 0.07, "parameters": 0.38}}
    assert "with 4x4 kernels everywhere 38 % of the parameters and 7.0 % of the MACs would multiply" in text


def test_the_dcgan_and_a_layer_that_is_hardly_missed(text, tmp_path):
    assert "no layer plays its part: without 50 % of one layer's filters the Fréchet distance is multiplied by " in text
    assert "2.00 (c1), 3.00 (c2)" in text
    spared = DCGAN.assign(times_dense=[1.06, 3.0, 8.0, 9.0])
    half = unet_layers.dcgan_bottleneck(spared)
    assert half["layer"] == "c1" and half["is_hardly_missed"] and half["times_dense"] == {"c1": 1.06, "c2": 3.0}
    page, _ = page_of(TABLES, tmp_path, spared)
    assert "in the DCGAN of this data set c1 plays the bottleneck's part: without 50 %" in page


def test_random_filters_that_do_better_are_named():
    at_a = ROWS[ROWS.method == "random"].assign(measure="macs", target="a")
    better, worse = at_a.assign(l1=[0.10, 0.11]), at_a.assign(l1=[0.10, 0.13])  # "uniform" has 0.12
    (row,) = unet_tables.random_table(pd.concat([ROWS, better], ignore_index=True)).itertuples()
    assert "MACs" in row.cost and "(a)" in row.cost and (row.random, row.uniform) == ("+5.0", "+20.0")
    assert not len(unet_tables.random_table(pd.concat([ROWS, worse], ignore_index=True)))


def test_seeds_that_decide_much_and_a_dense_network_that_is_harmed_are_named(tmp_path):
    trained = ROWS[ROWS.method == "dense"].assign(method="dense, as trained", l1=0.08)
    unsteady = ROWS[ROWS.method == "uniform"]
    far = ROWS[ROWS.method == "small dense 9"]  # 0.01 apart, but 0.1 above dense
    more_runs = [trained, unsteady.assign(l1=unsteady.l1 + 0.03, run=1), far.assign(l1=far.l1 + 0.01, run=1)]
    rows = pd.concat([ROWS, *more_runs], ignore_index=True)
    (seeds,) = unet_tables.unsteady_table(rows).itertuples(index=False)
    assert list(seeds) == ["uniform", "MACs −50 % (a)", "+20.0", "+50.0"]
    more = unet_tables.more_steps_table(MORE, rows).droplevel("cost")
    assert more.loc["inner", "rise, %"].to_list() == ["+175.0", "+31.2"]  # over 0.08, not over 0.2 and 0.1
    harmed = equal_cost.dense_with_more_steps(MORE, rows)
    assert harmed["steps"] == 90 and harmed["rise"] == pytest.approx(0.25)
    text, _ = page_of(TABLES | {"unet-equal-cost": rows}, tmp_path)
    assert "the dense network itself, trained on for 90 batches: L1 +25.0 % (one run)." in text
    assert "The seed of the fine-tuning decides much" in text and "| edges | uniform | MACs −50 % (a) | +20.0" in text
    assert not len(unet_tables.unsteady_table(ROWS))
    frechet = equal_cost.dense_with_more_steps(MORE.assign(frechet=0.3), rows)
    assert frechet["frechet"] == [0.5, 0.3]


def test_a_proposed_method_is_better_only_than_all_others_and_names_what_is_better():
    rows = COMPARISONS.assign(difference=[0.1, -0.02, -0.02, 0.01, -0.3, 0.07])
    at_a = rows[(rows.proposed == "inner") & (rows.measure == "macs")]
    assert unet_tables.outcome(at_a) == "worse than uniform (+1.0 to uniform)"
    assert unet_tables.outcome(at_a.assign(better=True, worse=False)) == "better (+1.0 to uniform)"
    assert unet_tables.outcome(at_a.assign(worse=False)) == "open (+1.0 to uniform)"
    only_controls = rows[(rows.proposed == "inner") & (rows.measure == "parameters")]
    assert unet_tables.outcome(only_controls) == ""


def test_small_numbers_keep_a_digit_and_zero_has_no_minus():
    values = [signed(value) for value in (1.26, -0.04, -0.0041, 0.0004, -0.0)]
    assert values == ["+1.3", "-0.04", "-0.004", "+0.0", "+0.0"]


def test_lamp_is_put_aside_only_where_it_took_inner_filters_alone():
    rows = pd.DataFrame(
        [("dense", "-", "-", "4 8 16 16 | 16 8 4"), ("lamp", "macs", "a", "4 8 9 16 | 16 6 4"),
         ("lamp", "macs", "b", "4 7 9 16 | 16 6 4"), ("lamp", "parameters", "a", "4 8 9 16 | 16 6 3"),
         ("lamp", "parameters", "b", "4 8 16 16 | 16 8 4")],
        columns=["method", "measure", "target", "widths"],
    ).assign(macs=[10, 5, 4, 5, 4], parameters=[10, 5, 4, 5, 4])  # fmt: skip
    assert equal_cost.inner_only(rows) == ["MACs −50 % (a)"]


def test_what_was_not_measured_is_not_said(tmp_path):
    none = pd.DataFrame(columns=["task", "layer", "ratio", "times_dense"])
    rows = ROWS[~ROWS.method.isin(["lamp", "small dense 9", "depth reduction"])].drop(columns="frechet")
    less = {"unet-equal-cost": rows, "unet-no-loss": NO_LOSS, "unet-ranking": RANKING}
    less |= {name: TABLES[name] for name in ("unet-scan", "unet-reference")}
    less["unet-comparisons"] = COMPARISONS[COMPARISONS.proposed == "inner"]
    less["unet-dead"] = TABLES["unet-dead"].assign(**{"parameters dead": 0.0})
    less["unet-latency"] = pd.DataFrame({"task": "edges", "method": ["dense"], "measure": "-", "target": "-",
                                         "median": 1.0, "times faster": 1.0})  # fmt: skip
    text, page = page_of(less, tmp_path, none)
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles == [
        "## What was asked", "## In short: is cutting inner layers better?", "## Every method at equal cost: L1",
        "## The two proposed methods against each other method", "## Every method at equal cost: SSIM",
        "## What can go without loss of L1", "## Time", "## Which layers can lose most filters",
        "## Where it comes from",
    ]  # fmt: skip
    for words in (
        "minus inner filters",
        "LAMP removed",
        "small dense networks, trained",
        "4x4 kernels",
        "First of all",
    ):
        assert words not in text
    assert "nothing was shown to be no loss" in text and len(page["counts"]) == 1


@pytest.mark.parametrize("start", ["unet-equal-cost", "unet-scan"])
def test_a_study_with_one_of_the_two_notebooks_has_a_page(tmp_path, start):
    of_scan = ("unet-scan", "unet-reference", "unet-ranking", "unet-dead")
    names = of_scan if start == "unet-scan" else set(TABLES) - set(of_scan) - {"unet-more-steps", "history"}
    text, _ = page_of({name: TABLES[name] for name in names}, tmp_path, pd.DataFrame(columns=DCGAN.columns))
    assert ("## Which layers can lose most filters" in text) == (start == "unet-scan")
    assert ("## Every method at equal cost: L1" in text) == (start != "unet-scan")
    assert ("*depth reduction* (proposed" in text) == (start != "unet-scan")
