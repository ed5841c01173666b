"""Filters of generators of any kind: which can go, which filter an activation belongs to, and why others stay."""

import copy
import cProfile
import dataclasses
import pstats

import pytest
import torch
import zoo
from torch import nn
from torch.nn.utils import parametrizations, spectral_norm, weight_norm

from ganprune_utils import pruning
from ganprune_utils.errors import ParameterError
from ganprune_utils.models.inputs import Inputs
from ganprune_utils.models.state import effective_weight
from ganprune_utils.pruning.compression import filters_at, size
from ganprune_utils.pruning.groups import examine

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm.*deprecated")
Z = torch.randn(4, 8, 1, 1, generator=torch.Generator().manual_seed(0))
OUTPUT = "its filters are channels of the output"

# Filters of each group, and the layers that stay, but for those that make the output's channels.
FOUND = {
    "GAN of linear layers": ({"net.0": 16, "net.2": 32}, {}),
    "DCGAN": ({"1": 16, "4": 8}, {}),
    "cGAN": ({"first": 16, "up": 12}, {}),
    "ACGAN": ({"fc": 16, "blocks.2": 12, "blocks.6": 8}, {}),
    "InfoGAN": ({"blocks.2": 12, "blocks.6": 8}, {"fc": "written into it (shape '[4, 16, 4, 4]' is invalid"}),
    "CycleGAN": ({"1": 8, "4 + 7.block.3 + 8.block.3": 16, "7.block.0": 16, "8.block.0": 16, "9": 8}, {}),
    "StarGAN": ({"main.0": 8, "main.3 + main.6.block.3": 16, "main.6.block.0": 16, "main.7": 8}, {}),
    "StarGAN v2": (
        {
            "mapping.0": 12, "mapping.2": 6, "head": 8,
            "down + mid + norms.0.fc + norms.1.fc": 12, "up + norms.2.fc": 8,
        },
        {},
    ),
    "pix2pix": ({"down.0": 8, "down.1": 12, "down.2": 12, "up.0": 12, "up.1": 8}, {}),
    "SRGAN": (
        {
            "head.0 + tail.0 + blocks.0.block.3 + blocks.1.block.3": 8,
            "blocks.0.block.0": 8, "blocks.1.block.0": 8, "up.0": 8,
        },
        {},
    ),
    "ESRGAN": (
        {"first + trunk.0.last + trunk.1.last + body": 8}
        | {f"trunk.{block}.convs.{i}": 4 for block in range(2) for i in range(3)}
        | {"up": 8},
        {},
    ),
    "SNGAN": (
        {
            "fc": 16, "blocks.0.c1": 12, "blocks.0.c2 + blocks.0.short": 12,
            "blocks.1.c1": 8, "blocks.1.c2 + blocks.1.short": 8,
        },
        {},
    ),
    "SAGAN": ({"1": 16, "4 + 7.v": 16}, {"7.q": "no layer reads its filters", "7.k": "no layer reads its filters"}),
    "BigGAN": (
        {
            "fc + blocks.0.bn1.gain + blocks.0.bn1.bias": 16,
            "blocks.0.c1 + blocks.0.bn2.gain + blocks.0.bn2.bias": 12,
            "blocks.0.c2 + blocks.0.short + attention.v + blocks.1.bn1.gain + blocks.1.bn1.bias": 12,
            "blocks.1.c1 + blocks.1.bn2.gain + blocks.1.bn2.bias": 8,
            "blocks.1.c2 + blocks.1.short": 8,
        },
        {"attention.q": "no layer reads its filters", "attention.k": "no layer reads its filters"},
    ),
    "SPADE": (
        {
            "fc + blocks.0.n1.gamma + blocks.0.n1.beta + blocks.0.n3.gamma + blocks.0.n3.beta": 16,
            "blocks.0.n1.shared": 6, "blocks.0.n2.shared": 6,
            "blocks.0.n2.gamma + blocks.0.n2.beta + blocks.0.c1": 12,
            "blocks.0.c2 + blocks.0.short + blocks.1.n1.gamma + blocks.1.n1.beta + blocks.1.n3.gamma"
            " + blocks.1.n3.beta": 12,
            "blocks.0.n3.shared": 6, "blocks.1.n1.shared": 6, "blocks.1.n2.shared": 6,
            "blocks.1.n2.gamma + blocks.1.n2.beta + blocks.1.c1": 8,
            "blocks.1.c2 + blocks.1.short": 8, "blocks.1.n3.shared": 6,
        },
        {},
    ),
    # Pairs that meet in a gate; three of the eight channels of ups.1 are an output.
    "FastGAN": ({"first.0": 16, "ups.0.conv": 12, "ups.1.conv + excite.3": 5, "ups.2.conv": 8, "excite.1": 8}, {}),
    "U-GAT-IT": (
        {"down.0": 8, "fc": 12, "up": 8},
        {"down.3": "its filters meet a layer's weight outside of the layer", "cam": OUTPUT}
        | dict.fromkeys(["mix", "gamma", "beta", "conv"], "its filters only go all at once, tied by "),
    ),
    "HiFi-GAN": ({"pre": 16, "ups.0 + blocks.0.0 + blocks.0.1": 8, "ups.1 + blocks.1.0 + blocks.1.1": 4}, {}),
    "Wav2Lip": (
        {
            "face.0.block.0": 8, "face.1.block.0": 12, "sound.0.block.0 + sound.1.block.0": 8, "sound.2.block.0": 12,
            "decoder.0.0.block.0 + decoder.0.1.block.0": 12, "decoder.1.block.0": 12, "decoder.2.block.0": 8,
            "out.0.block.0": 8,
        },
        {},
    ),
    "VAE": (
        {"fc": 16, "decoder.1": 12, "decoder.4": 8},
        {"encoder.0": "forward does not call it", "encoder.4": "forward does not call it"},
    ),
    # Four groups of channels in every GroupNorm, whole ones of which go.
    "diffusion U-Net": (
        {
            "time.0": 16, "time.2": 16, "first + down.c2 + up": 4, "down.c1 + down.time": 4, "pool": 4,
            "mid.c1 + mid.time": 4, "mid.c2 + mid.short + mid2.c2 + attention.proj": 4, "mid2.c1 + mid2.time": 4,
            "last.c1 + last.time": 4, "last.c2 + last.short": 4,
        },
        {"attention.qkv": "its filters go through _scaled_dot_product_flash_attention_for_cpu, where channels cannot"},
    ),
    "WaveGAN (1-D)": ({"fc": 16, "up.0": 8}, {}),
    "3D-GAN": ({"1": 12, "4": 8}, {}),
    "grouped convolutions": ({"first + depth": 12, "point + grouped": 4}, {}),
    "LightningModule": (
        {"generator.1": 16, "generator.4": 8},
        {"discriminator.0": "forward does not call it", "discriminator.3": "forward does not call it"},
    ),
    "StyleGAN2": (
        {"mapping.0": 8},
        dict.fromkeys(["styles.0", "styles.1"], "its filters each meet many channels at once"),
    ),
}  # fmt: skip
COMPUTED = ("SNGAN", "SAGAN", "BigGAN", "SPADE", "FastGAN", "HiFi-GAN")  # weights under spectral or weight norm


@pytest.mark.parametrize("name", zoo.ZOO)
@torch.no_grad()
def test_half_of_the_filters_of_every_kind(name):
    model, inputs = zoo.make(name)
    groups, reasons = examine(model, inputs)
    found, stay = FOUND[name]
    assert {name: group.size for name, group in groups.items()} == found
    others = {layer: reason for layer, reason in reasons.items() if reason != OUTPUT or layer in stay}
    assert others.keys() == stay.keys()
    assert all(words in others[layer] for layer, words in stay.items())
    chosen = pruning.choose_filters(pruning.filter_scores(model, groups, "l2"), 0.5)
    small = pruning.remove_filters(model, chosen, inputs, groups)
    assert size(small) < 0.9 * size(model)
    if name in COMPUTED:
        assert inputs.call(small).shape == inputs.call(model).shape
        with pytest.raises(ParameterError, match="its weight is computed anew; only remove_filters folds that"):
            pruning.zero_filters(model, chosen, inputs)
    else:
        image, zeroed = inputs.call(small), inputs.call(pruning.zero_filters(model, chosen, inputs))
        assert (image - zeroed).abs().max() < 1e-4 * zeroed.abs().max()


class FiLM(nn.Module):
    """Scale and shift of 16 channels come from 32 rows of a linear layer."""

    def __init__(self):
        super().__init__()
        self.up, self.fc, self.out = nn.ConvTranspose2d(8, 16, 4), nn.Linear(8, 32), nn.Conv2d(16, 3, 1)

    def forward(self, z):
        gamma, beta = self.fc(z.flatten(1))[..., None, None].chunk(2, 1)
        return self.out(((1 + gamma) * self.up(z) + beta).sigmoid())


def test_rows_of_a_linear_layer_belong_to_the_filter_that_they_scale():
    model = FiLM()
    small = pruning.remove_filters(model, {"up + fc": torch.tensor([2, 5])}, Z)
    left = [i for i in range(16) if i not in (2, 5)]
    assert torch.equal(small.fc.weight, model.fc.weight[left + [16 + i for i in left]])
    assert torch.equal(small.out.weight, model.out.weight[:, left])


@pytest.mark.parametrize(("role", "name"), [("others", "fc"), ("consumers", "out"), ("layers", "up")])
def test_what_is_taken_from_the_wrong_place_is_noticed(role, name):
    model = FiLM()
    groups = pruning.filter_groups(model, Z)
    group = groups["up + fc"]
    wrong = {name: owner.roll(1) for name, owner in getattr(group, role).items()}
    with pytest.raises(ParameterError, match="^filters of up . fc: cannot be removed; without some filters the others"):
        wrongly = {"up + fc": dataclasses.replace(group, **{role: getattr(group, role) | wrong})}
        pruning.remove_filters(model, {"up + fc": torch.tensor([2, 5])}, Z, wrongly)
    # Also where the image is small, and the difference with it.
    with torch.no_grad():
        model.out.weight *= 1e-6
        model.out.bias *= 1e-6
    with pytest.raises(ParameterError, match="cannot be removed"):
        pruning.remove_filters(model, {"up + fc": torch.tensor([2, 5])}, Z, wrongly)


def test_a_layer_that_is_zero_so_far_is_followed_all_the_same():
    """Zero, a shortcut's last layer hides whatever is wrong behind it; in the proof the weights move."""

    class Zero(nn.Module):
        def __init__(self):
            super().__init__()
            self.up, self.a, self.b = nn.ConvTranspose2d(8, 8, 4), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1)
            self.out = nn.Conv2d(8, 3, 1)
            for parameter in self.b.parameters():
                nn.init.zeros_(parameter)

        def forward(self, z):
            x = self.up(z)
            shuffled = self.a(x).view(len(x), 2, -1, 4, 4).transpose(1, 2).flatten(1, 2)  # in two groups
            return self.out(x + self.b(shuffled))

    model = Zero()
    assert list(pruning.filter_groups(model, Z)) == ["up + b"]
    assert pruning.why_not(model, Z)["a"] == "without some filters the others do not do the same as before"


@pytest.mark.parametrize("width", range(4, 9))
def test_a_place_that_is_written_into_forward_is_noticed_whichever_filters_go(width):
    class First(nn.Module):
        def __init__(self):
            super().__init__()
            self.up, self.out = nn.ConvTranspose2d(8, width, 4), nn.Conv2d(1, 3, 1)

        def forward(self, z):
            return self.out(self.up(z)[:, :1])

    with pytest.raises(ParameterError, match="has no filters that could be removed; up: without some filters"):
        pruning.filter_groups(First(), Z)


def test_channels_that_also_meet_in_a_product():
    class NonLocal(nn.Module):
        def __init__(self):
            super().__init__()
            self.up, self.v, self.out = nn.ConvTranspose2d(8, 8, 4), nn.Conv2d(8, 6, 1), nn.Conv2d(6, 3, 1)

        def forward(self, z):
            x = self.up(z)
            alike = (x.flatten(2).mT @ x.flatten(2)).softmax(-1)
            return self.out((self.v(x).flatten(2) @ alike.mT).view(len(x), -1, 4, 4))

    assert {name: group.size for name, group in pruning.filter_groups(NonLocal(), Z).items()} == {"up": 8, "v": 6}


class Foreign(nn.Module):
    """As in notebook 13: a linear layer reshaped to channels, and a shortcut."""

    def __init__(self):
        super().__init__()
        self.fc, self.c, self.out = nn.Linear(8, 16 * 4), nn.Conv2d(16, 16, 3, 1, 1), nn.Conv2d(16, 3, 1)

    def forward(self, z):
        x = self.fc(z).view(z.shape[0], -1, 2, 2)
        return self.out(x + self.c(x))


@torch.no_grad()
def test_an_activation_belongs_to_the_filter_that_it_is_read_for():
    model, z = Foreign(), torch.randn(50, 8)
    groups = pruning.filter_groups(model, z[:2])
    x = model.fc(z).view(50, -1, 2, 2).double()
    wanted = x.abs().mean((0, 2, 3)) + (x.float() + model.c(x.float())).double().abs().mean((0, 2, 3))
    assert groups["c + fc"].consumers["c"].tolist() == list(range(16))
    assert torch.allclose(pruning.filter_scores(model, groups, "activation", z)["c + fc"], wanted)


class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.c, self.out = nn.ConvTranspose2d(8, 16, 4), nn.Conv2d(16, 32, 3, 1, 1), nn.Conv2d(16, 3, 1)

    def forward(self, z):
        a, b = self.c(self.up(z).relu()).chunk(2, 1)
        return self.out(a * b.sigmoid())


@torch.no_grad()
def test_the_two_channels_of_a_gate_are_one_filter():
    model = Gate()
    for ratio, left in ((0.5, 16), (0.75, 8)):
        chosen = pruning.filters_for(model, Z, "l2", ratio)["c"]
        small = pruning.remove_filters(model, {"c": chosen}, Z)
        kept = [i for i in range(16) if i not in chosen.tolist()]
        assert torch.equal(small.c.weight, model.c.weight[kept + [16 + i for i in kept]])
        assert small.c.out_channels == left
    norms = model.c.weight.double().flatten(1).norm(dim=1)
    groups = pruning.filter_groups(model, Z)
    assert torch.allclose(pruning.filter_scores(model, groups, "l2")["c"], norms[:16] + norms[16:])
    a, b = model.c(model.up(Z).relu()).chunk(2, 1)
    read = (a * b.sigmoid()).double().abs().mean((0, 2, 3))
    assert torch.allclose(pruning.filter_scores(model, groups, "activation", Z)["c"], read)


class Tokens(nn.Module):
    """Channels as the last axis of tokens, flattened for a linear layer, and read backwards."""

    def __init__(self):
        super().__init__()
        self.up, self.mlp, self.fc = nn.ConvTranspose2d(8, 6, 2), nn.Linear(6, 6), nn.Linear(24, 10)
        self.out = nn.Linear(10, 12)

    def forward(self, z):
        tokens = self.mlp(self.up(z).flatten(2).transpose(1, 2)).flip(2)
        return self.out(self.fc(tokens.flatten(1)).relu()).view(len(z), 3, 2, 2)


@torch.no_grad()
def test_tokens_flattened_and_turned_round():
    model = Tokens()
    groups = pruning.filter_groups(model, Z)
    assert list(groups) == ["up", "mlp", "fc"]
    assert groups["mlp"].consumers["fc"].tolist() == [5, 4, 3, 2, 1, 0] * 4
    read = model.mlp(model.up(Z).flatten(2).transpose(1, 2)).double().abs().mean((0, 1))
    assert torch.allclose(pruning.filter_scores(model, groups, "activation", Z)["mlp"], read)


class Noisy(nn.Module):
    """Noise is drawn inside forward, of as many channels as there are, or of one."""

    def __init__(self, channels):
        super().__init__()
        self.channels, self.up, self.out = channels, nn.ConvTranspose2d(8, 16, 4), nn.Conv2d(16, 3, 3, 1, 1)
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, z):
        x = self.up(z)
        return self.out((x + self.weight * torch.randn_like(x[:, : self.channels])).relu())


@pytest.mark.parametrize("channels", [1, None])
def test_noise_inside_forward(channels):
    model = Noisy(channels)
    assert list(pruning.filter_groups(model, Z)) == ["up"]
    assert pruning.remove_filters(model, {"up": torch.arange(5)}, Z).out.in_channels == 11
    with pytest.raises(ParameterError, match="^filters of up: cannot be zeroed, only removed; without"):
        pruning.zero_filters(model, {"up": torch.arange(5)}, Z)


@pytest.mark.parametrize(
    ("rest", "groups"),
    {
        "GroupNorm": ([nn.GroupNorm(4, 16), nn.Conv2d(16, 3, 1)], {"0": 4}),
        "PixelShuffle": ([nn.PixelShuffle(2), nn.Conv2d(4, 3, 1)], {"0": 4}),
        "groups": ([nn.Conv2d(16, 16, 1, groups=4), nn.Conv2d(16, 3, 1)], {"0 + 1": 4}),
        "transposed groups": ([nn.ConvTranspose2d(16, 32, 1, groups=4), nn.Conv2d(32, 3, 1)], {"0 + 1": 4}),
        "Sigmoid": ([nn.Sigmoid(), nn.Conv2d(16, 3, 1)], {"0": 16}),
        "GLU": ([nn.GLU(1), nn.Conv2d(8, 3, 1)], {"0": 8}),
        "BatchNorm without affine": ([nn.BatchNorm2d(16, affine=False), nn.Conv2d(16, 3, 1)], {"0": 16}),
        "bilinear": ([nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(16, 3, 1)], {"0": 16}),
        "flattened": ([nn.Flatten(), nn.Linear(256, 48), nn.Unflatten(1, (3, 4, 4))], {"0": 16}),
    }.values(),
    ids=lambda value: "",
)
def test_layers_that_join_channels(rest, groups):
    model = nn.Sequential(nn.ConvTranspose2d(8, 16, 4), *rest)
    found = pruning.filter_groups(model, Z)
    assert {name: group.size for name, group in found.items()} == groups
    for criterion in ("l1", "activation", "taylor"):
        chosen = pruning.filters_for(model, Z, criterion, 0.5, inputs=Z)
        assert pruning.remove_filters(model, chosen, Z)[0].out_channels == 8


class Block(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1), norm(8), nn.ReLU(True), nn.Conv2d(8, 8, 3, 1, 1), norm(8))

    def forward(self, x):
        return x + self.block(x)


def instance_norm(width):
    return nn.InstanceNorm2d(width, affine=True, track_running_stats=True)


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, nn.InstanceNorm2d, instance_norm])
def test_no_norm_leaves_a_layer_out(norm):
    first = [nn.Conv2d(3, 8, 3, 1, 1), norm(8), nn.ReLU(True)]
    model = nn.Sequential(*first, Block(norm), Block(norm), nn.Conv2d(8, 3, 3, 1, 1)).eval()
    groups = pruning.filter_groups(model, torch.randn(2, 3, 8, 8))
    assert sum(len(group.layers) for group in groups.values()) == 5
    small = pruning.remove_filters(model, {"3.block.0": torch.arange(3)}, torch.randn(2, 3, 8, 8))
    norm = small[3].block[1]
    assert norm.num_features == 5 and (norm.running_mean is None or len(norm.running_mean) == 5)


@pytest.mark.parametrize(
    "wrap", [spectral_norm, weight_norm, parametrizations.spectral_norm, parametrizations.weight_norm]
)
@pytest.mark.parametrize("training", [True, False])
def test_computed_weights_are_folded_as_they_act(wrap, training):
    model = nn.Sequential(
        *(nn.ConvTranspose2d(8, 8, 4), nn.ReLU(), wrap(nn.Conv2d(8, 16, 3, 1, 1)), nn.ReLU(), nn.Conv2d(16, 3, 1))
    )
    model(Z).sum().backward()  # the weight is no leaf any more, and vectors moved
    model.train(training)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert list(pruning.filter_groups(model, Z)) == ["0", "2"]
    chosen = pruning.filters_for(model, Z, "l2", 0.5)
    small = pruning.remove_filters(model, chosen, Z)
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())
    outputs, inputs = (torch.isin(torch.arange(n), chosen[name]).logical_not() for name, n in (("2", 16), ("0", 8)))
    assert torch.equal(small[2].weight, effective_weight(model[2])[outputs][:, inputs])
    assert isinstance(small[2]._parameters["weight"], nn.Parameter)


class Everything(nn.Module):
    """Whatever a call could leave changed."""

    def __init__(self):
        super().__init__()
        self.up, self.norm, self.drop = nn.ConvTranspose2d(8, 16, 4), nn.BatchNorm2d(16), nn.Dropout()
        self.out, self.D = nn.Conv2d(16, 3, 3, 1, 1), nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))

    def forward(self, z, y=None):
        x = self.drop(self.norm(self.up(z)))
        return self.out(x + torch.randn_like(x))


def snapshot(model):
    tensors = {name: (x.clone(), x.requires_grad, x.stride(), id(x)) for name, x in model.named_parameters()}
    tensors |= {name: (x.clone(), x.requires_grad, x.stride(), id(x)) for name, x in model.named_buffers()}
    gradients = {name: None if x.grad is None else x.grad.clone() for name, x in model.named_parameters()}
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()]
    rest = [m.training for m in model.modules()], hooks, model.norm.momentum, torch.get_rng_state()
    return tensors, gradients, rest


def equal(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    return all(map(equal, a, b)) if isinstance(a, tuple | list) else a == b


def test_a_call_leaves_the_network_as_it_was_also_when_it_fails():
    model = Everything().train().to(memory_format=torch.channels_last)
    model(Z).sum().backward()
    model.norm.eval()
    model.up.weight.requires_grad_(False)
    before = snapshot(model)
    groups = pruning.filter_groups(model, Z)
    calls = [lambda: pruning.why_not(model, Z), lambda: pruning.remove_filters(model, {"up": torch.arange(5)}, Z)]
    calls += [lambda c=c: pruning.filters_for(model, Z, c, 0.5, inputs=Z) for c in ("activation", "apoz", "taylor")]
    for call in calls:
        call()
        assert equal(snapshot(model), before)
    failing = [
        lambda: pruning.filter_groups(model, Z[:, :5]),
        lambda: pruning.filters_for(model, Z, "activation", 0.5, inputs=Z[:, :5]),
        lambda: pruning.filters_for(model, Z, "taylor", 0.5, inputs=Z[:, :5]),
        lambda: pruning.remove_filters(model, {"up": torch.arange(5)}, Z[:, :5], groups),
        lambda: pruning.zero_filters(model, {"up": torch.arange(5)}, Z),  # the noise is read all the same
    ]
    for call in failing:
        with pytest.raises(ParameterError) as error:
            call()
        assert "\n" not in str(error.value) and equal(snapshot(model), before)
    small = pruning.remove_filters(model, {"up": torch.arange(5)}, Z, groups)
    assert [m.training for m in small.modules()] == [m.training for m in model.modules()]
    assert not small.up.weight.requires_grad and small.out.weight.requires_grad


@torch.no_grad()
def test_wrappers_and_types():
    plain = nn.Sequential(nn.ConvTranspose2d(8, 16, 4), nn.ReLU(), nn.Conv2d(16, 3, 1))
    small = pruning.remove_filters(plain, {"0": torch.arange(5)}, Z)
    for wrapped in (nn.DataParallel(plain), torch.optim.swa_utils.AveragedModel(plain)):
        found = pruning.remove_filters(wrapped, {"0": torch.arange(5)}, Z)
        assert torch.equal(found(Z), small(Z)) and isinstance(found, nn.Sequential)
        assert equal(*(pruning.filters_for(m, Z, "activation", 0.5, inputs=Z) for m in (wrapped, plain)))
    for dtype in (torch.half, torch.bfloat16, torch.double):
        model = copy.deepcopy(plain).to(dtype)
        found = pruning.remove_filters(model, pruning.filters_for(model, Z, "l2", 0.5), Z)
        assert found[0].weight.dtype == dtype and found[0].out_channels == 8


def test_shared_layers_and_weights():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.up, self.a, self.b = nn.ConvTranspose2d(8, 8, 4), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1)
            self.b.weight, self.again, self.out = self.a.weight, self.a, nn.Conv2d(8, 3, 1)

        def forward(self, z):
            return self.out(self.b(self.again(self.a(self.up(z)).relu()).relu()))

    model = Shared()
    assert list(pruning.filter_groups(model, Z)) == ["up + a + b"]
    small = pruning.remove_filters(model, {"up + a + b": torch.tensor([1, 2, 6])}, Z)
    assert small.a.weight is small.b.weight and small.again is small.a and small.b.weight.shape == (5, 5, 1, 1)


def test_a_parameter_with_a_channel_of_its_own_goes_along():
    class Biased(nn.Module):
        def __init__(self):
            super().__init__()
            self.up, self.const = nn.ConvTranspose2d(8, 16, 4), nn.Parameter(torch.randn(1, 16, 4, 4))
            self.register_buffer("scale", torch.rand(16, 1, 1))
            self.out = nn.Conv2d(16, 3, 1)

        def forward(self, z):
            return self.out(self.up(z) * self.scale + self.const)

    model = Biased()
    small = pruning.remove_filters(model, {"up + const + scale": torch.tensor([3, 8])}, Z)
    left = [i for i in range(16) if i not in (3, 8)]
    assert torch.equal(small.const, model.const[:, left]) and torch.equal(small.scale, model.scale[left])
    zeroed = pruning.zero_filters(model, {"up + const + scale": torch.tensor([3, 8])}, Z)
    assert torch.allclose(zeroed(Z), small(Z), atol=1e-5) and not zeroed.const[:, 8].any()


def test_inputs_in_any_form_and_the_criteria_on_them():
    model, inputs = zoo.make("cGAN")
    z, labels = inputs.arguments
    chosen = pruning.filters_for(model, inputs, "taylor", 0.5, inputs=inputs)
    for given in ((z, labels), [z, labels], {"z": z, "y": labels}, Inputs(z, y=labels)):
        again = pruning.filters_for(model, given, "taylor", 0.5, inputs=given)
        assert equal(again, chosen) and pruning.remove_filters(model, chosen, given).first.out_channels == 8
    at = filters_at(model, 0.5 * size(model), "activation", inputs)
    assert 0.4 < size(pruning.remove_filters(model, at, inputs)) / size(model) < 0.6


def test_what_has_no_image_or_no_inputs_is_one_line():
    model, inputs = zoo.make("FastGAN")
    for call, words in (
        (lambda: pruning.filter_groups(model, inputs.arguments), "output: say which one is the image"),
        (
            lambda: pruning.filter_groups(zoo.make("cGAN")[0], inputs),
            "be followed from an example of shape (4, 8)",
        ),
        (
            lambda: pruning.filter_groups(nn.Sequential(nn.Conv2d(8, 8, 1), nn.GroupNorm(1, 8), nn.Conv2d(8, 3, 1)), Z),
            "model Sequential: has no filters that could be removed;"
            " 0: its filters only go all at once, tied by 1; 2: its filters are channels of the output",
        ),
        (lambda: pruning.remove_filters(Gate(), {"c": torch.arange(16)}, Z), "filters of c: all 16 would go"),
    ):
        with pytest.raises(ParameterError) as error:
            call()
        assert words in str(error.value) and "\n" not in str(error.value)


def test_a_layer_that_shares_some_of_its_filters_keeps_one():
    class Partly(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.ConvTranspose2d(8, 16, 4), nn.ConvTranspose2d(8, 1, 4)
            self.out = nn.Conv2d(16, 3, 1)

        def forward(self, z):
            a, b = self.a(z), self.b(z)
            count = a.shape[1] - b.shape[1]
            return self.out(torch.cat([a[:, :count], a[:, count:] + b], 1))

    model = Partly()
    assert pruning.filter_groups(model, Z)["a + b"].layers["b"].tolist() == [15]
    with pytest.raises(ParameterError, match="filters of a . b: all channels of b would go; at least one has to stay"):
        pruning.remove_filters(model, {"a + b": torch.tensor([3, 15])}, Z)


@pytest.mark.slow
def test_compiled_networks_and_layers():
    plain = nn.Sequential(nn.ConvTranspose2d(8, 16, 4), nn.ReLU(), nn.Conv2d(16, 3, 1))
    small = pruning.remove_filters(torch.compile(plain), {"0": torch.arange(5)}, Z)
    assert small[0].out_channels == 11 and isinstance(small, nn.Sequential)
    assert list(pruning.filter_groups(nn.Sequential(torch.compile(plain[0]), *plain[1:]), Z)) == ["0._orig_mod"]


def test_depth_has_no_limit():
    class Dense(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(4, 2, 1), nn.Conv2d(6, 4, 1)

        def forward(self, x):
            return x + self.b(torch.cat([x, self.a(x).relu()], 1))

    model = nn.Sequential(nn.Conv2d(3, 4, 1), *[Dense() for _ in range(150)], nn.Conv2d(4, 3, 1))
    assert len(pruning.filter_groups(model, torch.randn(1, 3, 2, 2))) == 151


@pytest.mark.slow
def test_twice_the_depth_takes_about_twice_the_calls():
    """Work is counted, not timed: another process on the machine cannot make it red. Seconds: benchmarks/filters.py."""

    def calls(blocks):
        model, x = zoo.ESRGAN(blocks).eval(), zoo.pictures()
        with cProfile.Profile() as profile:
            pruning.remove_filters(model, pruning.filters_for(model, x, "l2", 0.5), x)
        return pstats.Stats(profile).total_calls

    calls(2)  # imports what is imported on first use
    found = {blocks: calls(blocks) for blocks in (8, 16, 32)}
    assert all(found[2 * blocks] < 2.1 * found[blocks] for blocks in (8, 16)), found
