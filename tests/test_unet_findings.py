"""What is said of cut U-Nets follows from the tables."""

import pandas as pd

from ganprune_utils.phrases import signed
from ganprune_utils.unet_findings import findings, inner_only, outcome

LAYERS = ("down1", "down3", "down5", "up4", "up2")
RANKING = pd.DataFrame(
    {"task": "edges", "tuned": tuned, "layer": layer, "at_half": rise}
    for tuned, rises in ((False, (0.9, 0.5, 0.1, 0.3, 0.7)), (True, (0.00, 0.01, 0.04, 0.02, 0.005)))
    for layer, rise in zip(LAYERS, rises, strict=True)
)
DUELS = pd.DataFrame(
    [
        ("levels out", "inner", "macs", "a", 0.1, False, True),  # the other remedy: no baseline
        ("levels out", "outer", "macs", "a", -0.02, True, False),
        ("inner", "outer", "macs", "a", -0.02, True, False),
        ("inner", "uniform", "macs", "a", 0.01, False, True),
        ("inner", "random", "parameters", "b", 0.001, False, False),
        ("inner", "narrow 9", "parameters", "b", 0.07, False, True),
    ],
    columns=["remedy", "against", "measure", "target", "difference", "wins", "loses"],
).assign(task="edges", low=-0.03, high=0.08)
WAYS = pd.DataFrame(
    [("dense", "-", "-", 0.10, 0.5, 200, 20, "8 16 | 8"), ("inner", "macs", "a", 0.11, 3.0, 100, 15, "8 8 | 8"),
     ("outer", "macs", "a", 0.13, 4.0, 100, 18, "4 16 | 4"), ("uniform", "macs", "a", 0.12, 2.0, 100, 10, "6 9 | 6"),
     ("lamp", "macs", "a", 0.14, 4.0, 100, 12, "8 9 | 7"),
     ("levels out", "both", "a", 0.14, 5.0, 100, 10, "8 | "),
     ("inner", "parameters", "b", 0.15, 1.0, 150, 5, "8 4 | 8"),
     ("random", "parameters", "b", 0.30, 1.5, 50, 5, "4 8 | 4"),
     ("random", "parameters", "b", 0.20, 1.5, 50, 5, "4 8 | 4"),
     ("narrow 9", "parameters", "b", 0.20, 9.0, 40, 5, "4 8 | 4")],
    columns=["way", "measure", "target", "l1", "frechet", "macs", "parameters", "widths"],
).assign(task="edges")  # fmt: skip
TABLES = {
    "verdict": pd.DataFrame({"task": "edges", "way": ["outer", "inner", "narrow 9"], "margin": 0.02,
                             "difference": [0.05, 0.2, 0], "low": [0.04, 0.1, 0], "high": [0.06, 0.3, 0],
                             "macs saved": [0.4, 0.5, 0.9], "parameters saved": [0.1, 0.2, 0.9]}),
    "ranking": RANKING, "duels": DUELS, "ways": WAYS,
    "latency": pd.DataFrame({"task": "edges", "way": ["inner", "uniform", "levels out", "random"],
                             "measure": ["macs", "macs", "both", "parameters"], "target": ["a", "a", "a", "b"],
                             "times faster": [1.5, 2.0, 1.75, 3.0]}),
    "scan": pd.DataFrame({"task": "edges", "layer": ["down.down1.conv"] * 4 + ["up.up2.conv"] * 2,
                          "ratio": [0.5, 0.5, 0.9, 0.9, 0.5, 0.5], "tuned": [False, True] * 3,
                          "l1": [0.1, 0.2, 0.3, 0.2, 0.3, 0.1]}),
    "dead": pd.DataFrame({"task": ["edges"], "parameters dead": [0.38], "macs dead": [0.07]}),
    "more-steps": pd.DataFrame({"task": "edges", "measure": "macs", "target": "a",
                                "way": ["dense", "inner", "uniform"] * 2, "steps": [10] * 3 + [90] * 3,
                                "l1": [0.2, 0.22, 0.4, 0.1, 0.105, 0.101]}),
    "history": pd.DataFrame({"task": "edges", "ngf": [9, 64, 64, 9], "d_real": [0, 0.5, 0.99, 1],
                             "d_fake": [1, 0.5, 0, 0]}),
    "dcgan": pd.DataFrame({"task": "edges", "layer": ["layers.c1", "layers.c2"] * 2, "ratio": [0.5, 0.5, 0.9, 0.9],
                           "times_dense": [2.0, 3.0, 8.0, 9.0]}),
}  # fmt: skip


def saved(target="80 %"):
    rows = [("inner", "macs", "none", None), ("inner", "parameters", target, 0.2), ("lamp", "parameters", target, 0.3)]
    rows += [("narrow 9", "parameters", target, 0.9)]  # it was not cut
    table = pd.DataFrame(rows, columns=["way", "most", "target", "parameters saved"])
    return table.assign(task="edges", difference=0.011, low=0.004, high=0.018)


def test_random_filters_that_do_better_are_named():
    at_a = WAYS[WAYS.way == "random"].assign(measure="macs", target="a")
    better, worse = at_a.assign(l1=[0.10, 0.11]), at_a.assign(l1=[0.10, 0.13])  # "uniform" has 0.12
    (said,) = [s for s in findings(TABLES | {"ways": pd.concat([WAYS, better])}, saved())["l1"] if "at random" in s]
    assert "do better than those of the smallest norm at MACs" in said and "(a) +5.0 % against +20.0 %." in said
    assert not any("at random" in s for s in findings(TABLES | {"ways": pd.concat([WAYS, worse])}, saved())["l1"])


def test_seeds_that_decide_much_and_a_dense_network_gone_astray_are_named():
    trained = WAYS[WAYS.way == "dense"].head(1).assign(way="dense, as trained", l1=0.08)
    unsteady = WAYS[WAYS.way == "uniform"].head(1)
    far = WAYS[WAYS.way == "narrow 9"].head(1)  # 0.01 apart, but 0.1 above dense
    ways = pd.concat([WAYS, trained, unsteady.assign(l1=unsteady.l1 + 0.03), far.assign(l1=far.l1 + 0.01)])
    said = findings(TABLES | {"ways": ways}, saved())
    (seeds,) = [sentence for sentence in said["l1"] if "the seed" in sentence]
    assert "uniform, MACs −50 % (a): " in seeds and "narrow" not in seeds
    longer, dense = said["more"]
    assert "inner +175.0 and +31.2 %" in longer  # over 0.08, not over 0.2 and 0.1
    assert "the dense network itself, trained on for 90 batches: L1 +25.0 %" in dense
    assert not any("the seed" in sentence for sentence in findings(TABLES, saved())["l1"])


def test_sentences_say_what_the_tables_say():
    said = findings(TABLES, saved())
    assert all(sentence.startswith("**edges**: ") for sentences in said.values() for sentence in sentences)
    said = {name: [s.removeprefix("**edges**: ") for s in sentences] for name, sentences in said.items()}
    inner, out, remedies, first = said["short"]
    assert inner == (
        "inner filters: better than outer at 1 of 1 costs, uniform 0 of 1 (worse at 1), random 0 of 1; cannot come "
        "down to parameters −50 % (a)."
    )
    assert out == (
        "levels out: better than outer at 1 of 1 costs; cannot come down to parameters −50 % (a) and parameters −75 % "
        "(b)."
    )
    assert remedies.startswith("levels out minus inner filters at equal cost: +10.0 % of the dense L1; inner filters ")
    assert remedies.endswith("are better at 1 of 1 costs, levels out at 0.")
    assert first == (
        "first of all after 10 and after 90 batches (one run; tried here only): MACs −50 % (a) inner and uniform."
    )
    lamp, narrow = said["l1"]
    assert lamp.startswith("LAMP removed inner filters only at MACs −50 % (a): there")
    assert narrow == (
        "narrow 9, trained from scratch: +100.0 % with 25 % of the parameters and 20 % of the MACs. Cut to the "
        "parameters nearest to its own: inner +50.0 % with 25 % of the parameters and 75 % of the MACs."
    )
    (frechet,) = said["frechet"]
    assert "(dense 0.50): MACs −50 % (a) uniform 2.00, inner 3.00, levels out 5.00; parameters −50 %" in frechet
    (longer,) = said["more"]
    assert (
        longer
        == "MACs −50 % (a), after 10 and 90 batches: uniform +100.0 and +1.0 %, inner +10.0 and +5.0 % (one run)."
    )
    macs, parameters = said["saved"]
    assert macs == (
        "nothing was shown to be no loss (margin 2 %); nearest is outer, 40 % of the MACs saved, +5.0 [+4.0, +6.0] %."
    )
    assert parameters == (
        "30 % of the parameters saved with no loss (margin 2 %; chosen afterwards) by lamp, +1.1 [+0.4, +1.8] %."
    )
    assert said["latency"][0].endswith("MACs −50 % (a) uniform 2.00, levels out 1.75, inner 1.50.")
    cut, tuned, worse = said["ranking"]
    assert worse.startswith("at 1 of 3 points (down1) L1 is higher after fine-tuning than before it: ")
    assert "as it was cut, changes L1 by +10.0 % (down5) to +90.0 % (down1), the deeper the level, the less" in cut
    assert "rank correlation -1.00 over 5 layers, one run each)" in cut
    assert (
        "after fine-tuning, changes L1 by +0.0 % (down1)" in tuned
        and "the more as a rule (rank correlation +1.00" in tuned
    )
    balance, dead = said["trained"]
    assert "scores real pictures 0.99 and generated ones 0.00 (it tells them apart without fail)." in balance
    assert dead.startswith("with 4x4 kernels everywhere 38 % of the parameters and 7.0 % of the MACs would multiply")
    (dcgan,) = said["dcgan"]
    assert (
        "no layer plays its part: without 50 % of one layer's filters the Fréchet distance is multiplied by " in dcgan
    )
    assert "2.00 (c1), 3.00 (c2)" in dcgan


def test_a_remedy_is_better_only_than_all_others_and_names_what_is_better():
    duels = DUELS.assign(difference=[0.1, -0.02, -0.02, 0.01, -0.3, 0.07])
    own = duels[(duels.remedy == "inner") & (duels.measure == "macs")]
    assert outcome(own) == "worse than uniform (+1.0 to uniform)"
    assert outcome(own.assign(wins=True, loses=False)) == "better (+1.0 to uniform)"
    assert outcome(own.assign(loses=False)) == "open (+1.0 to uniform)"
    assert outcome(duels[(duels.remedy == "inner") & (duels.measure == "parameters")]) == ""  # only controls


def test_small_numbers_keep_a_digit_and_zero_has_no_minus():
    assert [signed(value) for value in (1.26, -0.04, -0.0041, 0.0004, -0.0)] == [
        "+1.3",
        "-0.04",
        "-0.004",
        "+0.0",
        "+0.0",
    ]


def test_a_layer_of_the_dcgan_that_is_hardly_missed_plays_the_part():
    spared = TABLES["dcgan"].assign(times_dense=[1.06, 3.0, 8.0, 9.0])
    (said,) = findings(TABLES | {"dcgan": spared}, saved())["dcgan"]
    assert "in the DCGAN of this data set c1 plays the bottleneck's part: without 50 %" in said


def test_lamp_is_put_aside_only_where_it_took_inner_filters_alone():
    ways = pd.DataFrame(
        [("dense", "-", "-", "4 8 16 16 | 16 8 4"), ("lamp", "macs", "a", "4 8 9 16 | 16 6 4"),
         ("lamp", "macs", "b", "4 7 9 16 | 16 6 4"), ("lamp", "parameters", "a", "4 8 9 16 | 16 6 3"),
         ("lamp", "parameters", "b", "4 8 16 16 | 16 8 4")],
        columns=["way", "measure", "target", "widths"],
    )  # fmt: skip
    assert inner_only(ways) == {("macs", "a")}


def test_an_order_of_depth_is_said_only_where_there_is_one():
    mixed = RANKING.assign(at_half=[0.5, 0.1, 0.4, 0.3, 0.2] * 2)
    said = findings(TABLES | {"ranking": mixed}, saved())["ranking"]
    assert sum("in no clear order of depth" in sentence for sentence in said) == 2


def test_both_costs_saved_by_one_network_are_one_sentence():
    table = saved("none").assign(most=["macs", "parameters", "parameters", "macs"][: len(saved())], target="80 %")
    table = table[table.way == "inner"].assign(**{"macs saved": 0.3, "parameters saved": 0.2})
    said = findings(TABLES, table)["saved"]
    assert said == [
        "**edges**: 30 % of the MACs and 20 % of the parameters saved with no loss (margin 2 %; chosen afterwards) by "
        "inner, +1.1 [+0.4, +1.8] %."
    ]


def test_what_was_not_measured_is_not_said():
    less = TABLES | {name: pd.DataFrame() for name in ("dcgan", "more-steps", "history", "latency")}
    less |= {"dead": TABLES["dead"].assign(**{"parameters dead": 0.0})}
    less |= {"duels": DUELS[DUELS.remedy == "inner"], "ways": WAYS[WAYS.way != "lamp"].drop(columns="frechet")}
    less["ways"] = less["ways"][~less["ways"].way.isin(["narrow 9", "levels out"])]
    said = findings(less, saved("none"))
    assert {name for name, sentences in said.items() if sentences} == {"short", "saved", "ranking"}
    assert len(said["short"]) == 1 and "nothing was shown to be no loss" in said["saved"][0]
