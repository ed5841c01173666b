import pytest
import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.models.sampling import draw_noise
from ganprune_utils.pruning import apply_masks, percentage_masks, recalibrate_batchnorm, sparsity


def test_statistics_become_those_of_the_noise_and_nothing_else_changes(small_generator):
    apply_masks(small_generator.eval(), percentage_masks(small_generator, 0.5))
    before = {name: tensor.clone() for name, tensor in small_generator.state_dict().items()}
    zeros = sparsity(small_generator)
    noise = draw_noise(40, 8, seed=0)
    recalibrate_batchnorm(small_generator, noise, batch_size=10)
    assert not small_generator.training and sparsity(small_generator).equals(zeros)
    for name, tensor in small_generator.state_dict().items():
        statistic = any(part in name for part in ("running", "num_batches"))
        assert torch.equal(before[name], tensor) != statistic, name
    first = small_generator.layers.convt1(noise)
    torch.testing.assert_close(small_generator.layers.bn1.running_mean, first.mean(dim=(0, 2, 3)))
    batches = torch.stack([batch.var(dim=(0, 2, 3)) for batch in first.split(10)])
    torch.testing.assert_close(small_generator.layers.bn1.running_var, batches.mean(dim=0))
    assert small_generator.layers.bn1.momentum == 0.1


def test_an_output_after_recalibration_has_unit_variance_again(small_generator):
    small_generator.eval()
    with torch.no_grad():
        small_generator.layers.convt1.weight *= 20  # far from what the running variance, 1, says
    noise = draw_noise(500, 8, seed=0)
    recalibrate_batchnorm(small_generator, noise)
    layers = small_generator.layers
    normalised = (layers.bn1(layers.convt1(noise)) - layers.bn1.bias[:, None, None]) / layers.bn1.weight[:, None, None]
    assert normalised.std(dim=(0, 2, 3)).mean().item() == pytest.approx(1, abs=0.02)


def test_bad_input(small_generator):
    with pytest.raises(ParameterError, match="no BatchNorm"):
        recalibrate_batchnorm(nn.Conv2d(1, 1, 1), torch.zeros(4, 1, 1, 1))
    with pytest.raises(ParameterError, match="at least 2 vectors"):
        recalibrate_batchnorm(small_generator, draw_noise(1, 8, seed=0))
