"""Whole filters: their scores, which go, and that a network without them equals one in which they are zero."""

import pytest
import torch
import torch.nn.functional as F
from helpers import NOISE, Foreign, trained_like
from torch import nn

from ganprune_utils import pruning
from ganprune_utils.errors import ParameterError
from ganprune_utils.models import checkpoints
from ganprune_utils.models.dcgan import Discriminator, Generator
from ganprune_utils.pruning.importance import FILTER_CRITERIA, lamp


@pytest.fixture
def generator():
    return trained_like(Generator(latent_dim=12, ngf=16))


def inputs_of(model):
    return NOISE if not isinstance(model, Discriminator) else torch.rand(8, 1, 32, 32) * 2 - 1


def models():
    return [Generator(12, 16), Discriminator(16), Foreign()]


@pytest.mark.parametrize("i", range(3), ids=["Generator", "Discriminator", "Foreign"])
@pytest.mark.parametrize("scope", ["uniform", "global"])
@torch.no_grad()
def test_removed_equals_zeroed(i, scope):
    model = trained_like(models()[i])
    inputs = inputs_of(model)
    groups = pruning.filter_groups(model, inputs)
    chosen = pruning.choose_filters(pruning.filter_scores(model, groups, "l1"), 0.5, scope)
    before = model(inputs)
    small = pruning.remove_filters(model, chosen, inputs)
    assert torch.equal(model(inputs), before)  # the model itself stays as it is
    zeroed = pruning.zero_filters(model, chosen, inputs)
    assert (small(inputs) - zeroed(inputs)).abs().max() < 1e-5
    assert (small(inputs) - before).abs().max() > 1e-3
    assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in model.parameters())


@torch.no_grad()
def test_tied_filters_go_together():
    model = trained_like(Foreign())
    groups = pruning.filter_groups(model, NOISE)
    assert list(groups) == ["conv1", "conv2 + fc", "up"]
    small = pruning.remove_filters(model, {"conv2 + fc": torch.arange(8)}, NOISE)
    assert small.conv2.out_channels == 24 and small.fc.out_features == 16 * 24 and small.up.in_channels == 48
    assert small(NOISE).shape == model(NOISE).shape


def test_filters_whose_number_is_written_into_the_code_belong_to_no_group():
    assert list(pruning.filter_groups(Foreign(reshaped=32), NOISE)) == ["conv1", "up"]


class Shuffled(nn.Module):
    """Filters that are turned into pixels, a view with a number in it, and a norm over groups of channels."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.ConvTranspose2d(12, 16, 4, 1, 0)
        self.conv2 = nn.Conv2d(16, 16, 3, 1, 1)
        self.conv3 = nn.Conv2d(4, 24, 3, 1, 1)
        self.conv4 = nn.Conv2d(24, 24, 3, 1, 1)
        self.norm = nn.GroupNorm(4, 24)
        self.out = nn.Conv2d(24, 3, 3, 1, 1)

    def forward(self, noise):
        x = F.pixel_shuffle(self.conv2(self.conv1(noise)), 2)
        x = self.conv3(x).view(-1, 24, 8, 8)
        return self.out(self.norm(self.conv4(x)))


@torch.no_grad()
def test_only_filters_that_can_really_go_belong_to_a_group():
    model = trained_like(Shuffled())
    groups = pruning.filter_groups(model, NOISE)
    # PixelShuffle and GroupNorm take channels in multiples; the view has conv3's number written into it.
    assert {name: group.size for name, group in groups.items()} == {"conv1": 16, "conv2": 4, "conv4": 4}
    assert "forward fails, as where their number is written into it" in pruning.why_not(model, NOISE)["conv3"]
    chosen = {"conv1": torch.tensor([1, 7]), "conv2": torch.tensor([2]), "conv4": torch.tensor([0, 3])}
    small = pruning.remove_filters(model, chosen, NOISE)
    assert (small.conv2.out_channels, small.conv4.out_channels, small.norm.num_groups) == (12, 12, 2)
    zeroed = pruning.zero_filters(model, chosen, NOISE)
    assert (small(NOISE) - zeroed(NOISE)).abs().max() < 1e-5


def test_uniform_removes_the_asked_share(generator):
    chosen = pruning.filters_for(generator, NOISE, "l2", 0.25)
    assert {name: len(indices) for name, indices in chosen.items()} == {
        "layers.convt1": 16, "layers.convt2": 8, "layers.convt3": 4,
    }  # fmt: skip
    norms = generator.layers.convt3.weight.detach().transpose(0, 1).flatten(1).norm(dim=1)
    gone = torch.isin(torch.arange(16), chosen["layers.convt3"])
    assert norms[gone].max() < norms[~gone].min()


def test_global_removes_the_asked_share_of_all_and_empties_no_layer(generator):
    for criterion in FILTER_CRITERIA:
        chosen = pruning.filters_for(generator, NOISE, criterion, 0.9, "global", NOISE)
        assert sum(map(len, chosen.values())) == round(0.9 * (64 + 32 + 16))
        assert all(len(chosen[name]) < group.size for name, group in pruning.filter_groups(generator, NOISE).items())


def test_larger_ratio_removes_the_same_and_more(generator):
    few, many = (pruning.filters_for(generator, NOISE, "random", ratio, seed=3) for ratio in (0.25, 0.5))
    assert all(set(few[name].tolist()) < set(many[name].tolist()) for name in few)


@torch.no_grad()
def test_activation_sees_a_zeroed_filter_behind_a_transposed_convolution(generator):
    pruning.zero_filters(generator, {"layers.convt2": torch.tensor([5])}, NOISE)
    groups = pruning.filter_groups(generator, NOISE)
    for criterion in ("activation", "apoz"):
        scores = pruning.filter_scores(generator, groups, criterion, NOISE)
        assert scores["layers.convt2"][5] == 0 and scores["layers.convt2"].argmin() == 5
        assert (scores["layers.convt1"] > 0).sum() > 32
    by_hand = torch.relu(generator.layers[:2](NOISE)).double().abs().mean((0, 2, 3))
    assert torch.allclose(pruning.filter_scores(generator, groups, "activation", NOISE)["layers.convt1"], by_hand)


def test_lamp_by_hand():
    assert torch.allclose(lamp(torch.tensor([1.0, 4.0, 2.0])), torch.tensor([1 / 7, 1.0, 2 / 6]))


def test_bn_scale_is_that_of_the_norm_behind(generator):
    scores = pruning.filter_scores(generator, pruning.filter_groups(generator, NOISE), "bn_scale")
    assert torch.equal(scores["layers.convt1"], generator.layers.bn1.weight.detach().double().abs())


@torch.no_grad()
def test_card_describes_the_smaller_network(generator, tmp_path):
    small = pruning.remove_filters(generator, pruning.filters_for(generator, NOISE, "l1", 0.3, "global"), NOISE)
    assert checkpoints.build(generator.config).config == generator.config and "ngf" in generator.config
    checkpoints.save_network(small, tmp_path / "generator.safetensors", {})
    loaded = checkpoints.load_network(tmp_path, "generator")
    assert torch.equal(loaded(NOISE), small(NOISE)) and loaded.config["widths"] != [64, 32, 16]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda g: pruning.filters_for(g, NOISE, "l3", 0.5), "criterion = 'l3': unknown; allowed are l1, l2"),
        (lambda g: pruning.filters_for(g, NOISE, "l1", 0.99), "would empty layer layers.convt2, which has 32 filters"),
        (
            lambda g: pruning.filters_for(g, NOISE, "l1", 0.99, "global"),
            "of 112 filters in 3 layers at most 109 can go",
        ),
        (lambda g: pruning.filters_for(g, NOISE, "l1", 1.0), "ratio = 1.0: must be a share of the filters in [0, 1)"),
        (lambda g: pruning.filters_for(g, NOISE, "l1", 0.5, "layer"), "scope = 'layer': unknown"),
        (lambda g: pruning.filters_for(g, NOISE, "apoz", 0.5), "needs inputs"),
        (
            lambda g: pruning.filters_for(g, NOISE[:, :5], "l1", 0.5),
            "cannot be followed from an example of shape (32, 5, 1, 1)",
        ),
        (lambda g: pruning.filter_groups(nn.Sequential(nn.Tanh()), NOISE), "has no convolution or linear layer"),
        (
            lambda g: pruning.filter_groups(nn.Sequential(nn.Conv2d(12, 3, 1)), NOISE),
            "has no filters that could be removed; 0: its filters are channels of the output",
        ),
        (lambda g: pruning.remove_filters(g, {"convt9": torch.tensor([0])}, NOISE), "no such layer; filters can go"),
        (lambda g: pruning.remove_filters(g, {"layers.convt3": torch.arange(16)}, NOISE), "at least one has to stay"),
        (lambda g: pruning.remove_filters(g, {"layers.convt3": torch.tensor([16])}, NOISE), "from 0 to 15"),
        (
            lambda g: pruning.filter_groups(pruning.apply_masks(g, pruning.percentage_masks(g, 0.5)), NOISE),
            "carries a mask; make_permanent comes before",
        ),
        (
            lambda g: pruning.filters_for(trained_like(Discriminator(16)), torch.rand(2, 1, 32, 32), "bn_scale", 0.5),
            "layer layers.conv1 has no BatchNorm",
        ),
    ],
)
def test_bad_input_is_one_clear_line(generator, call, words):
    with pytest.raises(ParameterError) as error:
        call(generator)
    assert words in str(error.value) and "\n" not in str(error.value)
