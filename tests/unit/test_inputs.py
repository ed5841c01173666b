"""Inputs of any network: as arguments, in batches, with the image named among several outputs."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.models.inputs import Inputs, one_line, unchanged


class Conditional(nn.Module):
    def __init__(self, returned=lambda image: image):
        super().__init__()
        self.returned, self.up, self.norm = returned, nn.Linear(3, 4), nn.BatchNorm1d(4)

    def forward(self, z, labels, scale=1.0):
        return self.returned(self.norm(self.up(z)) * scale + labels[:, None])


@dataclass
class Sample:
    image: torch.Tensor


Z, LABELS = torch.randn(5, 3), torch.arange(5)


@pytest.mark.parametrize("given", [(Z, LABELS), [Z, LABELS], {"z": Z, "labels": LABELS}, Inputs(Z, labels=LABELS)])
def test_arguments_in_any_form_give_the_same_image(given):
    model = Conditional().eval()
    assert torch.equal(Inputs.of(given).call(model), model(Z, LABELS))


def test_batches_split_samples_and_leave_the_rest():
    batches = list(Inputs(Z, LABELS, 2.0).split(2))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert [batch.arguments[2] for batch in batches] == [2.0] * 3
    model = Conditional().eval()
    assert torch.equal(torch.cat([batch.call(model) for batch in batches]), model(Z, LABELS, 2.0))


@pytest.mark.parametrize(
    ("returned", "output"),
    [(lambda x: (x, 0), 0), (lambda x: [0, x], 1), (lambda x: {"image": x}, "image"), (Sample, "image")],
)
def test_the_image_is_the_output_that_is_named(returned, output):
    model, several = Conditional().eval(), Conditional(returned).eval()
    several.load_state_dict(model.state_dict())
    assert torch.equal(Inputs(Z, LABELS, output=output).call(several), model(Z, LABELS))


def test_an_output_that_is_not_named_or_not_there_is_one_line():
    with pytest.raises(ParameterError, match=r"^output: say which one is the image.*; the tuple has 0 to 1$"):
        Inputs(Z, LABELS).call(Conditional(lambda x: (x, 0)))
    with pytest.raises(ParameterError, match="^output = 'picture': no such output; Sample has image$"):
        Inputs(Z, LABELS, output="picture").call(Conditional(Sample))
    with pytest.raises(ParameterError, match="^inputs: hold no tensor with samples"):
        Inputs(3)


def test_a_call_leaves_no_trace_even_when_it_fails():
    model = Conditional().train()
    model.norm.eval()
    model.up.weight.requires_grad_(False)
    before, random = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    with pytest.raises(ParameterError, match="^model Conditional: cannot be run "):  # noqa: SIM117
        with unchanged(model), one_line(model, "cannot be run"):
            model.train().requires_grad_(True)
            model(torch.randn(5, 3), LABELS)
            model(torch.randn(5, 4), LABELS)
    assert (model.training, model.norm.training, model.up.weight.requires_grad) == (True, False, False)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
