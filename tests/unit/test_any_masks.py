"""Masks on generators of any kind: reparametrised, shared and linear weights, wrappers, networks beside."""

import copy

import pytest
import torch
from test_state import NOISE, REPARAMETRISATIONS, reparametrised
from torch import nn
from torch.optim.swa_utils import AveragedModel

from ganprune_utils.errors import ParameterError
from ganprune_utils.metrics import cost
from ganprune_utils.models.checkpoints import save_network
from ganprune_utils.models.state import effective_state, effective_weight, plain_copy
from ganprune_utils.pruning import (
    allocated_masks,
    apply_masks,
    make_permanent,
    matched_s,
    percentage_masks,
    prunable_layers,
    random_masks,
    sensitivity_masks,
    sparsity,
)
from ganprune_utils.pruning.layers import magnitudes

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm.*deprecated")


def equal(masks, others):
    return masks.keys() == others.keys() and all(torch.equal(mask, others[name]) for name, mask in masks.items())


@pytest.mark.parametrize("wrap", REPARAMETRISATIONS.values(), ids=REPARAMETRISATIONS)
def test_masks_act_on_the_weight_that_is_used(wrap):
    model = reparametrised(wrap)
    plain = plain_copy(model).eval()
    for masks in (percentage_masks, lambda m, f: random_masks(m, f, seed=0), sensitivity_masks):
        assert equal(masks(model, 0.5), masks(plain, 0.5))
    assert cost.parameters(model) == cost.parameters(plain) and sparsity(model).equals(sparsity(plain))
    masks = percentage_masks(model, 0.5)
    apply_masks(model, masks)
    apply_masks(plain, masks)
    assert torch.equal(model.eval()(NOISE), plain(NOISE))
    optimizer = torch.optim.Adam(model.train().parameters(), 1e-2)
    model(NOISE).square().sum().backward()
    optimizer.step()
    assert not effective_weight(model[2])[~masks["2"]].any()
    table, parameters, state = sparsity(model), cost.parameters(model), effective_state(model)
    assert (
        table.sparsity["overall"] == 0.5 and parameters["nonzeros"] == parameters["parameters"] - table.zeros.iloc[-1]
    )
    make_permanent(model)
    assert sparsity(model).equals(table) and cost.parameters(model) == parameters
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


class Outside(nn.Module):
    """Spectral norm as many public generators write it: a module around the layer that sets its weight."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.weight_bar = layer, nn.Parameter(layer.weight.detach().clone())
        del layer.weight

    def forward(self, x):
        self.layer.weight = self.weight_bar / self.weight_bar.norm()
        return self.layer(x)


@pytest.mark.parametrize("run", [True, False])
def test_a_weight_out_of_reach_is_named_and_nothing_is_half_masked(run):
    model = nn.Sequential(nn.Conv2d(2, 2, 1), Outside(nn.Conv2d(2, 2, 1)))
    if run:
        model(torch.rand(1, 2, 4, 4))
    masks = {"0": torch.zeros(2, 2, 1, 1).bool(), "1.layer": torch.zeros(2, 2, 1, 1).bool()}
    for call in (lambda: percentage_masks(model, 0.5), lambda: apply_masks(model, masks), lambda: sparsity(model)):
        with pytest.raises(ParameterError, match=r"^layer 1.layer: has no weight of its own \(yet\)"):
            call()
    assert not any("mask" in name for name in model.state_dict())
    assert list(percentage_masks(model, 0.5, layers=["0"])) == ["0"]


def test_a_lazy_layer_has_no_weight_yet():
    with pytest.raises(ParameterError, match="^layer 0: has no weight of its own"):
        percentage_masks(nn.Sequential(nn.LazyConv2d(3, 1)), 0.5)


def test_a_shared_parameter_is_masked_everywhere():
    first, second, third = (nn.Conv2d(2, 2, 3, 1, 1) for _ in range(3))
    second.weight = first.weight
    model = nn.Sequential(first, second, third, first)
    images = torch.rand(3, 2, 8, 8)
    apply_masks(model, random_masks(model, 0.5, seed=0))
    pruned = model(images)
    make_permanent(model)
    assert torch.equal(model(images), pruned) and first.weight is second.weight


@pytest.fixture
def mostly_linear():
    head = nn.MultiheadAttention(8, 2)
    return nn.Sequential(nn.Linear(10, 32 * 16), nn.Unflatten(1, (32, 4, 4)), nn.Conv2d(32, 8, 3)).append(head)


def test_linear_layers_are_counted_and_pruned_where_that_is_asked_for(mostly_linear):
    apply_masks(mostly_linear, percentage_masks(mostly_linear, 0.5))
    table = sparsity(mostly_linear)
    # In no row: the linear layer, and attention's three projections in one with the fourth.
    assert table.weights.to_dict() == {"2": 2304, "overall": 2304, "not pruned": 5120 + 4 * 64}
    assert table.sparsity[["overall", "not pruned"]].tolist() == [0.5, 0.0]
    layers = prunable_layers(mostly_linear, linear=True)
    assert list(layers) == ["0", "2"]
    matched = matched_s(mostly_linear, 0.9, layers=layers)
    for fraction, masks in (
        (0.6, percentage_masks(mostly_linear, 0.6, layers=layers)),
        (0.7, percentage_masks(mostly_linear, 0.7, "layer", layers=layers)),
        (0.8, random_masks(mostly_linear, 0.8, seed=0, layers=layers)),
        (0.9, sensitivity_masks(mostly_linear, matched, layers=layers)),
    ):
        pruned = apply_masks(plain_copy(mostly_linear), masks)
        assert sparsity(pruned, layers).sparsity["overall"] == pytest.approx(fraction, abs=1e-3)
    fractions, scores = dict.fromkeys(layers, 0.5), magnitudes(mostly_linear, layers)
    assert (allocated_masks(mostly_linear, fractions, scores, within_outputs=True)["0"].sum(1) == 5).all()


def test_layers_are_chosen_by_name_in_the_order_of_the_network(mostly_linear):
    assert list(percentage_masks(mostly_linear, 0.5, layers=["2", "0"])) == ["0", "2"]
    with pytest.raises(ParameterError, match="^layers = '3': no such layer; prunable are 0, 2$"):
        percentage_masks(mostly_linear, 0.5, layers=["3"])
    with pytest.raises(ParameterError, match="has no convolution or linear layer"):
        prunable_layers(nn.ReLU(), linear=True)


class Beside(nn.Module):
    """As a LightningModule: `forward` is the generator, the discriminator lies beside it."""

    def __init__(self):
        super().__init__()
        self.generator, self.discriminator = nn.ConvTranspose2d(8, 3, 4), nn.Conv2d(3, 1, 4)

    def forward(self, z, scale):
        return self.generator(z) * scale, z


def test_a_network_beside_is_left_out_where_an_example_tells(mostly_linear):
    model = Beside().half().train()
    layers = prunable_layers(model, example=(NOISE, torch.ones(4, 1, 1, 1)))
    assert list(prunable_layers(model)) == ["generator", "discriminator"] and list(layers) == ["generator"]
    apply_masks(model, percentage_masks(model, 0.25, layers=layers))
    assert sparsity(model, layers).zeros.to_dict() == {"generator": 96, "overall": 96, "not pruned": 0}
    with pytest.raises(ParameterError, match=r"^model Beside: cannot be run on \(4, 8, 1, 1\) .*'scale'"):
        prunable_layers(model, example=NOISE)


def compiled(model):
    return torch.compile(model, backend="eager")


@pytest.mark.parametrize("wrap", [nn.DataParallel, AveragedModel, pytest.param(compiled, marks=pytest.mark.slow)])
def test_the_original_inside_a_wrapper_is_pruned(small_generator, wrap):
    noise, plain = torch.randn(4, 8, 1, 1), copy.deepcopy(small_generator).eval()
    wrapped = wrap(small_generator.eval())
    with torch.no_grad():
        wrapped(noise)
    masks = percentage_masks(plain, 0.5)
    assert equal(percentage_masks(wrapped, 0.5), masks) and apply_masks(wrapped, masks) is wrapped
    assert sparsity(wrapped).equals(sparsity(apply_masks(plain, masks)))
    with torch.no_grad():
        assert torch.equal(wrapped(noise), plain(noise))
    make_permanent(wrapped)
    with torch.no_grad():
        assert torch.equal(wrapped(noise), plain(noise))


def test_weights_under_masks_are_not_saved(small_generator, tmp_path):
    apply_masks(small_generator, percentage_masks(small_generator, 0.5))
    with pytest.raises(ParameterError, match="^layer layers.convt1: carries a mask; make_permanent comes first$"):
        save_network(small_generator, tmp_path / "generator.safetensors", {})
    assert not list(tmp_path.iterdir())
