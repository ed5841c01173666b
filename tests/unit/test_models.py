import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from ganprune_utils.errors import CheckpointError, ParameterError
from ganprune_utils.models.checkpoints import build
from ganprune_utils.models.dcgan import Discriminator, Generator
from ganprune_utils.models.sampling import draw_noise, generate
from ganprune_utils.pruning import prunable_layers


@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_and_ranges(channels):
    images = Generator(latent_dim=10, ngf=4, channels=channels)(torch.randn(3, 10, 1, 1))
    assert images.shape == (3, channels, 32, 32) and images.abs().max() <= 1
    assert Discriminator(4, channels)(images).shape == (3,)


def test_the_generator_of_width_64_has_the_macs_counted_by_hand():
    with FlopCounterMode(display=False) as counter:
        Generator().eval()(torch.zeros(1, 100, 1, 1))
    by_hand = 100 * 256 * 16 + 256 * 128 * 16 * 16 + 128 * 64 * 16 * 64 + 64 * 1 * 16 * 256
    assert counter.get_total_flops() / 2 == by_hand == 17_448_960


def test_layers_are_named_in_order():
    assert list(prunable_layers(Generator())) == [f"layers.convt{i}" for i in (1, 2, 3, 4)]
    assert list(prunable_layers(Discriminator())) == [f"layers.conv{i}" for i in (1, 2, 3, 4)]


def test_a_card_rebuilds_the_network():
    generator = Generator(latent_dim=5, ngf=3, channels=3)
    assert build(generator.config).state_dict().keys() == generator.state_dict().keys()
    with pytest.raises(CheckpointError, match="architecture = 'vae': unknown"):
        build({"architecture": "vae"})
    with pytest.raises(CheckpointError, match="does not take"):
        build({"architecture": "dcgan_generator", "depth": 3})


def test_noise_is_one_sequence():
    noise = draw_noise(10, 4, seed=0)
    assert noise.shape == (10, 4, 1, 1)
    assert torch.equal(noise[:3], draw_noise(3, 4, seed=0)) and not torch.equal(noise, draw_noise(10, 4, seed=1))


def test_more_samples_than_noise_is_an_error():
    generator = Generator(latent_dim=4, ngf=2).eval()
    noise = draw_noise(5, 4, seed=0)
    torch.testing.assert_close(generate(generator, noise, 3), generate(generator, noise, batch_size=2)[:3])
    for n in (6, 0):
        with pytest.raises(ParameterError, match=f"n_samples = {n}: the noise given is for 5"):
            generate(generator, noise, n)
