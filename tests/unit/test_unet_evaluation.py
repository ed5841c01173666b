"""What is measured of pruned U-Nets, and what the statistics say of numbers whose answer is known."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import trained_like

from ganprune_utils.analysis import equal_cost, unet_layers
from ganprune_utils.data.pairs import Pairs
from ganprune_utils.errors import DataError
from ganprune_utils.evaluation import unet_runs
from ganprune_utils.evaluation.unet import UNetEvaluator, network_digest, spread, translate
from ganprune_utils.models.checkpoints import save_network
from ganprune_utils.models.unet import PatchDiscriminator, UNet
from ganprune_utils.pruning.unet import Candidate, costs


def test_ranking_puts_the_most_sensitive_layer_first():
    scan = pd.DataFrame(
        [(False, f"down.{layer}.conv", share, value)
         for layer, values in {"down1": (0.12, 0.2), "down5": (0.1, 0.101), "down3": (0.1, 0.11)}.items()
         for share, value in zip((0.5, 0.9), values, strict=True)],
        columns=["fine_tuned", "layer", "sparsity", "l1"],
    )  # fmt: skip
    ranking = unet_layers.ranking(scan, pd.DataFrame({"fine_tuned": [False], "l1": [0.1]}), rise=0.05)
    assert list(ranking.index) == [(False, "down1"), (False, "down3"), (False, "down5")]
    # down1 rises by 0.02 over half of its filters: by 0.005 after an eighth.
    assert ranking.critical_sparsity.iloc[0] == pytest.approx(0.125) and ranking.at_half.iloc[0] == pytest.approx(0.2)
    assert ranking.critical_sparsity.iloc[1] == pytest.approx(0.7) and np.isnan(ranking.critical_sparsity.iloc[2])


def table(scores: dict) -> pd.DataFrame:
    """Columns (method, measure, target, run) as `unet_runs.Evaluated` has them."""
    return pd.DataFrame(scores).rename_axis(columns=["method", "measure", "target", "run"])


def test_no_loss_is_paired_by_image():
    random = np.random.default_rng(0)
    dense = pd.Series(random.uniform(0.0, 0.2, 4000))  # images differ far more than networks do
    worse = {share: dense + 0.1 * share + random.normal(0, 0.005, 4000) for share in (0.01, 0.02, 0.03)}
    l1 = {("dense", "-", "-", 0): dense, ("dense, as trained", "-", "-", 0): dense + 0.001}
    l1 |= {(f"{share}", "macs", "a", 0): values for share, values in worse.items()}
    rows = equal_cost.no_loss(table(l1), margin=0.02)
    # 0.02 lies within its interval: that it is below the margin is not shown.
    assert list(rows.no_loss) == [True, False, False]
    assert rows.difference.to_list() == pytest.approx([0.01, 0.02, 0.03], abs=0.002)
    assert (rows.low < rows.difference).all() and (rows.difference < rows.high).all()
    # Compared with the better of the two dense ones.
    l1["dense, as trained", "-", "-", 0] = dense - 0.001
    rows = equal_cost.no_loss(table(l1), margin=0.02)
    assert rows.difference.to_list() == pytest.approx([0.02, 0.03, 0.04], abs=0.002)
    with pytest.raises(DataError, match="no dense network to compare with"):
        equal_cost.no_loss(table({("inner", "macs", "a", 0): dense}), margin=0.02)


def test_runs_that_differ_widen_the_interval_and_none_may_be_beyond_the_margin():
    dense = [pd.Series(np.linspace(0.05, 0.15, 1000))] * 3
    apart = [dense[0] + 0.1 * shift for shift in (-0.02, 0.0, 0.035)]
    alike = [dense[0] + 0.1 * 0.005] * 3
    one, other = (equal_cost.difference(runs, dense, 0.1) for runs in (apart, alike))
    assert one["difference"] == pytest.approx(0.005) and other["difference"] == pytest.approx(0.005)
    assert one["high"] - one["low"] > 0.02 and other["high"] - other["low"] < 1e-9
    assert one["worst"] == pytest.approx(0.035)
    # By Student's t with two degrees of freedom; a bootstrap of three runs would end at the smallest and the largest.
    spread = 4.303 * np.std([-0.02, 0.0, 0.035], ddof=1) / np.sqrt(3)
    assert [one["low"], one["high"]] == pytest.approx([0.005 - spread, 0.005 + spread], rel=1e-3)
    l1 = {("dense", "-", "-", i): scores for i, scores in enumerate(dense)}
    l1 |= {("apart", "macs", "a", i): scores for i, scores in enumerate(apart)}
    l1 |= {("alike", "macs", "a", i): scores for i, scores in enumerate(alike)}
    rows = equal_cost.no_loss(table(l1), margin=0.034)
    assert rows.no_loss.to_dict() == {("apart", "macs", "a"): False, ("alike", "macs", "a"): True}
    # One run of five is beyond the margin, though the interval of their mean is not.
    l1 = {("dense", "-", "-", i): dense[0] for i in range(5)}
    l1 |= {("once", "macs", "a", i): dense[0] + 0.1 * (0.035 if i == 4 else 0) for i in range(5)}
    row = equal_cost.no_loss(table(l1), margin=0.03).loc[("once", "macs", "a")]
    assert row.high < 0.03 < row.worst and not row.no_loss


def test_comparisons_are_with_what_costs_the_same():
    random = np.random.default_rng(0)
    scores = pd.Series(random.uniform(0.05, 0.15, 500))
    l1 = {
        ("dense", "-", "-", 0): scores,
        ("depth reduction", "both", "1 level removed", 0): scores + 0.01,
        ("inner", "macs", "1 level removed", 0): scores + 0.02,
        ("uniform", "macs", "1 level removed", 0): scores + 0.03,
        ("uniform", "parameters", "80%", 0): scores + 0.001,
    }
    rows = equal_cost.comparisons(table(l1)).set_index(["proposed", "against", "measure", "target"])
    assert list(rows.index) == [
        ("depth reduction", "inner", "macs", "1 level removed"),
        ("depth reduction", "uniform", "macs", "1 level removed"),
        ("inner", "uniform", "macs", "1 level removed"),
    ]
    assert rows.difference.to_list() == pytest.approx([-0.1, -0.2, -0.1], rel=0.05)
    assert rows.better.all() and not rows.worse.any()


def random_pairs(n=40, split="test"):
    images = torch.randint(256, (n, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(n))
    return Pairs("paired_folder", split, images, images, split)


def test_the_halves_of_the_test_pairs_have_nothing_in_common():
    test = random_pairs()
    validation, other = (UNetEvaluator("paired_folder", test, split) for split in ("validation", "test"))
    assert torch.equal(validation.inputs, test.inputs[::2]) and torch.equal(other.inputs, test.inputs[1::2])
    network = trained_like(UNet(1, 1, ngf=16))
    assert other(network) == other.scores(translate(network, other.inputs))
    assert other.scores(other.targets)["l1"] == 0
    # Thinned, a half stays a half.
    few = UNetEvaluator("paired_folder", test, "validation", 5)
    assert torch.equal(few.inputs, test.inputs[::8]) and few.scores(test.targets)["l1"] == 0
    assert torch.equal(spread(test.inputs, 5), test.inputs[::8])


def test_the_better_baseline_without_a_network_is_the_input_or_the_mean_image():
    test = random_pairs()
    evaluator = UNetEvaluator("paired_folder", test)
    assert evaluator.trivial_l1(test) == 0  # its input is its target
    inverted = Pairs("paired_folder", "test", 255 - test.targets, test.targets, "inverted")
    mean = test.targets.double().mean(0, keepdim=True).round().to(torch.uint8)
    expected = evaluator.each(mean.expand_as(evaluator.targets)).l1.mean()
    assert UNetEvaluator("paired_folder", inverted).trivial_l1(inverted) == pytest.approx(expected)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run folder with a tiny pair of random weights, as a training leaves it."""
    folder = tmp_path_factory.mktemp("unet")
    rates = {"lr_generator": 2e-4, "lr_discriminator": 2e-4, "beta1": 0.5, "beta2": 0.999}
    card = {"parameters": {"lambda_l1": 100.0, "batch_size": 8, "ngf": 4, **rates}}
    for name, network in (("generator", UNet(1, 1, ngf=4)), ("discriminator", PatchDiscriminator(1, 1, 4))):
        save_network(trained_like(network), folder / f"{name}.safetensors", card)
    return folder


def tuning_in(folder, source, train=None, evaluator=None, precision="float32"):
    evaluator = evaluator or UNetEvaluator("paired_folder", random_pairs())
    return unet_runs.FineTuning(folder, source, train or random_pairs(24, "train"), evaluator, precision, 1)


def test_a_result_is_cached_apart_for_all_that_decides_it(trained, tmp_path):
    one = trained_like(UNet(1, 1, ngf=16))
    other = copy.deepcopy(one)
    assert network_digest(one) == network_digest(other) != network_digest(one, other)
    other.up["up1"].conv.bias.data[0] += 1e-6
    assert network_digest(one) != network_digest(other)
    train, test, less = random_pairs(24, "train"), random_pairs(), random_pairs().some(20)
    evaluators = [UNetEvaluator("paired_folder", *arguments) for arguments in (
        (test,), (test, "validation"), (test, "test", 5), (less,)
    )]  # fmt: skip
    evaluators += [UNetEvaluator("edges", test, frechet=frechet) for frechet in (True, False)]
    folders = {tuning_in(tmp_path, trained, train, evaluator).cache.folder for evaluator in evaluators}
    folders |= {tuning_in(tmp_path, trained, less).cache.folder, tuning_in(tmp_path, trained, train).cache.folder}
    folders |= {tuning_in(tmp_path, trained, precision="bfloat16").cache.folder}
    assert len(folders) == len(evaluators) + 2  # the same twice


def test_an_interrupted_evaluation_goes_on(trained, tmp_path, monkeypatch):
    dense = trained_like(UNet(1, 1, ngf=4))
    candidates = [Candidate("random", "macs", "a", dense, 1), Candidate("dense", "-", "-", dense)]
    candidates.append(Candidate("dense, as trained", "-", "-", dense))
    first = unet_runs.evaluate(tuning_in(tmp_path, trained), candidates, 0, 2, 2)
    assert list(zip(first.rows.method, first.rows.run, strict=True)) == [
        ("random", 1), ("dense", 0), ("dense", 1), ("dense, as trained", 0),
    ]  # fmt: skip
    assert list(first.l1.columns) == [(*key, run) for *key, run in first.rows.iloc[:, :4].itertuples(index=False)]
    assert first.l1.mean().to_list() == pytest.approx(first.rows.l1.to_list()) and len(first.l1) == 20
    assert first.ssim.mean().to_list() == pytest.approx(first.rows.ssim.to_list())
    # A draw is run once, with its own seed; that of the second run of the same network.
    assert first.rows.l1[0] == first.rows.l1[2] != first.rows.l1[1] != first.rows.l1[3]
    assert first.rows.macs[0] == costs(dense, torch.zeros(1, 1, 32, 32))["macs"]
    assert [images.shape for images in first.images] == [(8, 1, 32, 32)] * 4
    # As trained is not fine-tuned.
    evaluator = UNetEvaluator("paired_folder", random_pairs())
    assert first.rows.l1[3] == pytest.approx(evaluator(dense)["l1"])

    def finetune(*arguments):
        raise AssertionError("fine-tuned again")

    monkeypatch.setattr(unet_runs.pix2pix, "finetune", finetune)
    tuning = tuning_in(tmp_path, trained)
    again = unet_runs.evaluate(tuning, candidates, 0, 2, 2)
    pd.testing.assert_frame_equal(first.rows, again.rows)
    pd.testing.assert_frame_equal(first.l1, again.l1)
    assert tuning.cache.seconds > 0
    with pytest.raises(AssertionError, match="fine-tuned again"):
        tuning.before_and_after(dense, 0, 2)


def test_more_steps_are_taken_at_two_costs_once_by_each_method(trained, tmp_path):
    dense = trained_like(UNet(1, 1, ngf=4))
    goals = [("macs", "a", 3), ("macs", "b", 2), ("macs", "c", 1), ("parameters", "d", 1)]
    keys = [("inner", "macs", "a"), ("inner", "macs", "b"), ("outer", "macs", "a"), ("lamp", "parameters", "d")]
    candidates = [Candidate(*key, dense) for key in [*keys, ("dense", "-", "-"), ("dense, as trained", "-", "-")]]
    candidates += [Candidate("random", "macs", "b", dense, draw) for draw in (0, 1)]
    assert unet_runs.reached_by_inner(candidates, goals) == ("macs", "b")
    assert unet_runs.reached_by_inner(candidates[2:], goals) is None
    tuning = tuning_in(tmp_path, trained)
    rows = unet_runs.evaluate(tuning, candidates, 0, 1, 1).rows
    more = unet_runs.more_steps(tuning, candidates, goals, rows, 0, 1, 3)
    assert more.groupby(["measure", "target"]).method.unique().map(list).to_dict() == {
        ("macs", "b"): ["inner", "dense", "random"], ("parameters", "d"): ["lamp", "dense"],
    }  # fmt: skip
    assert more.steps.to_list() == [1, 3] * 5
    assert more.l1[0] == rows.l1[0] != more.l1[1]


def test_non_monotonic_is_what_is_worse_than_with_more_removed():
    rises = pd.DataFrame([[0.1, 3.8, 1.3], [1.0, 2.0, 1.5], [5.0, 1.0, 0.9]], columns=[0.5, 0.75, 0.9])
    assert unet_layers.non_monotonic(rises).to_numpy().tolist() == [
        [False, True, False], [False, False, False], [True, False, False],
    ]  # fmt: skip


def test_a_non_monotonic_fine_tuning_does_not_count_in_the_ranking():
    points = {"sparsity": [0.25, 0.5, 0.75], "l1": [0.101, 0.2, 0.104]}
    scan = [pd.DataFrame(points).assign(layer="down.down1.conv", fine_tuned=after) for after in (False, True)]
    reference = pd.DataFrame({"fine_tuned": [False, True], "l1": 0.1})
    ranking = unet_layers.ranking(pd.concat(scan), reference, rise=0.05)
    assert ranking.at_half.to_list() == pytest.approx([1.0, 0.025])
    assert ranking.critical_sparsity.isna().to_list() == [False, True]


def test_rises_of_a_scan_are_over_the_dense_network_in_the_same_state():
    scan = {"layer": ["up.up2.conv", "up.up2.conv", "down.down1.conv", "down.down1.conv"], "ratio": 0.5}
    scan = pd.DataFrame(scan | {"fine_tuned": [False, True] * 2, "l1": [0.2, 0.06, 0.1, 0.05]})
    rises = unet_layers.rises(scan, pd.DataFrame({"fine_tuned": [False, True, False], "l1": [0.1, 0.05, 9.0]}))
    assert list(rises[False].index) == ["up2", "down1"]
    assert rises[False][0.5].to_list() == pytest.approx([100, 0]) and rises[True][0.5].to_list() == pytest.approx(
        [20, 0]
    )


def test_the_trivial_rise_is_what_no_network_is_worse():
    no_loss = pd.DataFrame({"difference": [0.0, 0.02, 0.04], "of the gain": [0.0, 0.1, 0.2]})
    assert equal_cost.trivial_rise(no_loss) == pytest.approx(0.2)


def test_shares_saved_count_depth_reduction_under_both_costs():
    rows = pd.DataFrame(
        [("dense", "-", "-", 100, 10), ("depth reduction", "both", "1", 80, 5), ("inner", "macs", "1", 82, 9),
         ("lamp", "parameters", "0.2", 50, 2), ("small dense 9", "parameters", "0.2", 10, 1)],
        columns=["method", "measure", "target", "macs", "parameters"],
    )  # fmt: skip
    saved = equal_cost.shares_saved(rows)
    assert list(saved) == [("macs", "1"), ("parameters", "1"), ("parameters", "0.2")]
    assert list(saved.values()) == pytest.approx([0.19, 0.5, 0.8])


def test_pictured_are_the_first_runs_at_one_cost_and_the_small_dense_networks():
    rows = pd.DataFrame(
        [("uniform", "macs", "b", 0), ("inner", "macs", "b", 0), ("inner", "macs", "b", 1), ("inner", "macs", "a", 0),
         ("lamp", "parameters", "b", 0), ("depth reduction", "both", "b", 0), ("random", "macs", "b", 0),
         ("dense", "-", "-", 0), ("dense, as trained", "-", "-", 0), ("small dense 9", "parameters", "a", 0)],
        columns=["method", "measure", "target", "run"],
    )  # fmt: skip
    shown = equal_cost.pictured(rows, "b")
    assert shown.method.to_list() == ["dense", "depth reduction", "inner", "uniform", "small dense 9"]
    assert shown.index.to_list() == [7, 5, 1, 0, 9]
