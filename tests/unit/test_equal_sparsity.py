"""Methods at the same sparsity over seeds, on a table small enough to check by hand."""

import pandas as pd
import pytest

from ganprune_utils.analysis import equal_sparsity, paper, quality_page, results
from ganprune_utils.analysis.formatting import mean_std
from ganprune_utils.errors import DataError
from ganprune_utils.statistics import crossing


@pytest.fixture
def cells():
    """Two seeds, percentage and random; Fréchet 1 when dense, rising linearly, faster at random."""
    rows = []
    for seed in (0, 1):
        for label, slope in (("percentage", 1.0), ("random", 4.0)):
            for percent in (0, 50, 90):
                if label == "random" and percent == 0:
                    continue
                rows.append(
                    {
                        "dataset": "d",
                        "seed": seed,
                        "method": label,
                        "scope": "global" if label == "percentage" else "uniform",
                        "last_layer": "pruned",
                        "label": label,
                        "threshold": float(percent),
                        "recalibrated": False,
                        "sparsity": percent / 100,
                        "frechet": 1 + (slope + seed) * percent / 100,
                        "coverage": 1 - percent / 100,
                        "ssim": 1 - slope * percent / 1000,
                        "uqi": 1 - slope * percent / 1000,
                    }
                )
    return pd.DataFrame(rows)


def test_crossing_is_the_first_one():
    assert crossing([0, 1, 2, 3], [0, 2, 0, 4], 1) == 0.5
    assert crossing([3, 0, 2, 1], [4, 0, 0, 2], 3) == pytest.approx(2.75)  # in any order
    assert pd.isna(crossing([0, 1], [0, 1], 2)) and crossing([0, 1], [3, 4], 2) == 0


def test_tolerated_sparsity_is_measured_from_the_dense_generator(cells):
    found = equal_sparsity.critical_sparsity(cells)
    found = found[found.rise == "by half"].set_index(["seed", "label"]).critical_sparsity
    assert found[0, "percentage"] == pytest.approx(0.5) and found[1, "percentage"] == pytest.approx(0.25)
    assert found[0, "random"] == pytest.approx(0.125) and found[1, "random"] == pytest.approx(0.1)


def test_spread_is_over_seeds(cells):
    table = equal_sparsity.spread(cells, ["label", "threshold"], ["frechet"])
    assert table.loc[("random", 50.0), ("frechet", "mean")] == pytest.approx(3.25)
    assert table.loc[("random", 50.0), ("frechet", "std")] == pytest.approx(0.5 / 2**0.5)
    assert (table["n"] == 2).all()
    matched = equal_sparsity.matched_table(cells, "frechet", [50.0])
    assert matched.loc[("d", False, "random"), "50 %"] == "3.25 ± 0.35" and (matched.n == 2).all()


def test_one_seed_has_no_spread():
    assert mean_std(0.5, float("nan")) == "0.500" and mean_std(0.5, 0.1) == "0.500 ± 0.100"


def test_generators_that_two_scores_rank_most_differently(cells):
    odd = cells[cells.seed == 0].iloc[[1]].assign(ssim=0.99, frechet=99.0)
    parted = equal_sparsity.rank_disagreements(pd.concat([cells, odd], ignore_index=True))
    assert parted.ranked_higher_by.tolist() == ["similarity", "quality"] and parted.frechet.iloc[0] == 99.0
    assert "random" not in set(parted.method)


def test_a_weight_that_happens_to_be_zero_is_no_pruning(cells):
    rounded = cells.assign(sparsity=cells.sparsity.where(cells.threshold > 0, 1e-6))
    assert equal_sparsity.correlations(rounded).equals(equal_sparsity.correlations(cells))
    assert equal_sparsity.rank_disagreements(rounded).threshold.gt(0).all()


def test_ruined_is_what_is_beyond_one_image_in_a_seed():
    key = {
        "pruned_network": "generator",
        "method": "random",
        "scope": "uniform",
        "last_layer": "pruned",
        "recalibrated": False,
    }
    rows = [("d", 0, 50.0, 9.0), ("d", 1, 50.0, 31.0), ("d", 0, 30.0, 29.0), ("e", 0, 30.0, 31.0)]
    quality = pd.DataFrame(rows, columns=["dataset", "seed", "threshold", "frechet"]).assign(**key)
    checks = pd.DataFrame({"dataset": ["d", "e"], "images": "one image", "frechet": [30.0, 40.0]})
    found = equal_sparsity.collapsed(quality, checks)
    assert found == {("d", "random", 50.0)}
    differences = pd.DataFrame(
        {"dataset": "d", "label": "random", "threshold": [30.0, 50.0], "recalibrated": False, "n": 2}
    ).assign(**{"difference mean": 1.0, "difference std": 0.5})
    table = quality_page.differences_text(differences, found)
    assert table[["30 %", "50 %"]].iloc[0].tolist() == ["1.00 ± 0.50", "collapsed"]


def test_sensitivity_by_its_own_threshold_belongs_to_no_curve():
    rows = pd.DataFrame({"method": "sensitivity", "scope": ["layer", "matched"], "last_layer": "pruned"})
    labels = equal_sparsity.curve_label(rows)
    assert pd.isna(labels[0]) and labels[1] == "sensitivity"


def test_curves_are_compared_on_common_points_only(cells):
    extra = cells[(cells.label == "percentage") & (cells.threshold == 50)].assign(threshold=20.0, sparsity=0.2)
    kept = equal_sparsity.common_points(pd.concat([cells, extra], ignore_index=True))
    assert sorted(set(kept.threshold)) == [0, 50, 90]


def test_differences_are_paired_by_seed(cells):
    table = equal_sparsity.paired(cells, "frechet")
    row = table.loc[("d", False, "random", 50.0)]
    assert row["difference", "mean"] == pytest.approx(1.5) and row["difference", "std"] == pytest.approx(0)
    assert row["n"].item() == 2 and "percentage" not in table.index.get_level_values("label")


def test_a_pruned_pair_is_no_further_point_of_its_curve():
    key = {
        "dataset": "d",
        "seed": 0,
        "method": "percentage",
        "scope": "global",
        "last_layer": "pruned",
        "threshold": 50.0,
    }
    quality = pd.DataFrame(
        [key | {"pruned_network": network, "recalibrated": False, "frechet": 1.0} for network in ("generator", "both")]
    )
    means = pd.DataFrame(
        [
            key | {"pruned_network": network, "recalibrated": False, "sparsity": 0.5, "metric": metric, "value": 0.9}
            for network in ("generator", "both")
            for metric in ("ssim", "uqi", "ms_ssim")
        ]
    )
    assert equal_sparsity.pruned_generators(quality, means).pruned_network.tolist() == ["generator"]


def test_curves_without_a_dense_generator_are_a_clear_error(cells):
    with pytest.raises(DataError, match="results of d seed 0: have no dense generator; .* threshold 0"):
        equal_sparsity.critical_sparsity(cells[cells.threshold > 0])


def test_seeds_that_do_not_get_there_are_told_and_not_averaged():
    rows = pd.DataFrame(
        {"dataset": "d", "label": "x", "recalibrated": [False] * 3 + [True] * 3, "seed": [0, 1, 2] * 2}
    ).assign(critical_sparsity=[0.5, 0.6, 0.7, 0.5, None, None])
    table = quality_page.reached_text(rows, ["dataset", "label"])
    assert table["as pruned"].item() == "0.600 ± 0.100" and table["recalibrated"].item() == "not reached in 2 of 3"


def test_every_data_set_keeps_its_own_order_of_layers():
    rows = pd.DataFrame(
        [
            (d, layer, r, 0, 0.5)
            for d, layers in (("a", "xyz"), ("b", "zxy"))
            for layer in layers
            for r in (False, True)
        ],
        columns=["dataset", "layer", "recalibrated", "seed", "critical_sparsity"],
    )
    assert quality_page.reached_text(rows, ["dataset", "layer"]).layer.tolist() == list("xyzzxy")


def test_runs_with_different_numbers_of_images_are_not_compared():
    runs = pd.DataFrame({"parameters": [{"n_quality": 5000}, {"n_quality": 100}, {"n_samples": 3}]})
    with pytest.raises(DataError, match="measured quality on 100, 5000 images; use one number"):
        results.quality_count(runs)
    assert results.quality_count(runs.iloc[[0, 2]]) == 5000


def test_a_study_without_the_papers_cells_has_no_headline():
    means = pd.DataFrame(
        columns=["method", "scope", "last_layer", "threshold", "metric", "dataset", "seed", "value", "sparsity"]
    )
    assert paper.headline(paper.over_seeds(means)) == []


@pytest.fixture
def both_ways(cells):
    """Three criteria and a random mask at two sparsities, last layer pruned and kept dense, by hand."""
    rows = []
    methods = {"percentage": "global", "percentage (layer)": "layer", "sensitivity": "matched", "random": "uniform"}
    pruned = {"percentage": 2.0, "percentage (layer)": 5.0, "sensitivity": 6.0, "random": 20.0}
    dense = {"percentage": 1.5, "percentage (layer)": 1.75, "sensitivity": 1.6, "random": 19.0}
    for seed in (0, 1):
        for last_layer, distances in (("pruned", pruned), ("dense", dense)):
            for label, distance in distances.items():
                row = {"dataset": "d", "seed": seed, "recalibrated": False, "threshold": 50.0, "last_layer": last_layer}
                row |= {"method": label.split()[0], "scope": methods[label], "label": label, "sparsity": 0.5}
                rows.append(
                    row | {"frechet": distance + seed * (last_layer == "pruned"), "ssim": 1 / distance, "uqi": 0}
                )
    return pd.DataFrame(rows)


def test_the_range_of_criteria_and_the_gain_of_a_dense_last_layer(both_ways):
    lone = both_ways.iloc[[0]].assign(threshold=70.0)  # run one way only: no pair
    by_s = both_ways.iloc[[2]].assign(scope="layer", threshold=0.75)
    rows = equal_sparsity.by_last_layer(pd.concat([both_ways, lone, by_s], ignore_index=True))
    assert len(rows) == len(both_ways) and set(rows.label) == set(both_ways.label)
    ranges = equal_sparsity.criteria_range(rows)["range", "mean"]
    assert ranges["d", False, 50.0, "pruned"] == pytest.approx(4.0)  # 6 - 2, random left out
    assert ranges["d", False, 50.0, "dense"] == pytest.approx(0.25)
    gain = equal_sparsity.last_layer_gain(rows).loc[("d", False, "sensitivity", 50.0)]
    assert gain["difference", "mean"] == pytest.approx(-4.9)  # -4.4 and -5.4
    assert gain["difference", "std"] == pytest.approx(0.5**0.5) and gain["n", ""] == 2
    shown = equal_sparsity.in_columns(equal_sparsity.criteria_range(rows), "range", [50.0])
    assert shown.loc[("d", False, "pruned"), "50 %"] == "4.00 ± 0.00"


def test_shares_of_the_last_layer_are_of_the_layer_before_the_overall_row():
    run = {"dataset": "d", "seed": 0, "pruned_network": "generator", "method": "percentage", "scope": "layer"}
    run |= {"last_layer": "pruned", "threshold": 50.0}
    table = pd.DataFrame(
        [run | {"layer": name, "sparsity": s} for name, s in (("a", 0.6), ("b", 0.2), ("overall", 0.5))]
    )
    random = table.assign(method="random", scope="uniform")
    [row] = equal_sparsity.shares_of_last_layer(pd.concat([table, random])).to_dict("records")
    assert row == {"dataset": "d", "label": "percentage (layer)", "overall": 50.0, "last": pytest.approx(20.0)}


def test_a_rise_is_by_half_and_by_the_spread_of_the_dense_generators(cells):
    both = pd.concat([cells.assign(frechet=cells.frechet + cells.seed / 10), cells.assign(dataset="e")])
    found = equal_sparsity.critical_sparsity(both[(both.dataset == "d") | (both.seed == 0)])
    found = found.set_index(["rise", "dataset", "seed", "label"]).critical_sparsity
    # Dense: 1 and 1.1, so two standard deviations are 0.141; seed 0 rises by 1 over all weights.
    assert found["by 2 std", "d", 0, "percentage"] == pytest.approx(2 * 0.1 / 2**0.5)
    assert found["by half", "d", 0, "percentage"] == pytest.approx(0.5)
    assert ("by 2 std", "e", 0, "percentage") not in found.index  # one seed has no spread


def test_correlation_is_taken_within_one_sparsity(both_ways):
    table = equal_sparsity.correlations(both_ways)
    assert table.loc[("d", 50.0), "ssim"] < -0.9 and table.loc[("d", 50.0), "n"] == 2
    shuffled = both_ways.assign(threshold=both_ways.threshold.where(both_ways.seed == 0, 70.0))
    other = shuffled.assign(ssim=shuffled.ssim.where(shuffled.threshold == 50, -shuffled.ssim))
    assert equal_sparsity.correlations(other).ssim.gt(0).tolist() == [False, True]


def test_a_second_opinion_is_a_rank_correlation(both_ways):
    same = both_ways.assign(frechet_plain=both_ways.frechet * 3)
    assert equal_sparsity.second_opinion(same).tau.to_list() == pytest.approx([1, 1])
    swapped = both_ways.assign(frechet_plain=-both_ways.frechet)
    assert equal_sparsity.second_opinion(swapped).tau.to_list() == pytest.approx([-1, -1])
    assert equal_sparsity.second_opinion(both_ways).empty
