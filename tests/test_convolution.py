"""Convolutions computed as one matrix product give what the library's give."""

import pytest
import torch
from torch import nn

from ganprune_utils.models import convolution
from ganprune_utils.models.unet import UNet, without_dead_weights

LAYERS = [  # class, the library's, kernel, stride, padding, height and width of its input
    (convolution.Conv2d, nn.Conv2d, 4, 2, 1, (4, 2)),
    (convolution.Conv2d, nn.Conv2d, 2, 2, 0, (2, 2)),
    (convolution.ConvTranspose2d, nn.ConvTranspose2d, 4, 2, 1, (2, 1)),
    (convolution.ConvTranspose2d, nn.ConvTranspose2d, 2, 2, 0, (1, 1)),
]


@pytest.mark.parametrize("bias", (True, False))
@pytest.mark.parametrize("layout", (torch.contiguous_format, torch.channels_last))
@pytest.mark.parametrize(("own", "library", "kernel", "stride", "padding", "size"), LAYERS)
def test_product_and_its_gradients_equal_the_library(
    own, library, kernel, stride, padding, size, layout, bias, monkeypatch
):
    monkeypatch.setattr(convolution, "MIN_WEIGHTS", 0)
    monkeypatch.setattr(own.__base__, "forward", lambda *_: pytest.fail("this is for the matrix product"))
    random = torch.Generator().manual_seed(0)
    conv = own(3, 5, kernel, stride, padding, bias=bias).double()
    x = torch.randn(2, 3, *size, generator=random, dtype=torch.float64).to(memory_format=layout).requires_grad_()
    conv.to(memory_format=layout)
    made = conv(x)
    monkeypatch.undo()
    twin = library(3, 5, kernel, stride, padding, bias=bias).double()
    twin.load_state_dict(conv.state_dict())
    expected = twin(x)
    assert made.shape == expected.shape and (made - expected).abs().max() < 1e-14
    weights = torch.randn(made.shape, generator=random, dtype=torch.float64)
    found, wanted = (
        torch.autograd.grad((y * weights).sum(), [x, *layer.parameters()])
        for y, layer in ((made, conv), (expected, twin))
    )
    assert all((a - b).abs().max() < 1e-14 for a, b in zip(found, wanted, strict=True))


def test_only_layers_of_few_pixels_and_many_weights(monkeypatch):
    called = []
    for library in (nn.Conv2d, nn.ConvTranspose2d):
        forward = library.forward
        monkeypatch.setattr(library, "forward", lambda s, x, f=forward: called.append(s) or f(s, x))
    network, x = without_dead_weights(UNet(1, 3, ngf=64), (32, 32)), torch.zeros(1, 1, 32, 32)
    names = {block.conv: name for blocks in (network.down, network.up) for name, block in blocks.items()}
    network.eval()(x)
    assert [names[conv] for conv in called] == ["down1", "down2", "down3", "up3", "up2", "up1"]
    called.clear()
    UNet(1, 3, ngf=8).eval()(x)
    assert len(called) == 10
