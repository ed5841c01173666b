"""Pruning to a compression ratio: what each criterion ranks, what each layer gives, and that the ratio is reached."""

import math

import pytest
import torch
from helpers import NOISE, trained_like
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.models.dcgan import Discriminator, Generator
from ganprune_utils.parameters import CRITERIA
from ganprune_utils.pruning.activation import input_norms
from ganprune_utils.pruning.compression import filters_at, masks_at, size
from ganprune_utils.pruning.groups import filter_groups
from ganprune_utils.pruning.importance import filter_scores
from ganprune_utils.pruning.layers import prunable_layers
from ganprune_utils.pruning.removal import remove_filters
from ganprune_utils.pruning.taylor import adversarial_loss


@pytest.fixture
def generator():
    return trained_like(Generator(latent_dim=12, ngf=16))


def removed(masks):
    return {name: 1 - mask.double().mean().item() for name, mask in masks.items()}


@pytest.mark.parametrize("layer", [nn.Conv2d(3, 5, 3, padding=1), nn.ConvTranspose2d(3, 5, 4, 2, 1)])
def test_wanda_ranks_weight_times_input_norm_within_each_output(layer):
    model, axis = nn.Sequential(trained_like(layer)), 1 if layer.transposed else 0
    inputs = torch.randn(8, 3, 6, 6) * torch.tensor([0.1, 1.0, 5.0])[:, None, None]
    norms = inputs.double().square().sum((0, 2, 3)).sqrt()
    mask = masks_at(model, 1 / 0.6, "wanda", inputs)["0"]
    for output in range(5):
        weights, kept = layer.weight.select(axis, output).detach(), mask.select(axis, output)
        scores = torch.stack([weights[i].double().abs() * norms[i] for i in range(3)])
        assert scores[~kept].max() < scores[kept].min()
        assert int((~kept).sum()) == pytest.approx(0.4 * kept.numel(), abs=1)
    if not layer.transposed:  # ranked together, the outputs give different shares
        together = masks_at(model, 1 / 0.6, "activation", inputs)["0"].flatten(1).sum(1)
        assert together.min() < together.max()


@torch.no_grad()
def test_input_norms_are_of_what_the_layer_reads(generator):
    reads = torch.relu(generator.layers.bn1(generator.layers.convt1(NOISE))).double()
    for order, expected in ((1, reads.abs().mean((0, 2, 3))), (2, reads.square().mean((0, 2, 3)).sqrt())):
        assert torch.allclose(input_norms(generator, NOISE, order)["layers.convt2"], expected)


@torch.no_grad()
@pytest.mark.parametrize("criterion", ["activation", "wanda"])
def test_what_a_zeroed_channel_feeds_goes_first(generator, criterion):
    generator.layers.bn1.weight[3] = generator.layers.bn1.bias[3] = 0.0
    masks = masks_at(generator, 1.4, criterion, NOISE)
    assert not masks["layers.convt2"][3].any() and masks["layers.convt2"].any()


@pytest.mark.parametrize("criterion", CRITERIA["unstructured"])
def test_masks_reach_the_compression_and_the_last_layer_can_stay_dense(generator, criterion):
    for compression in (1, 2, 8, 32):
        for allocation in ("own", "last_dense"):
            masks = masks_at(generator, compression, criterion, NOISE, allocation=allocation)
            left = size(generator) - sum(int((~mask).sum()) for mask in masks.values())
            rounded = 0.05 if criterion == "wanda" else 2e-3  # in each output of a small network
            assert size(generator) / left == pytest.approx(compression, rel=rounded)
            assert masks["layers.convt4"].all() == (allocation == "last_dense" or compression == 1)


@pytest.mark.parametrize("criterion", CRITERIA["unstructured"])
def test_at_the_filters_allocation_every_layer_has_as_many_weights_as_filters_leave_it(generator, criterion):
    small = remove_filters(generator, filters_at(generator, size(generator) / 4, "random", NOISE, 7), NOISE)
    masks = masks_at(generator, 4, criterion, NOISE, allocation="as_filters")
    left = {name: layer.weight.numel() for name, layer in prunable_layers(small).items()}
    if criterion == "wanda":  # rounded in each output
        assert removed(masks) == pytest.approx({n: 1 - left[n] / m.numel() for n, m in masks.items()}, abs=2e-3)
    else:
        assert {name: int(mask.sum()) for name, mask in masks.items()} == left


@pytest.mark.parametrize("criterion", CRITERIA["structured"])
def test_filters_reach_the_compression(generator, criterion):
    discriminator = trained_like(Discriminator(16))
    for compression in (2, 8):
        chosen = filters_at(generator, size(generator) / compression, criterion, NOISE, discriminator=discriminator)
        small = remove_filters(generator, chosen, NOISE)
        assert size(generator) / size(small) == pytest.approx(compression, rel=0.15)


def test_the_adversarial_taylor_score_is_of_the_generators_loss(generator):
    discriminator = trained_like(Discriminator(16))
    chosen = filters_at(generator, size(generator) / 2, "taylor_adversarial", NOISE, discriminator=discriminator)
    layer = generator.layers.convt3
    total = 0
    for noise in NOISE.split(10):
        loss = -torch.log(torch.sigmoid(discriminator(generator(noise)))).mean()
        assert torch.isclose(adversarial_loss(generator(noise), discriminator), loss)
        total = total + (layer.weight * torch.autograd.grad(loss, layer.weight)[0]).abs()
    lowest = total.sum((0, 2, 3)).argsort()[: len(chosen["layers.convt3"])]
    assert set(lowest.tolist()) == set(chosen["layers.convt3"].tolist())


@torch.no_grad()
def test_taylor_scores_by_hand_of_weights_that_act_and_of_one_that_does_not():
    model = nn.Sequential(nn.Conv2d(2, 4, 1, bias=False), nn.Conv2d(4, 1, 1, bias=False))
    model[1].weight[0, 2] = 0.0  # what filter 2 makes is not read
    x = torch.randn(20, 2, 5, 5)
    scores = filter_scores(model, filter_groups(model, x), "taylor", x, loss=lambda output: output.sum())["0"]
    # d sum(output) / dw[f, c] = v[f] * sum(x[c]), in two batches of ten
    first, second = (batch.double().sum((0, 2, 3)).abs() for batch in x.split(10))
    weights = model[0].weight.double().abs()[:, :, 0, 0] * model[1].weight.double().abs().flatten()[:, None]
    assert torch.allclose(scores, (weights * (first + second) / 2).sum(1), rtol=1e-4) and scores[2] == 0
    again, other, projected = (filter_scores(model, filter_groups(model, x), "taylor", x, s)["0"] for s in (1, 2, 1))
    assert torch.equal(again, projected) and not torch.equal(again, other) and projected[2] == 0


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda g: filters_at(g, 5, "magnitude", NOISE), "with the same share of every layer removed at least"),
        (lambda g: filters_at(g, 5, "wanda", NOISE), "criterion = 'wanda': structured pruning has magnitude, act"),
        (lambda g: filters_at(g, 5, "taylor_adversarial", NOISE), "needs the generator's discriminator"),
        (lambda g: masks_at(g, 2, "bn_scale", NOISE), "unstructured pruning has magnitude, activation, wanda, random"),
        (lambda g: masks_at(g, 1000, "random", NOISE), "parameters 224 are not pruned; at most"),
        (lambda g: masks_at(g, 2, "magnitude", NOISE, allocation="x"), "allocation = 'x': must be one of own, last"),
        (lambda g: masks_at(g, 120, "wanda", NOISE, allocation="last_dense"), "while layers.convt4 stays dense"),
        (lambda g: masks_at(g, 2, "wanda", None), "needs inputs"),
        (lambda g: filters_at(g, math.inf, "taylor", NOISE[:0]), "hold no tensor with samples"),
        (
            lambda g: filters_at(nn.Sequential(nn.Conv2d(12, 8, 1), nn.Conv2d(8, 3, 1)), 50, "bn_scale", NOISE),
            "criterion bn_scale: layer 0 has no BatchNorm with a scale after it",
        ),
    ],
)
def test_bad_input_is_one_clear_line(generator, call, words):
    with pytest.raises(ParameterError) as error:
        call(generator)
    assert words in str(error.value) and "\n" not in str(error.value)
