"""What is said of cut U-Nets follows from the tables."""

import pandas as pd

from ganprune_utils.unet_findings import findings

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
    "verdict": pd.DataFrame({"task": ["edges"], "margin": [0.02]}), "ranking": RANKING, "duels": DUELS, "ways": WAYS,
    "reference": pd.DataFrame({"task": "edges", "tuned": [True, True, False], "l1": [0.99, 1.01, 7.0]}),
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
    said = findings(TABLES, saved())
    first, balance, dead, cut, tuned, remedies, out, inner, lamp, longer, narrow, macs, parameters, dcgan = said
    assert "50 % of the multiply-accumulates saved: inner (+10.0 %), then uniform (+20.0 %);" in first
    assert "75 % of the parameters saved: inner (+50.0 %), then random (+150.0 %)." in first
    assert "gives real pictures 0.99 and made ones 0.00 (it tells made from real without fail)." in balance
    assert dead.startswith("**edges**: 38 % of the parameters and 7 % of the multiply-accumulates")
    assert "as it was cut, changes L1 by +10.0 % (down5) to +90.0 % (down1): the deeper the level, the less" in cut
    assert "correlation -1.00 over 5 layers)" in cut
    assert "after fine-tuning" in tuned and "the more (rank correlation +1.00" in tuned
    assert "runs of the dense network differ by ±1.4 %" in tuned
    assert "+10.0 to +10.0 % of the dense L1; inner filters win 1 of 1 comparisons, levels out 0 (" in remedies
    assert "Leaving inner levels out, by L1 and 95 % intervals: at equal multiply-accumulates it wins 1 of 1" in out
    assert "and loses 0; the rest is open. The mean Fréchet distance is lower in 0 of 1" in out
    assert (
        "at equal multiply-accumulates it wins 1 of 2 comparisons with the other ways of pruning and loses 1" in inner
    )
    assert "loses 1 (to uniform at 50 % saved by 1.0 %); at equal parameters it wins 0 of 1" in inner
    assert "is lower in 2 of 3, noise included." in inner
    assert "no other layers than down2, up2 at 50 % of the multiply-accumulates saved." in lamp
    assert (
        "after 10 and after 90 steps of fine-tuning: uniform +100.0 and +1.0 %, inner +10.0 and +5.0 % (one" in longer
    )
    assert "from scratch, 25 % of the parameters and 20 % of the MACs, of what was cut to its parameters: " in narrow
    assert "better in every run: inner (-25.0 %, 75 % of the MACs); neither: random (+25.0 %, 25 % of" in narrow
    assert macs == "**edges**: no way saved multiply-accumulates without a rise of L1 beyond 2 %."
    assert "30 % by lamp (+1.1 %, interval +0.4 to +1.8 %)" in parameters
    assert "50 % of one layer's filters removed multiply the Fréchet distance by 2.00 (c1), 3.00 (c2)" in dcgan


def test_what_was_not_measured_is_not_said():
    less = TABLES | {name: pd.DataFrame() for name in ("dcgan", "more-steps", "history")}
    less |= {"dead": TABLES["dead"].assign(**{"parameters dead": 0.0})}
    less |= {"duels": DUELS[DUELS.remedy == "inner"], "ways": WAYS[WAYS.way != "lamp"].drop(columns="frechet")}
    less["ways"] = less["ways"][~less["ways"].way.isin(["narrow, from scratch", "levels out"])]
    said = findings(less, saved("none"))
    assert sum("no way saved" in sentence for sentence in said) == 2
    assert not any(
        words in sentence
        for sentence in said
        for words in (
            "DCGAN", "meet a pixel", "levels out", "Fréchet", "steps", "LAMP", "narrow", "discriminator", "remedies",
        )
    )  # fmt: skip
