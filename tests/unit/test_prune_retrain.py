"""Prune, train, retrain: equal steps, masks that hold, configurations that share their beginning, and the alarm."""

import copy
import math
from contextlib import nullcontext

import pytest
import torch

from ganprune_utils import provenance
from ganprune_utils.errors import ParameterError, StudyError
from ganprune_utils.metrics.quality import QualityEvaluator
from ganprune_utils.models import checkpoints
from ganprune_utils.models.dcgan import Discriminator, Generator, init_weights
from ganprune_utils.models.sampling import draw_noise, generate
from ganprune_utils.models.state import effective_state
from ganprune_utils.parameters import NETWORKS
from ganprune_utils.pruning.compression import filters_at, size
from ganprune_utils.pruning.removal import remove_filters
from ganprune_utils.training import prune_retrain
from ganprune_utils.training.balance import alarms, balance_ratio, round_line
from ganprune_utils.training.prune_retrain import Settings, iterative, one_shot, retrain, small_dense_pair
from ganprune_utils.training.step import adam, adversarial_step

pytestmark = pytest.mark.slow

LATENT = 12


def load():
    random = torch.Generator().manual_seed(0)
    pair = Generator(LATENT, 16), Discriminator(16)
    for network in pair:
        init_weights(network, random)
    return pair


@pytest.fixture(scope="module")
def images(digits):
    return digits.images[::20].contiguous()


@pytest.fixture
def new_process(monkeypatch):
    """Forget which rounds this process computed, as one that goes on after a kill does."""
    return lambda: monkeypatch.setattr(prune_retrain, "_COUNTED", set())


def settings(schedule, **changes):
    return Settings(schedule=schedule, **{"steps": 3, "batch_size": 16, "threads": 1, **changes})


def finish(configuration, images, folder):
    return list(retrain(configuration, load, images, folder, "test"))[-1]


def same(a, b):
    one, two = effective_state(a), effective_state(b)
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("criterion", ["magnitude", "activation", "random"])
@pytest.mark.parametrize("granularity, close", [("unstructured", 1e-3), ("structured", 0.15)])
def test_compression_is_reached_and_kept(images, tmp_path, granularity, close, criterion):
    configuration = settings(iterative(2, 4), granularity=granularity, criterion=criterion, pruned_network="both")
    pair = finish(configuration, images, tmp_path)
    assert [record["steps"] for record in pair.history] == [3, 6, 9, 12]
    reached = [record["compression"] for record in pair.history]
    assert reached == pytest.approx([1 / 0.8, 1 / 0.64, 2, 2], rel=close)
    assert pair.history[-1]["compression_discriminator"] == pytest.approx(2, rel=close)
    assert [record["steps_since_pruning"] for record in pair.history] == [3, 3, 3, 6]
    assert all(math.isfinite(record["balance"]) for record in pair.history)


def test_the_discriminator_stays_whole_unless_both_are_pruned(images, tmp_path):
    record = finish(settings(one_shot(4, 1)), images, tmp_path).history[-1]
    assert record["compression"] == pytest.approx(4, rel=1e-3) and record["compression_discriminator"] == 1


@pytest.mark.parametrize("where", ["the next step", "this step"])
def test_a_weight_that_comes_back_is_an_error(images, tmp_path, monkeypatch, where):
    def revive(generator, *rest):
        batch = step(generator, *rest)
        layer = generator.layers.convt2
        if where == "this step":
            layer.weight = layer.weight_orig.detach().clone()
        else:
            layer.weight_mask.fill_(1.0)
        return batch

    step = prune_retrain.adversarial_step
    monkeypatch.setattr(prune_retrain, "adversarial_step", revive)
    with pytest.raises(StudyError, match="a pruned weight came back to life"):
        finish(settings(one_shot(4, 1), steps=5), images, tmp_path)


@pytest.mark.parametrize("distillation", [0.0, 5.0])
@pytest.mark.parametrize("granularity", ["unstructured", "structured"])
def test_an_interrupted_run_ends_with_the_same_bits(images, tmp_path, granularity, distillation, new_process):
    pruned = dict(granularity=granularity, pruned_network="both", distillation=distillation)
    configuration = settings(iterative(2, 4), precision="bfloat16", **pruned)
    whole = finish(configuration, images, tmp_path / "whole")
    for pair in retrain(configuration, load, images, tmp_path / "broken", "test"):
        if len(pair.history) == 2:
            break
    new_process()
    resumed = finish(configuration, images, tmp_path / "broken")
    assert resumed.resumed == sum(record["seconds"] for record in pair.history) and whole.resumed == 0
    assert same(whole.generator, resumed.generator) and same(whole.discriminator, resumed.discriminator)
    assert [r["loss_generator"] for r in whole.history] == [r["loss_generator"] for r in resumed.history]


def test_what_two_configurations_have_in_common_is_trained_once(images, tmp_path, monkeypatch):
    counted = []
    step = prune_retrain.adversarial_step
    monkeypatch.setattr(prune_retrain, "adversarial_step", lambda *a: counted.append(1) or step(*a))
    finish(settings(iterative(4, 6)), images, tmp_path)
    finish(settings(iterative(2, 6)), images, tmp_path)  # the first two rounds are the same
    assert len(counted) == 3 * (6 + 4)
    finish(settings((None,) * 2, criterion="random"), images, tmp_path)
    finish(settings((None,) * 2, granularity="structured"), images, tmp_path)  # prunes nothing: the same control
    assert len(counted) == 3 * (6 + 4 + 2)
    assert not same(*(finish(settings(iterative(c, 6)), images, tmp_path).generator for c in (2, 4)))


def test_a_longer_run_goes_on_from_where_a_shorter_one_ended(images, tmp_path, monkeypatch):
    counted = []
    step = prune_retrain.adversarial_step
    monkeypatch.setattr(prune_retrain, "adversarial_step", lambda *a: counted.append(1) or step(*a))
    for rounds in (2, 5):
        pair = finish(settings(one_shot(4, rounds), distillation=1.0), images, tmp_path)
        assert len(counted) == pair.history[-1]["steps"] == 3 * rounds
    finish(settings(one_shot(4, 2)), images, tmp_path)  # not distilled: another run
    assert len(counted) == 3 * (5 + 2)


@pytest.mark.parametrize("granularity", ["unstructured", "structured"])
def test_distillation_keeps_a_pruned_generator_near_the_dense_one(images, tmp_path, granularity):
    noise = draw_noise(64, LATENT, 3)
    dense = generate(load()[0].eval(), noise)
    distances = {}
    for weight in (0.0, 100.0):
        configuration = settings(one_shot(2, 4), granularity=granularity, distillation=weight, steps=20)
        pair = finish(configuration, images, tmp_path)
        distances[weight] = (generate(pair.generator, noise) - dense).abs().mean().item()
        noted = [record["distance"] for record in pair.history if "distance" in record]
        assert len(noted) == (4 if weight else 0)
    assert noted[-1] < noted[0] and distances[100.0] < 0.5 * distances[0.0]
    assert "distance " in round_line(pair.history[-1], pair.history[-1])


def test_the_distance_is_the_mean_absolute_one_and_no_part_of_the_noted_adversarial_loss():
    generator, discriminator = load()
    real, noise = torch.rand(8, 1, 32, 32), draw_noise(8, LATENT, 0)
    target = torch.zeros(8, 1, 32, 32)

    def step(*more):
        pair = copy.deepcopy((generator, discriminator))
        rates = settings((None,), lr_generator=1e-3)
        return pair[0], adversarial_step(*pair, adam(*pair, rates), real, noise, nullcontext, *more)

    (plain, without), (weak, zero), (pulled, strong) = step(), step(target, 0.0), step(target, 1000.0)
    with torch.no_grad():
        expected = copy.deepcopy(generator).train()(noise).abs().mean()
    assert without.shape == (5,) and torch.equal(without, zero[:5]) and torch.equal(zero, strong)
    assert torch.isclose(zero[5], expected)
    assert same(plain, weak) and not same(plain, pulled)
    after = [network.train()(noise).abs().mean().item() for network in (plain, pulled)]
    assert after[1] < after[0]


def test_of_rounds_in_common_each_counts_once_and_only_if_an_earlier_process_computed_it(images, tmp_path, new_process):
    four, two = (settings(iterative(compression, 6)) for compression in (4, 2))  # the first two rounds are the same
    first, second = (finish(configuration, images, tmp_path) for configuration in (four, two))
    assert [r["seconds"] for r in second.history[:2]] == [r["seconds"] for r in first.history[:2]]
    assert first.resumed == second.resumed == 0  # all of them were computed just now
    new_process()
    again = [finish(configuration, images, tmp_path).resumed for configuration in (four, two)]
    seconds = [[record["seconds"] for record in pair.history] for pair in (first, second)]
    assert again == [pytest.approx(sum(seconds[0])), pytest.approx(sum(seconds[1][2:]))]


def test_states_that_nothing_can_branch_off_do_not_stay(images, tmp_path):
    finish(settings(one_shot(4, 6)), images, tmp_path / "once")
    finish(settings(iterative(2, 6)), images, tmp_path / "often")  # pruned in three rounds: three places to branch off
    assert [len(list((tmp_path / name).iterdir())) for name in ("once", "often")] == [1, 3]


@pytest.mark.parametrize("rewind", [True, False])
@pytest.mark.parametrize("granularity", ["unstructured", "structured"])
def test_rewinding_goes_back_to_the_first_weights(images, tmp_path, granularity, rewind, monkeypatch):
    rounds = iter([prune_retrain._one_round, lambda *_: dict(ROUND)])  # trained in the first round, not in the second
    monkeypatch.setattr(prune_retrain, "_one_round", lambda *arguments: next(rounds)(*arguments))
    pair = finish(settings((1.5, 2.0), granularity=granularity, rewind=rewind), images, tmp_path)
    for network, dense, layer in zip(pair.networks().values(), load(), ("convt4", "conv4"), strict=True):
        kept = effective_state(network)[f"layers.{layer}.weight"].flatten()
        first = dense.layers.get_submodule(layer).weight.detach().flatten()
        assert torch.isin(kept[kept != 0], first).all() == rewind


ROUND = {"loss_generator": 1.0, "loss_discriminator": 1.0, "d_real": 0.5, "d_fake": 0.5, "balance": 0.5}


def test_schedules():
    assert prune_retrain.one_shot(8, 3) == (8, None, None)
    assert iterative(2, 5) == (1 / 0.8, 0.8**-2, 2, None, None)
    # Rewound, it begins anew with its last pruning, and has five rounds from there.
    assert iterative(2, 5, rewind=True) == (1 / 0.8, 0.8**-2, 2, None, None, None, None)
    assert iterative(1, 2) == (None, None) and len(iterative(32, 16)) == 16


def test_a_changed_module_is_not_gone_on_from(images, tmp_path, monkeypatch):
    finish(settings((2.0,)), images, tmp_path)
    monkeypatch.setattr(provenance, "code_sha256", lambda *modules: "another")
    counted = []
    monkeypatch.setattr(prune_retrain, "_one_round", lambda *_: counted.append(1) or dict(ROUND))
    finish(settings((2.0,)), images, tmp_path)
    assert counted


def test_a_small_dense_pair_has_the_widths_of_a_pruned_one_and_new_weights():
    generator, discriminator = load()
    noise = draw_noise(prune_retrain.N_CALIBRATION, LATENT, 1)
    removed = filters_at(generator.eval(), size(generator) / 4, "magnitude", noise)
    pruned = remove_filters(generator, removed, noise[:2])
    small, partner = small_dense_pair(generator, discriminator, 4, seed=3)
    assert small.config == pruned.config and partner.config == discriminator.config
    again, other = (small_dense_pair(generator, discriminator, 4, seed)[0] for seed in (3, 4))
    assert same(small, again) and not same(small, other) and not same(small, pruned)
    assert small.layers.convt2.weight.std().item() == pytest.approx(0.02, rel=0.05)  # not a trained one's


def test_rewinding_changes_the_result(images, tmp_path):
    with_, without = (finish(settings(iterative(2, 4), rewind=r), images, tmp_path).generator for r in (True, False))
    assert not same(with_, without)


def test_balance_ratio_by_hand():
    assert balance_ratio([(0.8, 0.2, 0.5), (0.6, 0.4, 0.5)]) == pytest.approx((0.5 - 0.3) / (0.7 - 0.3))
    assert math.isnan(balance_ratio([(0.5, 0.5, 0.6)]))


def test_the_alarm_goes_off_when_a_generator_is_made_to_collapse(tmp_path):
    folder = checkpoints.find("fashion_mnist", 0)
    evaluator, noise = QualityEvaluator("fashion_mnist", "validation"), draw_noise(600, 100, 1)

    def pair():
        return tuple(checkpoints.load_network(folder, name) for name in NETWORKS)

    def measure(generator):
        return evaluator.generator(generator, noise)

    images = generate(pair()[0], noise[:64]).add(1).mul(127.5).to(torch.uint8)
    dense = measure(pair()[0])
    for rate, rings in ((1e-5, False), (0.1, True)):  # a step so long breaks any generator
        configuration = Settings(schedule=(None,), steps=4, batch_size=32, lr_generator=rate)
        record = list(retrain(configuration, pair, images, tmp_path / str(rate), "test", measure))[-1].history[-1]
        assert bool(alarms(record, dense)) == rings
        assert ("ALARM mode collapse" in round_line(record, dense)) == rings


def test_alarms_by_hand():
    good = {**ROUND, "classes": 10, "coverage": 0.5}
    assert alarms(good, good) == []
    assert "4 classes covered, 10 before" in alarms({**good, "classes": 4}, good)[0]
    assert "coverage 0.200, 0.500 before" in alarms({**good, "coverage": 0.2}, good)[0]
    assert "the discriminator wins" in alarms({**good, "d_real": 0.99, "d_fake": 0.01}, good)[0]


@pytest.mark.parametrize(
    "call, words",
    [
        (
            lambda: settings((2.0,), granularity="layers"),
            "granularity = 'layers': must be one of unstructured, structured",
        ),
        (lambda: settings((2.0,), pruned_network="discriminator"), "must be one of generator, both"),
        (lambda: settings((2.0,), criterion="l2"), "unstructured pruning has magnitude, activation, wanda, random"),
        (lambda: settings((0.5,)), "compression = 0.5: must be a ratio of 1 or more"),
        (lambda: settings((4.0, 2.0)), "must not fall from round to round"),
        (lambda: settings(()), "needs at least one round"),
        (lambda: iterative(32, 4), "compression = 32: takes 16 rounds at 0.8 a round, of 4"),
    ],
)
def test_bad_input_is_one_clear_line(call, words):
    with pytest.raises(ParameterError) as error:
        call()
    assert words in str(error.value) and "\n" not in str(error.value)
