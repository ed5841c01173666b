"""First-order Taylor scores: how much a loss would change, to first order, if a weight were zero."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.models.inputs import Inputs, one_line, unchanged
from ganprune_utils.models.state import plain_copy


def taylor_scores(
    model: nn.Module, layers, inputs, loss: Callable | None = None, seed: int = 0, batch_size: int = 10
) -> dict[str, torch.Tensor]:
    """|w * dL/dw| of every weight of the `layers`, the mean over batches of `inputs`: name -> (weight), float64.

    Zeroing w changes L by -w * dL/dw + O(w^2) (Molchanov et al. 2017, of activations; 2019, of weights, who square it).

    Args:
        inputs: what the model gets in use, in any form that `Inputs.of` takes, seen in evaluation mode.
        loss: L, of the model's output. By default the output times random directions drawn with `seed`, N(0, 1) a
            value, so that L changes wherever an image does, and needs no network but the model. The distance to the
            dense model's output is no choice: its gradient is zero at the dense model.
    """
    if inputs is None:
        raise ParameterError("inputs: none given; Taylor scores need inputs")
    random = torch.Generator().manual_seed(int(seed))
    loss = loss or (lambda output: (output * torch.randn(output.shape, generator=random).to(output)).sum())
    model = plain_copy(model).eval().requires_grad_(True)
    weights = [model.get_submodule(name).weight for name in layers]
    inputs = Inputs.of(inputs).to(model)
    totals, batches = [0.0] * len(weights), list(inputs.split(batch_size))
    with unchanged(model), one_line(model, f"cannot be run on inputs of shape {inputs}"), torch.enable_grad():
        for batch in batches:
            gradients = torch.autograd.grad(loss(batch.call(model)), weights)
            for i, (weight, gradient) in enumerate(zip(weights, gradients, strict=True)):
                totals[i] += (weight.detach() * gradient).abs().double() / len(batches)
    return dict(zip(layers, totals, strict=True))


def adversarial_loss(images: torch.Tensor, discriminator: nn.Module) -> torch.Tensor:
    """The non-saturating loss that a generator is trained with, -log D(G(z))."""
    return F.softplus(-discriminator(images)).mean()
