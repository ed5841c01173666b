"""What is said of cut U-Nets: costs by layer, the ranking, and the verdict, on numbers whose answer is known."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from test_filters import trained_like

from ganprune_utils import unet_statistics, unets
from ganprune_utils.errors import DataError
from ganprune_utils.models import UNet
from ganprune_utils.paired import Pairs

INPUTS = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_describe_names_what_goes_with_a_layer():
    table = unets.describe(UNet(1, 3, ngf=16), INPUTS)
    assert list(table.index) == ["down1", "down2", "down3", "down4", "down5", "up5", "up4", "up3", "up2"]
    assert table.loc["down2", "read by"] == "down3, up2" and table.loc["down2", "BatchNorm"] == "down2"
    # By hand: half of down5's 128 filters, their biases, and what up5 reads of them; pictures of 1x1.
    gone = 64 * (128 * 16 + 1) + 64 * 128 * 16
    whole = sum(p.numel() for p in UNet(1, 3, ngf=16).parameters())
    assert table.loc["down5", "parameters %"] == pytest.approx(100 * gone / whole)
    assert table.loc["up2", "macs %"] > table.loc["up5", "macs %"]


def test_ranking_puts_the_layer_first_that_spares_least():
    scan = pd.DataFrame(
        [(False, f"down.{layer}.conv", share, value)
         for layer, values in {"down1": (0.12, 0.2), "down5": (0.1, 0.101), "down3": (0.1, 0.11)}.items()
         for share, value in zip((0.5, 0.9), values, strict=True)],
        columns=["tuned", "layer", "sparsity", "l1"],
    )  # fmt: skip
    found = unet_statistics.ranking(scan, pd.DataFrame({"tuned": [False], "l1": [0.1]}), rise=0.05)
    assert list(found.index) == [(False, "down1"), (False, "down3"), (False, "down5")]
    # down1 rises by 0.02 over half of its filters: by 0.005 after an eighth.
    assert found.tolerated.iloc[0] == pytest.approx(0.125) and found.at_half.iloc[0] == pytest.approx(0.2)
    assert found.tolerated.iloc[1] == pytest.approx(0.7) and np.isnan(found.tolerated.iloc[2])


def test_the_verdict_is_paired_by_picture():
    random = np.random.default_rng(0)
    dense = pd.Series(random.uniform(0.0, 0.2, 4000))  # pictures differ far more than networks do
    worse = {share: dense + 0.1 * share + random.normal(0, 0.005, 4000) for share in (0.01, 0.02, 0.03)}
    each = {("dense", "-", "-", 0): dense, ("dense, as trained", "-", "-", 0): dense + 0.001}
    each |= {(f"{share}", "macs", "a", 0): values for share, values in worse.items()}
    found = unet_statistics.no_loss(each, margin=0.02)
    # 0.02 lies within its interval: that it is below the margin is not shown.
    assert list(found.no_loss) == [True, False, False]
    assert found.difference.to_list() == pytest.approx([0.01, 0.02, 0.03], abs=0.002)
    assert (found.low < found.difference).all() and (found.difference < found.high).all()
    # Compared with the better of the two dense ones.
    each["dense, as trained", "-", "-", 0] = dense - 0.001
    assert unet_statistics.no_loss(each, margin=0.02).difference.to_list() == pytest.approx(
        [0.02, 0.03, 0.04], abs=0.002
    )
    with pytest.raises(DataError, match="no dense network to compare with"):
        unet_statistics.no_loss({("inner", "macs", "a", 0): dense}, margin=0.02)


def test_runs_that_differ_widen_the_interval_and_none_may_be_beyond_the_margin():
    dense = [pd.Series(np.linspace(0.05, 0.15, 1000))] * 3
    apart = [dense[0] + 0.1 * shift for shift in (-0.02, 0.0, 0.035)]
    alike = [dense[0] + 0.1 * 0.005] * 3
    one, other = (unet_statistics.difference(runs, dense, 0.1) for runs in (apart, alike))
    assert one["difference"] == pytest.approx(0.005) and other["difference"] == pytest.approx(0.005)
    assert one["high"] - one["low"] > 0.02 and other["high"] - other["low"] < 1e-9
    assert one["worst"] == pytest.approx(0.035)
    # By Student's t with two degrees of freedom; a bootstrap of three runs would end at the smallest and the largest.
    spread = 4.303 * np.std([-0.02, 0.0, 0.035], ddof=1) / np.sqrt(3)
    assert [one["low"], one["high"]] == pytest.approx([0.005 - spread, 0.005 + spread], rel=1e-3)
    each = {("dense", "-", "-", i): scores for i, scores in enumerate(dense)}
    each |= {("apart", "macs", "a", i): scores for i, scores in enumerate(apart)}
    each |= {("alike", "macs", "a", i): scores for i, scores in enumerate(alike)}
    verdict = unet_statistics.no_loss(each, margin=0.034)
    assert verdict.no_loss.to_dict() == {("apart", "macs", "a"): False, ("alike", "macs", "a"): True}
    # One run of five is beyond the margin, though the interval of their mean is not.
    each = {("dense", "-", "-", i): dense[0] for i in range(5)}
    each |= {("once", "macs", "a", i): dense[0] + 0.1 * (0.035 if i == 4 else 0) for i in range(5)}
    verdict = unet_statistics.no_loss(each, margin=0.03).loc[("once", "macs", "a")]
    assert verdict.high < 0.03 < verdict.worst and not verdict.no_loss


def test_duels_are_with_what_costs_the_same():
    random = np.random.default_rng(0)
    scores = pd.Series(random.uniform(0.05, 0.15, 500))
    each = {
        ("dense", "-", "-", 0): scores,
        ("levels out", "both", "1 level out", 0): scores + 0.01,
        ("inner", "macs", "1 level out", 0): scores + 0.02,
        ("uniform", "macs", "1 level out", 0): scores + 0.03,
        ("uniform", "parameters", "80%", 0): scores + 0.001,
    }
    found = unet_statistics.duels(each).set_index(["remedy", "against", "measure", "target"])
    assert list(found.index) == [
        ("levels out", "inner", "macs", "1 level out"),
        ("levels out", "uniform", "macs", "1 level out"),
        ("inner", "uniform", "macs", "1 level out"),
    ]
    assert found.difference.to_list() == pytest.approx([-0.1, -0.2, -0.1], rel=0.05)
    assert found.wins.all() and not found.loses.any()


def test_the_halves_of_the_test_pairs_have_nothing_in_common():
    pictures = torch.randint(256, (40, 1, 32, 32), dtype=torch.uint8)
    test = Pairs("paired_folder", "test", pictures, pictures, "")
    choose, report = unets.Report("paired_folder", test, "choose"), unets.Report("paired_folder", test, "report")
    assert torch.equal(choose.inputs, pictures[::2]) and torch.equal(report.inputs, pictures[1::2])
    network = trained_like(UNet(1, 1, ngf=16))
    assert report(network) == report.pictures(unets.translate(network, report.inputs))
    assert report.pictures(report.truth)["l1"] == 0
    # Thinned, a half stays a half.
    few = unets.Report("paired_folder", test, "choose", 5)
    assert torch.equal(few.inputs, pictures[::8]) and few.pictures(test.targets)["l1"] == 0


def test_a_piece_is_kept_apart_for_all_that_decides_it(tmp_path):
    one = trained_like(UNet(1, 1, ngf=16))
    other = copy.deepcopy(one)
    assert unets.digest(one) == unets.digest(other) != unets.digest(one, other)
    other.up["up1"].conv.bias.data[0] += 1e-6
    assert unets.digest(one) != unets.digest(other)
    pictures = torch.zeros(4, 1, 32, 32, dtype=torch.uint8)
    train, test = (Pairs("edges", split, pictures, pictures, split) for split in ("train", "test"))
    folders = {
        unets.keep(tmp_path, task, *pairs, steps).folder
        for task, pairs, steps in (
            ("edges", (train, test), 1), ("edges", (train, test), 2), ("edges", (test, test), 1),
            ("edges", (train, train), 1), ("colour", (train, test), 1), ("paired_folder", (train, test), 1),
            ("edges", (train, test), 1),
        )
    }  # fmt: skip
    assert len(folders) == 6


def test_astray_is_what_is_worse_than_with_more_removed():
    rises = pd.DataFrame([[0.1, 3.8, 1.3], [1.0, 2.0, 1.5], [5.0, 1.0, 0.9]], columns=[0.5, 0.75, 0.9])
    assert unet_statistics.astray(rises).to_numpy().tolist() == [
        [False, True, False], [False, False, False], [True, False, False],
    ]  # fmt: skip


def test_a_fine_tuning_gone_astray_does_not_count_in_the_ranking():
    points = {"sparsity": [0.25, 0.5, 0.75], "l1": [0.101, 0.2, 0.104]}
    scan = pd.concat([pd.DataFrame(points).assign(layer="down.down1.conv", tuned=tuned) for tuned in (False, True)])
    reference = pd.DataFrame({"tuned": [False, True], "l1": 0.1})
    found = unet_statistics.ranking(scan, reference, rise=0.05)
    assert found.at_half.to_list() == pytest.approx([1.0, 0.025]) and found.tolerated.isna().to_list() == [False, True]


def test_the_gain_is_what_no_network_is_worse():
    verdict = pd.DataFrame({"difference": [0.0, 0.02, 0.04], "of the gain": [0.0, 0.1, 0.2]})
    assert unet_statistics.gain(verdict) == pytest.approx(0.2)


def test_shares_saved_count_levels_out_under_both_costs():
    ways = pd.DataFrame(
        [("dense", "-", "-", 100, 10), ("levels out", "both", "1", 80, 5), ("inner", "macs", "1", 82, 9),
         ("lamp", "parameters", "0.2", 50, 2), ("narrow 9", "parameters", "0.2", 10, 1)],
        columns=["way", "measure", "target", "macs", "parameters"],
    )  # fmt: skip
    found = unet_statistics.shares_saved(ways)
    assert list(found) == [("macs", "1"), ("parameters", "1"), ("parameters", "0.2")]
    assert list(found.values()) == pytest.approx([0.19, 0.5, 0.8])
