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
    {
        "task": "edges", "remedy": "inner", "against": ["outer", "outer", "random"],
        "difference": [-0.02, 0.01, -0.3], "wins": [True, False, True], "loses": [False, False, False],
    }
)  # fmt: skip


def saved(target="80 %"):
    rows = [("inner", "macs", "none", None), ("inner", "parameters", target, 0.2), ("lamp", "parameters", target, 0.3)]
    table = pd.DataFrame(rows, columns=["way", "most", "target", "parameters saved"])
    return table.assign(task="edges", difference=0.011, low=0.004, high=0.018)


def test_sentences_say_what_the_tables_say():
    cut, tuned, against, macs, parameters = findings(RANKING, DUELS, saved(), 0.02)
    assert "as it was cut: half of one layer's filters changes L1 by +10.0 % (down5) to +90.0 % (down1)" in cut
    assert "the deeper the level, the less (rank correlation -1.00 over 5 layers)" in cut
    assert "after fine-tuning" in tuned and "the more (rank correlation +1.00" in tuned
    assert "outer: better 1, worse 0 of 2 (-2.0 to +1.0 %); random: better 1, worse 0 of 1" in against
    assert macs == "edges: no way saved multiply-accumulates without a rise of L1 beyond 2 %."
    assert "30 % by lamp (+1.1 %, interval +0.4 to +1.8 %)" in parameters


def test_nothing_saved_is_said_of_both_costs():
    said = findings(RANKING, DUELS, saved("none"), 0.02)
    assert sum("no way saved" in sentence for sentence in said) == 2
