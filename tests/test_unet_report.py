"""The table of cut U-Nets at equal cost, and what is called saved."""

import pandas as pd
import pytest

from ganprune_utils import unet_report


def test_equal_cost_puts_each_network_under_the_cost_that_was_made_equal():
    rows = [
        ("dense", "-", "-", 0, 0.10),
        ("dense", "-", "-", 1, 0.12),
        ("levels out", 1, "both", 0, 0.13),
        ("inner", 1, "macs", 0, 0.14),
        ("inner", 2, "parameters", 0, 0.15),
    ]
    ways = pd.DataFrame(rows, columns=["way", "levels", "measure", "run", "l1"]).assign(task="edges")
    table = unet_report.equal_cost(ways, digits=2)
    assert list(table.columns) == [("macs", 1), ("macs", 2), ("parameters", 1), ("parameters", 2)]
    assert table.loc[("edges", "dense")].to_list() == ["0.11 ± 0.01"] * 4
    assert table.loc[("edges", "levels out")].to_list() == ["0.13", "", "0.13", ""]
    assert table.loc[("edges", "inner")].to_list() == ["0.14", "", "", "0.15"]


def test_saved_is_the_most_that_is_no_loss():
    verdict = pd.DataFrame(
        {
            "task": "edges", "seed": 0, "ngf": 64, "way": ["inner", "inner", "outer"], "levels": [1, 2, 1],
            "measure": "macs", "no_loss": [True, True, False], "high": [0.01, 0.015, 0.2],
            "macs saved": [0.2, 0.3, 0.2], "parameters saved": [0.6, 0.5, 0.1],
        }
    )  # fmt: skip
    found = unet_report.saved(verdict)
    assert list(zip(found.way, found.most, found.levels, strict=True)) == [
        ("inner", "macs", 2),
        ("inner", "parameters", 1),
    ]
    assert found["parameters saved"].tolist() == pytest.approx([0.5, 0.6])
