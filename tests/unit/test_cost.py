"""Costs against counts by hand, and folding against the network it came from."""

import pytest
import torch
from helpers import Foreign, trained_like
from torch import nn

from ganprune_utils import pruning
from ganprune_utils.errors import ParameterError
from ganprune_utils.export.fold_batchnorm import fold_batchnorm
from ganprune_utils.metrics import cost
from ganprune_utils.models.dcgan import Discriminator, Generator
from ganprune_utils.models.inputs import Inputs
from ganprune_utils.models.sampling import draw_noise
from ganprune_utils.models.state import safe_copy
from ganprune_utils.models.unet import UNet
from ganprune_utils.plots.architecture import network_diagram


def test_parameters_and_nonzeros():
    model = pruning.apply_masks(Generator(12, 16), pruning.percentage_masks(Generator(12, 16), 0.5))
    convolutions = 16 * (12 * 64 + 64 * 32 + 32 * 16 + 16)
    assert cost.parameters(Generator(12, 16))["parameters"] == convolutions + 2 * (64 + 32 + 16)
    counted = cost.parameters(model)
    assert counted == cost.parameters(pruning.make_permanent(model))
    # BatchNorm's biases begin at zero.
    assert counted == {"parameters": convolutions + 224, "nonzeros": convolutions // 2 + 112}


def test_macs_by_hand():
    # A transposed convolution multiplies every input pixel with the whole kernel: 17.449 M in METHODS.
    by_hand = 16 * (100 * 256 + 16 * 256 * 128 + 64 * 128 * 64 + 256 * 64)
    assert cost.macs(Generator(100, 64), draw_noise(3, 100, 0)) == by_hand == 17_448_960
    # Four 4x4 convolutions with stride 2: every output pixel with the whole kernel.
    assert cost.macs(Discriminator(16), torch.rand(1, 1, 32, 32)) == 16 * (256 * 16 + 64 * 16 * 32 + 16 * 32 * 64 + 64)
    # The same of a U-Net: every output pixel on the way down, every input pixel on the way up.
    down = 256 * 64 + 64 * 64 * 128 + 16 * 128 * 256 + 4 * 256 * 512 + 512 * 512
    up = 512 * 512 + 4 * 1024 * 256 + 16 * 512 * 128 + 64 * 256 * 64 + 256 * 128
    assert cost.macs(UNet(1, 1, 64), torch.rand(1, 1, 32, 32)) == 16 * (down + up)


def test_layers_one_by_one_add_up_to_the_whole():
    model, noise = Generator(100, 64), draw_noise(3, 100, 0)
    table = cost.by_layer(model, noise)
    assert table.layer.tolist() == [f"layers.convt{i}" for i in (1, 2, 3, 4)]
    assert table.channels.tolist() == [256, 128, 64, 1] and table.side.tolist() == [4, 8, 16, 32]
    assert table.weights.tolist() == [409_600, 524_288, 131_072, 1_024]
    assert table.macs.sum() == cost.macs(model, noise) and table.macs[0] == 409_600
    assert model.training and not model.layers.convt1._forward_hooks


def test_a_diagram_has_a_block_for_each_layer_and_outlines_of_the_dense_ones():
    layers = [cost.by_layer(Generator(8, width), draw_noise(2, 8, 0)) for width in (4, 2)]
    assert len(network_diagram(layers[0]).axes[0].patches) == 4
    both = network_diagram(layers[1], dense=layers[0]).axes[0].patches
    widths = [patch.get_width() for patch in both]
    assert len(both) == 8 and widths[1] == pytest.approx(widths[0] / 2**0.5)


def test_macs_leave_the_mode_alone():
    model = Generator(12, 16).train()
    cost.macs(model, draw_noise(2, 12, 0))
    assert model.training


def test_latency_gives_ordered_quartiles_and_tells_slow_from_fast():
    small, large = torch.rand(2, 2), torch.rand(600, 600)
    spread = cost.latency({"small": lambda: small @ small, "large": lambda: large @ large}, seconds=0.05)
    assert all(0 < times["low"] <= times["median"] <= times["high"] for times in spread.values())
    assert spread["large"]["median"] > 5 * spread["small"]["median"]
    with pytest.raises(ParameterError, match="at least 3 rounds"):
        cost.latency({"small": lambda: None}, at_least=1)


def test_peak_memory_of_two_steps():
    # Input not counted; the first result lives until the second is there.
    model = nn.Sequential(nn.Flatten(), nn.Linear(10, 1000, bias=False), nn.Tanh())
    peak = cost.peak_memory(model, torch.rand(50, 10))
    assert 2 * 50 * 1000 * 4 <= peak < 2.2 * 50 * 1000 * 4


def test_bytes_on_disk_shrink_with_zeros_only_where_they_are_packed():
    dense, pruned = trained_like(Generator(12, 16)), trained_like(Generator(12, 16))
    pruning.make_permanent(pruning.apply_masks(pruned, pruning.percentage_masks(pruned, 0.9)))
    before, after = cost.bytes_on_disk(dense), cost.bytes_on_disk(pruned)
    weights = 4 * 16 * (12 * 64 + 64 * 32 + 32 * 16 + 16)
    assert after["dense"] == before["dense"] and weights < before["dense"] < weights + 6000
    assert before["dense"] - 30 < before["sparse"] <= before["dense"]  # the three counters of BatchNorm are zero
    assert after["sparse"] == pytest.approx(before["dense"] - weights + weights * (0.1 + 1 / 32), rel=0.01)
    assert after["zipped"] < 0.25 * before["zipped"]


@torch.no_grad()
@pytest.mark.parametrize(
    "model", [Generator(12, 16), Discriminator(16), Foreign(), UNet(1, 1, 16)], ids=lambda m: type(m).__name__
)
def test_folded_equals_unfolded(model):
    model = trained_like(model)
    inputs = torch.rand(8, 1, 32, 32) if isinstance(model, Discriminator | UNet) else draw_noise(8, 12, 0)
    folded = fold_batchnorm(model)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())
    assert (folded(inputs) - model(inputs)).abs().max() < 1e-5
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())


class Twice(nn.Module):
    """A convolution that is used twice, and a BatchNorm without running statistics."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
        self.last, self.free = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4, track_running_stats=False)

    def forward(self, x):
        return self.free(self.last(self.bn(self.conv(self.conv(x)))))


@torch.no_grad()
def test_folding_leaves_alone_what_it_cannot_fold():
    model, inputs = Twice().eval(), torch.rand(3, 4, 5, 5)
    nn.init.uniform_(model.bn.running_var, 0.5, 2.0)
    assert (fold_batchnorm(model)(inputs) - model(inputs)).abs().max() < 1e-5


def test_folding_refuses_masks():
    model = pruning.apply_masks(Generator(12, 16), pruning.percentage_masks(Generator(12, 16), 0.5))
    with pytest.raises(ParameterError, match="carries a mask; make_permanent comes first"):
        fold_batchnorm(model)


class Attention(nn.Module):
    """A `view` that needs the usual memory layout, as in attention blocks, and two inputs."""

    def __init__(self):
        super().__init__()
        self.up, self.query = nn.ConvTranspose2d(8, 16, 4), nn.Conv2d(16, 16, 1)

    def forward(self, z, scale):
        x = self.query(self.up(z))
        return scale * x.view(x.shape[0], 4, -1).softmax(-1).view_as(x), None


@pytest.mark.parametrize(
    "model, inputs",
    [
        (Attention(), (torch.randn(2, 8, 1, 1), torch.ones(2, 1, 1, 1))),
        (nn.ConvTranspose3d(8, 3, 4), torch.randn(2, 8, 1, 1, 1)),
        (nn.Conv1d(2, 3, 3), {"input": torch.randn(2, 2, 9)}),
        (Generator(12, 16), draw_noise(2, 12, 0)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_network_of_any_kind_is_run_and_stays_as_it_is(model, inputs):
    strides = [tensor.stride() for tensor in model.state_dict().values()]
    model.train()
    wanted = Inputs.of(inputs).run(safe_copy(model).eval())
    found = cost.runs(model, inputs)()
    for one, other in zip(*((x if isinstance(x, tuple) else (x,)) for x in (wanted, found)), strict=True):
        assert one is other is None or torch.allclose(one, other, atol=1e-5)
    assert cost.macs(model, inputs) > 0 and cost.peak_memory(model, inputs) > 0
    assert all(module.training for module in model.modules())
    assert strides == [tensor.stride() for tensor in model.state_dict().values()]


def test_a_network_that_does_not_run_is_one_line():
    model = Attention().train()
    for measure in (cost.runs, cost.macs, cost.peak_memory):
        with pytest.raises(ParameterError, match=r"^model Attention: cannot be run on \(., 8, 1, 1\) .*'scale'"):
            measure(model, torch.randn(2, 8, 1, 1))
    assert all(module.training for module in model.modules())
