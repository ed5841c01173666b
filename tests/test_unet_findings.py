"""What is said of cut U-Nets follows from the tables."""

import pandas as pd

from ganprune_utils.unet_findings import findings, inner_only

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
        ("inner", "narrow, from scratch", "parameters", "b", 0.07, False, True),
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
     ("narrow, from scratch", "parameters", "b", 0.20, 9.0, 40, 5, "4 8 | 4")],
    columns=["way", "measure", "target", "l1", "frechet", "macs", "parameters", "widths"],
).assign(task="edges")  # fmt: skip
TABLES = {
    "verdict": pd.DataFrame({"task": "edges", "way": ["outer", "inner", "narrow, from scratch"], "margin": 0.02,
                             "difference": [0.05, 0.2, 0], "low": [0.04, 0.1, 0], "high": [0.06, 0.3, 0],
                             "macs saved": [0.4, 0.5, 0.9], "parameters saved": [0.1, 0.2, 0.9]}),
    "ranking": RANKING, "duels": DUELS, "ways": WAYS,
    "reference": pd.DataFrame({"task": "edges", "tuned": [True, True, False], "l1": [0.99, 1.01, 7.0]}),
    "latency": pd.DataFrame({"task": "edges", "way": ["inner", "uniform", "levels out", "random"],
                             "measure": ["macs", "macs", "both", "parameters"], "target": ["a", "a", "a", "b"],
                             "times faster": [1.5, 2.0, 1.75, 3.0]}),
    "dead": pd.DataFrame({"task": ["edges"], "parameters dead": [0.38], "macs dead": [0.07]}),
    "more-steps": pd.DataFrame({"task": "edges", "way": ["dense", "inner", "uniform"] * 2, "steps": [10] * 3 + [90] * 3,
                                "l1": [0.2, 0.22, 0.4, 0.1, 0.105, 0.101]}),
    "history": pd.DataFrame({"task": "edges", "ngf": [9, 64, 64, 9], "d_real": [0, 0.5, 0.99, 1],
                             "d_fake": [1, 0.5, 0, 0]}),
    "dcgan": pd.DataFrame({"task": "edges", "layer": ["layers.c1", "layers.c2"] * 2, "ratio": [0.5, 0.5, 0.9, 0.9],
                           "times_dense": [2.0, 3.0, 8.0, 9.0]}),
}  # fmt: skip


def saved(target="80 %"):
    rows = [("inner", "macs", "none", None), ("inner", "parameters", target, 0.2), ("lamp", "parameters", target, 0.3)]
    rows += [("narrow, from scratch", "parameters", target, 0.9)]  # it was not cut
    table = pd.DataFrame(rows, columns=["way", "most", "target", "parameters saved"])
    return table.assign(task="edges", difference=0.011, low=0.004, high=0.018)


def test_sentences_say_what_the_tables_say():
    said = [sentence.removeprefix("**edges**: ") for sentence in findings(TABLES, saved())]
    inner, out, remedies, lamp, first, frechet, narrow, longer, macs, parameters, fast, cut, tuned, *rest = said
    assert inner == (
        "Removing filters of the two inner levels against the best other way of pruning: at 50 % of the MACs saved "
        "worse than uniform, +1.0 [-3.0, +8.0]; at 75 % of the parameters saved not told apart from random, +0.1 "
        "[-3.0, +8.0]."
    )
    assert "Leaving inner levels out" in out and "saved better than outer, -2.0 [-3.0, +8.0]." in out
    assert "minus inner filters is +10.0; inner filters are better in 1 of 1 comparisons, levels out in 0" in remedies
    assert "inner levels at 50 % of the MACs saved (+30.0 %): its L1" in lamp
    assert "at 50 % of the MACs saved inner (+10.0 %), then uniform (+20.0 %);" in first
    assert "at 75 % of the parameters saved inner (+50.0 %), then random (+150.0 %)." in first
    assert "inner has the lower one in 2 and the higher one in 1 of 3; levels out has the lower one in 0 " in frechet
    assert "with 25 % of the parameters and 20 % of the MACs L1 is +100.0 % over" in narrow
    assert "to the parameters nearest to its own: inner +50.0 % with 25 % of the parameters and 75 % of" in narrow
    assert "after 10 and after 90 steps of fine-tuning: uniform +100.0 and +1.0 %, inner +10.0 and +5.0 %" in longer
    assert "without a rise of L1 beyond 2 %; nearest is outer, 40 % saved, +5.0 [+4.0, +6.0] %." in macs
    assert "of the costs tried: 30 % by lamp, +1.1 [+0.4, +1.8] %." in parameters
    assert fast.endswith("at 50 % of the MACs saved uniform 2.00, levels out 1.75, inner 1.50.")
    assert "as it was cut, changes L1 by +10.0 % (down5) to +90.0 % (down1), the deeper the level, the less" in cut
    assert "rank correlation -1.00 over 5 layers, one run each)" in cut
    assert "after fine-tuning" in tuned and "the more as a rule (rank correlation +1.00" in tuned
    assert "runs of the dense network differ by ±1.4 %" in tuned
    balance, dead, dcgan = rest
    assert "gives real pictures 0.99 and made ones 0.00 (it tells made from real without fail)." in balance
    assert dead.startswith("38 % of the parameters and 7.0 % of the MACs of such")
    assert "removing 50 % of one layer's filters multiplies the Fréchet distance by 2.00 (c1), 3.00 (c2)" in dcgan


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
    said = findings(TABLES | {"ranking": mixed}, saved())
    assert sum("in no clear order of depth" in sentence for sentence in said) == 2


def test_a_narrow_network_that_is_better_is_named_among_the_best():
    ways = WAYS.assign(l1=WAYS.l1.mask(WAYS.way == "narrow, from scratch", 0.12))
    said = findings(TABLES | {"ways": ways}, saved())
    assert any("(+150.0 %); not cut but narrow, from scratch (+20.0 %)." in sentence for sentence in said)


def test_what_was_not_measured_is_not_said():
    less = TABLES | {name: pd.DataFrame() for name in ("dcgan", "more-steps", "history", "latency")}
    less |= {"dead": TABLES["dead"].assign(**{"parameters dead": 0.0})}
    less |= {"duels": DUELS[DUELS.remedy == "inner"], "ways": WAYS[WAYS.way != "lamp"].drop(columns="frechet")}
    less["ways"] = less["ways"][~less["ways"].way.isin(["narrow, from scratch", "levels out"])]
    said = findings(less, saved("none"))
    assert sum("No way was shown to save" in sentence for sentence in said) == 2
    assert not any(
        words in sentence.lower()
        for sentence in said
        for words in (
            "dcgan", "padding", "levels out", "fréchet", "steps", "lamp", "narrow", "discriminator", "remedies",
            "faster",
        )
    )  # fmt: skip
