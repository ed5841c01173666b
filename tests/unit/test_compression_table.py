"""The one table: where rows come from, what is blank, what is best."""

from types import SimpleNamespace

import pandas as pd
import pytest

from ganprune_utils.analysis import compression
from ganprune_utils.errors import DataError

ONE_IMAGE = {"d": 3.2}  # so that from 2.4 on nothing is compared


def compressed():
    rows = []
    for seed in (0, 1):
        for granularity, criterion, target, macs, frechet, choose in [
            ("dense", "none", 1.0, 100, 1.0, 1.0),
            ("unstructured", "magnitude", 2.0, 100, 1.2, 1.04),
            ("structured", "magnitude", 2.0, 40, 1.5 + seed, 1.5),
        ]:
            row = {
                "dataset": "d",
                "seed": seed,
                "granularity": granularity,
                "criterion": criterion,
                "target_compression": target,
            }
            row |= {"compression": target, "macs": macs, "widths": "4 2 1", "frechet_validation": choose}
            row |= {"allocation": "own", "parameters": 1000 * macs, "nonzeros": 1000 * macs / target}
            rows += [row | {"recalibrated": repaired, "frechet": frechet + 5 * (not repaired)} for repaired in (0, 1)]
    return pd.DataFrame(rows).astype({"recalibrated": bool})


def retrained():
    common = {"dataset": "d", "seed": 0, "rewind": False, "widths": "4 2 1", "frechet_validation": 1.01, "frechet": 0.9}
    common |= {"recalibrated": True, "distillation": 0.0, "budget": 480}
    schedules = [
        ("iterative", "structured", 2.0, 40, 1.0),
        ("dense", "unstructured", 1.0, 100, 1.0),
        ("one_shot", "unstructured", 2.0, 100, 0.5),
    ]
    return pd.DataFrame(
        common
        | {
            "schedule": schedule,
            "granularity": granularity,
            "criterion": "magnitude",
            "pruned_network": "generator",
            "target_compression": c,
            "compression": c,
        }
        | {"macs": macs, "discriminator_rate": rate, "parameters": 1000 * macs, "nonzeros": 1000 * macs / c}
        for schedule, granularity, c, macs, rate in schedules
    )


def test_cells_say_how_each_row_was_made():
    rows = compression.cells(compressed(), retrained(), ONE_IMAGE)
    assert len(rows) == 6 + 3 and set(rows.budget) == {0, 480}
    assert rows.near.tolist() == [False] * 5 + [True] + [False] * 3
    assert list(rows.training)[-3:] == ["iterative", "dense", "one-shot"]
    assert list(rows.granularity)[-3:] == ["structured", "dense", "unstructured"] and list(rows.criterion)[-2] == "none"
    assert list(rows.pruned_network)[-3:] == ["generator", "generator", "generator, D at 0.5 of its rate"]


@pytest.mark.parametrize(
    "changes, name",
    [
        ({}, "masks: magnitude"),
        ({"criterion": "wanda", "allocation": "last_dense"}, "masks: Wanda, last layer dense"),
        ({"allocation": "as_filters", "criterion": "random"}, "masks: random, allocation of filters"),
        ({"granularity": "structured"}, "filters: L2 norm"),
        ({"granularity": "structured", "criterion": "taylor_adversarial"}, "filters: Taylor (adversarial loss)"),
        ({"training": "one-shot", "distillation": 10.0}, "masks: magnitude, distilled"),
        (
            {"training": "iterative, rewound", "pruned_network": "both"},
            "masks: magnitude, little by little, rewound, D al",
        ),
        ({"pruned_network": "generator, D at 0.5 of its rate"}, "masks: magnitude, D at 0.5 of its rate"),
        ({"training": "dense", "granularity": "dense"}, "dense"),
        ({"training": "scratch", "granularity": "structured", "criterion": "none"}, "small dense, from scratch"),
    ],
)
def test_methods_have_names(changes, name):
    row = {"granularity": "unstructured", "criterion": "magnitude", "allocation": "own", "training": "none"}
    row |= {"pruned_network": "generator", "distillation": 0.0} | changes
    assert compression.method(SimpleNamespace(**row)).startswith(name)


def test_the_one_table_has_steps_side_by_side_with_what_not_retraining_gives():
    longer = retrained().iloc[[0]].assign(budget=4800, distillation=10.0, schedule="one_shot", frechet=2.5)
    rows = compression.cells(compressed(), pd.concat([retrained(), longer]), ONE_IMAGE).assign(ms=1.25)
    table = compression.one_table(compression.with_unretrained(rows))["d"]
    assert list(table) == ["parameters", "MACs", "ms", "not retrained", "480 steps", "4,800 steps"]
    # Dense: trained on in the same row. Masks: zeros do not count.
    assert table.loc[("1×", "dense")].to_list() == ["100", "0.0001", "1.25", "1.00 ± 0.00 (2)", "0.90 (1)", ""]
    assert table.loc[("2×", "masks: magnitude"), "parameters"] == "50"
    # Two seeds, one of them at 2.5: 2.5 is more than three quarters of 3.2.
    assert table.loc[("2×", "filters: L2 norm"), "not retrained"] == "[2.00 ± 0.71 (2)]"
    # Retrained on the first seed: what not retraining it gives is of that seed, too, and stands in each such row.
    name = "filters: L2 norm, little by little"
    assert table.loc[("2×", name), ["not retrained", "480 steps"]].to_list() == ["1.50 (1)", "0.90 (1)"]
    distilled = table.loc[("2×", "filters: L2 norm, distilled")]
    assert distilled.to_list()[-3:] == ["1.50 (1)", "", "[2.50 (1)]"]


def test_the_best_of_each_way_is_chosen_on_the_validation_half():
    rows = compression.cells(compressed(), retrained(), ONE_IMAGE)
    best = compression.best_of_each(rows).set_index(["way", "target_compression"])
    assert best.index.to_list() == [
        ("dense", 1.0),
        ("filters", 2.0),
        ("filters, retrained", 2.0),
        ("masks", 2.0),
        ("masks, retrained", 2.0),
    ]
    worse = rows[rows.method == "masks: magnitude"].assign(criterion="activation", frechet=0.1, frechet_validation=9.0)
    chosen = compression.best_of_each(pd.concat([rows, worse], ignore_index=True))
    assert chosen.frechet.min() > 0.1  # better on the test half, which does not choose


def test_draws_of_one_seed_are_one_number():
    rows = compressed().assign(criterion=lambda t: t.criterion.replace("magnitude", "random"))
    drawn = pd.concat([rows.assign(draw=0), rows.assign(draw=1, frechet=rows.frechet + 2)])
    found = compression.cells(drawn, pd.DataFrame(), ONE_IMAGE)
    assert len(found) == 6 and found.frechet.iloc[0] == 2.0


def test_a_cell_that_is_there_twice_or_has_no_dense_one_is_an_error():
    with pytest.raises(
        DataError,
        match="d, 0, unstructured, magnitude, own, one-shot, generator, D at 0.5 of its rate, 0.0, 480, 2.0 was run",
    ):
        compression.cells(compressed(), pd.concat([retrained(), retrained().iloc[2:]]), ONE_IMAGE)
    with pytest.raises(DataError, match="d, 7 has no run of notebook 7"):
        compression.cells(compressed(), retrained().assign(seed=7), ONE_IMAGE)


def test_nothing_to_show_is_one_line():
    with pytest.raises(DataError, match="have no compression.csv; run notebook 7 first"):
        compression.cells(pd.DataFrame(), pd.DataFrame(), ONE_IMAGE)
