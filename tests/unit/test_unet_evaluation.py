"""What is measured of pruned U-Nets, and what the statistics say of numbers whose answer is known."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import trained_like

from ganprune_utils import parameters
from ganprune_utils.analysis import equal_cost, unet_layers
from ganprune_utils.data.pairs import Pairs
from ganprune_utils.errors import DataError, ParameterError
from ganprune_utils.evaluation import finetuning, unet_runs
from ganprune_utils.evaluation.unet import UNetEvaluator, network_digest, spread, translate
from ganprune_utils.models.checkpoints import save_network
from ganprune_utils.models.unet import PatchDiscriminator, UNet
from ganprune_utils.pruning.at_cost import Candidate, costs


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


KEY = ["method", "measure", "target", "fine_tuning", "run"]
DENSE, INNER, GLOBAL, LAMP = (
    (method, *(("-", "-") if method == "dense" else ("macs", "70%"))) for method in ("dense", "inner", "global", "lamp")
)


def table(scores: dict) -> pd.DataFrame:
    """Columns (method, measure, target, fine_tuning, run) as `finetuning.Evaluated` has them."""
    return pd.DataFrame(scores).rename_axis(columns=KEY)


def test_a_difference_counts_runs_and_clips_as_drawn_anew():
    random = np.random.default_rng(0)
    other = random.uniform(0, 1, (3, 400))
    apart = np.array([[0.02], [0.05], [0.08]])
    row = equal_cost.difference(other + apart, other)
    # The clips differ by the same: Student's t with two degrees of freedom of three runs.
    assert [row["low"], row["high"]] == pytest.approx(
        [0.05 - 4.3027 * 0.03 / 3**0.5, 0.05 + 4.3027 * 0.03 / 3**0.5], rel=1e-4
    )
    t = 0.05 / (0.03 / 3**0.5)
    assert row["p"] == pytest.approx(1 - t / (2 + t**2) ** 0.5)  # Student's with two degrees of freedom, in closed form
    assert row["difference"] == pytest.approx(0.05) and row["runs"] == 3
    # The runs differ by the same: the clips' variance, with the degrees of freedom of the runs.
    clips = random.normal(0.05, 0.1, (1, 400))
    row = equal_cost.difference(other + clips, other)
    half = 4.3027 * clips.std(ddof=1) / 20
    assert row["high"] - row["low"] == pytest.approx(2 * half, rel=1e-3)
    # One run: that of its clips, and no p-value. One number: nothing.
    row = equal_cost.difference(other[:1] + clips, other[:1])
    assert row["high"] - row["low"] == pytest.approx(2 * 1.966 * clips.std(ddof=1) / 20, rel=1e-3) and np.isnan(
        row["p"]
    )
    assert np.isnan(
        [equal_cost.difference(np.ones((1, 1)), np.zeros((1, 1)))[name] for name in ("low", "high", "p")]
    ).all()
    # One number of each run, as of a distance between sets.
    row = equal_cost.difference(np.array([[1.0], [2.0], [3.0]]), np.zeros((3, 1)))
    assert row["p"] == pytest.approx(0.0742, abs=1e-4)
    same = equal_cost.difference(other, other)
    assert (same["difference"], same["low"], same["high"], same["p"]) == (0, 0, 0, 1)


def test_pairing_finds_what_images_hide():
    random = np.random.default_rng(0)
    other = random.uniform(0.0, 0.2, (3, 1000))  # images differ far more than networks do
    row = equal_cost.difference(other + 0.001 + random.normal(0, 1e-4, (3, 1000)), other)
    assert 0.0009 < row["low"] < row["high"] < 0.0011 and row["p"] < 1e-3


def scores_of(shifts: dict, ft="1 epoch", runs=3):
    random = np.random.default_rng(0)
    base = random.uniform(0.05, 0.15, 300)
    return {
        (*key, ft, run): base + shift * base.mean() + run * 1e-6 for key, shift in shifts.items() for run in range(runs)
    }


def test_comparisons_are_with_global_first_then_the_proposed_method_then_dense():
    l1 = scores_of({DENSE: 0, INNER: 0.1, GLOBAL: 0.3, LAMP: 0.2, ("lamp", "macs", "55%"): 0.5})
    rows = equal_cost.comparisons({"l1": table(l1)})
    key = ["method", "target", "against"]
    assert list(rows[key].itertuples(index=False, name=None)) == [
        ("inner", "70%", "global"), ("inner", "70%", "dense"), ("global", "70%", "dense"),
        ("lamp", "70%", "global"), ("lamp", "70%", "inner"), ("lamp", "70%", "dense"), ("lamp", "55%", "dense"),
    ]  # fmt: skip
    assert rows.difference.to_list() == pytest.approx([-0.2, 0.1, 0.3, -0.1, 0.1, 0.2, 0.5], rel=1e-3)
    assert set(rows.metric) == {"l1"} and set(rows.fine_tuning) == {"1 epoch"} and set(rows.runs) == {3}
    # Only what was fine-tuned alike is compared.
    later = scores_of({DENSE: 0, INNER: 0.1}, "4 epochs", runs=1)
    both = equal_cost.comparisons({"l1": table(l1 | later), "frechet": table(later).iloc[:1]})
    assert both[both.fine_tuning == "4 epochs"][["metric", "against"]].to_numpy().tolist() == [
        ["l1", "dense"], ["frechet", "dense"],
    ]  # fmt: skip
    with pytest.raises(DataError, match="comparisons: 1 epoch has no dense network to compare with"):
        equal_cost.comparisons({"l1": table(scores_of({INNER: 0.1}))})


def test_runs_are_paired_by_their_numbers():
    l1 = scores_of({DENSE: 0, INNER: 0.1, GLOBAL: 0.1})
    for run, shift in enumerate((0.0, 0.02, 0.01)):
        for key in (INNER, GLOBAL):
            l1[(*key, "1 epoch", run)] = l1[(*key, "1 epoch", run)] + shift
    shuffled = dict(sorted(l1.items(), key=lambda item: (item[0][0], -item[0][-1] if item[0][0] == "inner" else 0)))
    rows = equal_cost.comparisons({"l1": table(shuffled)}).set_index(["method", "against"])
    row, apart = rows.loc[("inner", "global")], rows.loc[("inner", "dense")]
    assert row.high - row.low < 1e-4 < apart.high - apart.low


def test_verdicts_hold_after_holm_and_know_what_is_better():
    rows = pd.DataFrame(
        [("l1", "global", -0.1, 0.001), ("ssim", "global", -0.1, 0.002), ("ssim", "inner", 0.1, 0.003),
         ("frechet", "global", -0.2, 0.04), ("l1", "dense", 0.5, 1e-9), ("l1", "global", -0.1, np.nan)],
        columns=["metric", "against", "difference", "p"],
    )  # fmt: skip
    judged = equal_cost.judged(rows)
    assert judged.p_holm.to_list() == pytest.approx([0.004, 0.006, 0.006, 0.04, np.nan, np.nan], nan_ok=True)
    assert judged.verdict.to_list() == ["better", "worse", "better", "better", "", ""]
    # Twice as many comparisons: the fourth does not hold any more.
    assert equal_cost.judged(pd.concat([rows, rows])).verdict.to_list()[3] == "open"
    assert not len(equal_cost.judged(pd.DataFrame()))


def random_pairs(n=40, split="test"):
    images = torch.randint(256, (n, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(n))
    return Pairs("paired_folder", split, images, images, split)


def test_the_halves_of_the_test_pairs_have_nothing_in_common():
    test = random_pairs()
    validation, other = (UNetEvaluator("paired_folder", test, split) for split in ("validation", "test"))
    assert torch.equal(validation.inputs, test.inputs[::2]) and torch.equal(other.inputs, test.inputs[1::2])
    network = trained_like(UNet(1, 1, ngf=16))
    assert other.measure(network)["scores"] == other.scores(translate(network, other.inputs))
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
    return unet_runs.tuning(folder, source, train or random_pairs(24, "train"), evaluator, precision, 1)


def test_pairs_in_another_direction_than_those_of_the_training_are_refused(trained, tmp_path):
    train = replace(random_pairs(24, "train"), direction="BtoA")
    with pytest.raises(ParameterError, match=f"direction = 'BtoA': {trained} was trained with AtoB"):
        tuning_in(tmp_path, trained, train)


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


def candidates_of(dense):
    at = ("macs", "70%", 0.7)
    drawn = [Candidate("random", *at, dense, draw) for draw in range(2)]
    return [Candidate("dense", "-", "-", 1.0, dense), *drawn, Candidate("lamp", "macs", "55%", 0.55, dense)]


LENGTHS = parameters.fine_tunings("2 steps, 2 runs; 1 epoch, 1 run, at 0.7")


def test_every_fine_tuning_has_its_runs_and_costs_and_an_interrupted_one_goes_on(trained, tmp_path, monkeypatch):
    dense = trained_like(UNet(1, 1, ngf=4))
    first = finetuning.evaluate(tuning_in(tmp_path, trained), candidates_of(dense), 0, LENGTHS)
    keys = list(first.rows[KEY].itertuples(index=False, name=None))
    assert keys == [
        ("dense", "-", "-", "as trained", 0),
        ("dense", "-", "-", "2 steps", 0), ("dense", "-", "-", "2 steps", 1),
        ("random", "macs", "70%", "2 steps", 0), ("random", "macs", "70%", "2 steps", 1),
        ("lamp", "macs", "55%", "2 steps", 0), ("lamp", "macs", "55%", "2 steps", 1),
        ("dense", "-", "-", "1 epoch", 0), ("random", "macs", "70%", "1 epoch", 0),
    ]  # fmt: skip
    for name in ("l1", "ssim"):
        assert list(first.scores[name].columns) == keys and len(first.scores[name]) == 20
        assert first.scores[name].mean().to_list() == pytest.approx(first.rows[name].to_list())
    l1 = dict(zip(keys, first.rows.l1, strict=True))
    # A draw is run once, with its own seed: here that of the same run of the same network.
    assert l1[keys[1]] == l1[keys[3]] != l1[keys[2]] == l1[keys[4]] and len({l1[keys[i]] for i in (0, 1, 2, 7)}) == 4
    assert first.rows.macs[0] == costs(dense, torch.zeros(1, 1, 32, 32))["macs"]
    assert [images.shape for images in first.images] == [(8, 1, 32, 32)] * 9
    # As trained is not fine-tuned; an epoch of 24 pairs has 3 steps of 8.
    assert l1[keys[0]] == pytest.approx(UNetEvaluator("paired_folder", random_pairs()).measure(dense)["scores"]["l1"])
    again = tuning_in(tmp_path, trained)
    assert again.result(candidates_of(dense)[0], 0, 3)["scores"]["l1"] == l1[keys[7]]

    def finetune(*arguments):
        raise AssertionError("fine-tuned again")

    monkeypatch.setattr(unet_runs.pix2pix, "finetune", finetune)
    tuning = tuning_in(tmp_path, trained)
    second = finetuning.evaluate(tuning, candidates_of(dense), 0, LENGTHS, worker=1, workers=3)
    pd.testing.assert_frame_equal(first.rows, second.rows)
    pd.testing.assert_frame_equal(first.scores["l1"], second.scores["l1"])
    assert tuning.cache.seconds > 0
    with pytest.raises(AssertionError, match="fine-tuned again"):
        tuning.before_and_after(dense, 0, 2)


def test_processes_share_the_work_each_with_a_part_of_its_own(trained, tmp_path, monkeypatch):
    computed = []
    each = {"l1": torch.ones(3), "ssim": torch.ones(3)}
    result = {"scores": {"l1": 0.1}, "each": each, "images": torch.zeros(8, 1, 2, 2)}
    tuning = tuning_in(tmp_path, trained)
    monkeypatch.setattr(
        tuning, "result", lambda candidate, seed, steps: computed.append((candidate, seed, steps)) or result
    )
    candidates = candidates_of(trained_like(UNet(1, 1, ngf=4)))
    finetuning.evaluate(tuning, candidates, 5, LENGTHS)
    alone = list(computed)
    for worker in range(4):
        computed.clear()
        finetuning.evaluate(tuning, candidates, 5, LENGTHS, worker, workers=4)
        assert computed == alone[worker::4] + alone and len(alone) == 9


def test_frames_of_a_clip_are_averaged_before_they_are_compared(trained, tmp_path):
    test = random_pairs()
    test = Pairs("paired_folder", "test", test.inputs, test.targets, "clips", torch.arange(40) // 4)
    evaluator = UNetEvaluator("paired_folder", test)
    assert evaluator.clips.tolist() == [clip for clip in (1, 3, 5, 7, 9) for _ in range(4)]
    dense = trained_like(UNet(1, 1, ngf=4))
    result = tuning_in(tmp_path, trained, evaluator=evaluator).result(Candidate("dense", "-", "-", 1.0, dense), 0, 0)
    each = evaluator.each(translate(dense, evaluator.inputs)).l1.to_numpy().reshape(5, 4)
    assert result["each"]["l1"].tolist() == pytest.approx(each.mean(1).tolist())
    assert result["scores"]["l1"] == pytest.approx(each.mean())


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


def rows_of(*keys):
    rows = pd.DataFrame(keys, columns=KEY)
    return rows.assign(macs=rows.target.map({"-": 100, "85%": 85, "70%": 70, "55%": 55}))


def test_rises_are_over_the_dense_network_after_the_same_fine_tuning():
    rows = rows_of(
        ("dense", "-", "-", "as trained", 0), ("dense", "-", "-", "1 epoch", 0), ("dense", "-", "-", "1 epoch", 1),
        ("inner", "macs", "70%", "1 epoch", 0),
    ).assign(l1=[0.5, 0.1, 0.3, 0.25])  # fmt: skip
    assert equal_cost.rises(rows).to_list() == pytest.approx([0, -50, 50, 25])


def test_pictured_is_the_longest_fine_tuning_of_several_runs_at_the_cost_that_most_methods_reach():
    dense = [
        ("dense", "-", "-", ft, run) for ft, run in (("40 steps", 0), ("1 epoch", 0), ("1 epoch", 1), ("4 epochs", 0))
    ]
    at = [
        (method, "macs", target, ft, run)
        for ft, runs in (("40 steps", 2), ("1 epoch", 2), ("4 epochs", 1))
        for target, methods in (
            ("85%", ("lamp", "inner", "random")),
            ("70%", ("inner",)),
            ("55%", ("uniform", "lamp", "inner")),
        )
        for method in methods
        for run in range(runs)
    ]
    rows = rows_of(*dense, *at)
    assert equal_cost.longest(rows) == "1 epoch"
    shown = equal_cost.pictured(rows)
    assert shown[KEY].to_numpy().tolist() == [
        ["dense", "-", "-", "1 epoch", 0],
        *([name, "macs", "55%", "1 epoch", 0] for name in ("inner", "uniform", "lamp")),
    ]  # fmt: skip
    once = rows[rows.run == 0]
    assert equal_cost.longest(once) == "4 epochs"
