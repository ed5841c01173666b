"""A network's tensors as they act: inside its wrappers, under reparametrisations, shared."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import utils
from torch.nn.utils import parametrizations
from torch.optim.swa_utils import AveragedModel

from ganprune_utils.models.state import effective_parameters, effective_state, effective_weight, original, plain_copy

REPARAMETRISATIONS = {
    "spectral_norm hook": utils.spectral_norm,
    "weight_norm hook": utils.weight_norm,
    "spectral_norm": parametrizations.spectral_norm,
    "weight_norm": parametrizations.weight_norm,
    "orthogonal": parametrizations.orthogonal,
}
pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm.*deprecated")
NOISE = torch.randn(4, 8, 1, 1)


def reparametrised(wrap):
    """A generator after a training step: what the last forward pass used is no longer what the next one will."""
    model = nn.Sequential(nn.ConvTranspose2d(8, 8, 4), nn.ReLU(), wrap(nn.Conv2d(8, 16, 3)), nn.Conv2d(16, 3, 1))
    model(NOISE).square().sum().backward()
    torch.optim.SGD(model.parameters(), 1e-3).step()
    return model


@pytest.mark.parametrize("wrap", REPARAMETRISATIONS.values(), ids=REPARAMETRISATIONS)
def test_reparametrised_weights_are_those_that_evaluation_uses(wrap):
    model = reparametrised(wrap)
    before = copy.deepcopy(dict(model.state_dict()))
    copied, state = plain_copy(model).eval(), effective_state(model)
    assert type(copied[2]) is nn.Conv2d and copied.state_dict().keys() == state.keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in copied.state_dict().items())
    assert effective_parameters(model).keys() == dict(copied.named_parameters()).keys()
    assert torch.equal(effective_weight(model[2]), copied[2].weight)
    # The copy is its own: the model still trains, and neither its power iteration nor its mode has moved.
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(module.training for module in model.modules())
    assert torch.equal(model.eval()(NOISE), copied(NOISE))


def test_the_original_is_found_inside_its_wrappers():
    model = nn.Sequential(nn.Conv2d(1, 1, 1))
    assert original(torch.compile(nn.DataParallel(model))) is model
    assert original(AveragedModel(model))[0].weight.shape == model[0].weight.shape
    assert effective_state(nn.DataParallel(model)).keys() == model.state_dict().keys()


def test_what_is_shared_counts_once():
    first, second = nn.Conv2d(2, 2, 1, bias=False), nn.Conv2d(2, 2, 1, bias=False)
    second.weight = first.weight
    model = nn.Sequential(first, second, first)
    assert list(effective_parameters(model)) == ["0.weight"]
    assert list(effective_state(model)) == ["0.weight", "1.weight", "2.weight"]
