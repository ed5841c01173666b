"""The U-Net's own convolutions give what the library's give, and so do their gradients."""

import pytest
import torch
from torch import nn

from ganprune_utils.models import convolution, winograd
from ganprune_utils.models.unet import UNet, without_dead_weights

DOWN, UP = (convolution.Conv2d, nn.Conv2d), (convolution.ConvTranspose2d, nn.ConvTranspose2d)
DIRECT, WINOGRAD = convolution._Direct, convolution._Winograd
LAYERS = [  # method, own and library's class, kernel, stride, padding, height and width of its input
    (DIRECT, DOWN, 4, 2, 1, (4, 2)),
    (DIRECT, DOWN, 2, 2, 0, (2, 2)),
    (DIRECT, DOWN, 3, 1, 1, (2, 2)),
    (DIRECT, UP, 4, 2, 1, (2, 1)),
    (DIRECT, UP, 2, 2, 0, (1, 1)),
    (WINOGRAD, DOWN, 4, 2, 1, (8, 16)),
    (WINOGRAD, DOWN, 4, 2, 1, (9, 9)),  # the last row and column are not looked at
    (WINOGRAD, UP, 4, 2, 1, (8, 4)),
]


@pytest.mark.parametrize("bias", (True, False))
@pytest.mark.parametrize("layout", (torch.contiguous_format, torch.channels_last))
@pytest.mark.parametrize(("method", "classes", "kernel", "stride", "padding", "size"), LAYERS)
def test_products_and_their_gradients_equal_the_library(
    method, classes, kernel, stride, padding, size, layout, bias, monkeypatch
):
    monkeypatch.setattr(convolution, "MIN_WEIGHTS", 0)
    monkeypatch.setattr(convolution, "MIN_BATCH", 1)
    random = torch.Generator().manual_seed(0)
    conv, twin = (kind(3, 5, kernel, stride, padding, bias=bias).double() for kind in classes)
    twin.load_state_dict(conv.state_dict())
    x = torch.randn(2, 3, *size, generator=random, dtype=torch.float64).to(memory_format=layout).requires_grad_()
    conv.to(memory_format=layout)
    applied = []
    monkeypatch.setattr(method, "apply", lambda *given, apply=method.apply: applied.append(1) or apply(*given))
    made, expected = conv(x), twin(x)
    assert applied and made.shape == expected.shape and (made - expected).abs().max() < 1e-13
    assert made.is_contiguous(memory_format=torch.channels_last)  # BatchNorm is slow over windows
    weights = torch.randn(made.shape, generator=random, dtype=torch.float64)
    found, wanted = (
        torch.autograd.grad((y * weights).sum(), [x, *layer.parameters()])
        for y, layer in ((made, conv), (expected, twin))
    )
    assert all((a - b).abs().max() < 1e-12 for a, b in zip(found, wanted, strict=True))


def test_float32_loses_no_more_than_two_digits(monkeypatch):
    random = torch.Generator().manual_seed(0)
    x = torch.randn(16, 256, 8, 8, generator=random)
    weight = torch.randn(64, 256, 4, 4, generator=random)
    exact = nn.functional.conv2d(x.double(), weight.double(), stride=2, padding=1)
    made = WINOGRAD.apply(x, weight, 2, 1, [4, 4], False)
    assert (made - exact).abs().max() < 1e-5 * exact.abs().max()


def test_a_tile_takes_fewer_products_than_the_convolution():
    values = winograd.of_large(torch.zeros(1, 3, 8, 8))
    assert values.shape == (25, 1, 4 * 3)  # of each channel and filter, for 4x4 outputs of 4 taps in 4 phases


def test_the_library_is_left_to_all_other_layers(monkeypatch):
    called = []
    for library in (nn.Conv2d, nn.ConvTranspose2d):
        forward = library.forward
        monkeypatch.setattr(library, "forward", lambda s, x, f=forward: called.append(s) or f(s, x))

    def left(ngf, batch, autocast=False):
        network = without_dead_weights(UNet(1, 3, ngf=ngf), (32, 32)).eval()
        names = {block.conv: name for blocks in (network.down, network.up) for name, block in blocks.items()}
        called.clear()
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            network(torch.zeros(batch, 1, 32, 32))
        return [names[conv] for conv in called]

    assert left(64, 16) == ["down1", "up1"]
    assert len(left(8, 16)) == len(left(64, 15)) == len(left(64, 16, autocast=True)) == 10
    with convolution.library():
        assert len(left(64, 16)) == 10


@pytest.mark.parametrize("changed", ({"padding_mode": "reflect"}, {"padding": "same", "stride": 1}, {"groups": 2}))
def test_other_convolutions_are_the_library_s(changed, monkeypatch):
    monkeypatch.setattr(convolution, "MIN_WEIGHTS", 0)
    conv = convolution.Conv2d(4, 4, **{"kernel_size": 4, "stride": 2, "padding": 1} | changed)
    x = torch.rand(16, 4, 4, 4)
    assert torch.equal(conv(x), nn.Conv2d.forward(conv, x))


def test_half_precision_and_too_small_pictures_are_the_library_s(monkeypatch):
    monkeypatch.setattr(convolution, "MIN_WEIGHTS", 0)
    conv = convolution.Conv2d(4, 4, 4, 2, 1)
    with pytest.raises(RuntimeError, match="Kernel size can't be greater than actual input size"):
        conv(torch.rand(16, 4, 1, 1))
    conv, x = conv.half(), torch.rand(16, 4, 4, 4).half()
    assert torch.equal(conv(x), nn.Conv2d.forward(conv, x))


def test_a_second_derivative_is_refused_rather_than_wrong():
    x, weight = torch.rand(16, 4, 8, 8, requires_grad=True), torch.rand(4, 4, 4, 4, requires_grad=True)
    made = WINOGRAD.apply(x, weight, 2, 1, [4, 4], False).square().sum()
    (first,) = torch.autograd.grad(made, x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_batchnorm_meets_dense_gradients_beside_a_skip():
    unet = UNet(1, 1, 4, 3).to(memory_format=torch.channels_last).train()
    dense = []
    for block in (*unet.down.values(), *unet.up.values()):
        if isinstance(block.norm, nn.BatchNorm2d):
            block.norm.register_full_backward_hook(
                lambda module, before, after: dense.append(after[0].is_contiguous(memory_format=torch.channels_last))
            )
    x = torch.randn(2, 1, 16, 16).contiguous(memory_format=torch.channels_last)
    unet(x).square().sum().backward()
    assert len(dense) == 3 and all(dense)
