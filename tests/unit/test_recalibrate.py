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


class Conditional(nn.Module):
    """Two inputs, a norm behind each, and a network beside that `forward` does not use."""

    def __init__(self):
        super().__init__()
        self.from_noise, self.noise_norm = nn.ConvTranspose2d(8, 4, 4), nn.BatchNorm2d(4)
        self.from_sound, self.sound_norm = nn.Conv2d(1, 4, 1), nn.InstanceNorm2d(4, track_running_stats=True)
        self.beside = nn.BatchNorm2d(4, momentum=0.3)

    def forward(self, noise, sound):
        sound = self.sound_norm(self.from_sound(sound))
        return self.noise_norm(self.from_noise(noise)) + sound, sound


SOUNDS = torch.randn(40, 1, 4, 4, generator=torch.Generator().manual_seed(0))


def statistics(model):
    return {name: tensor.clone() for name, tensor in model.named_buffers()}


@pytest.mark.parametrize("sounds, reached", [(SOUNDS, {"noise_norm", "sound_norm"}), (SOUNDS[:1], {"noise_norm"})])
def test_only_what_the_samples_reach_gets_other_statistics(sounds, reached):
    model, noise = Conditional().train(), draw_noise(40, 8, seed=0)
    model.from_noise.eval()
    before, random = statistics(model), torch.get_rng_state()
    sounds = sounds.expand(40, -1, -1, -1)
    recalibrate_batchnorm(model, (noise, sounds), batch_size=10)
    changed = {n.split(".")[0] for n, t in model.named_buffers() if "running" in n and not torch.equal(t, before[n])}
    assert changed == reached
    torch.testing.assert_close(model.noise_norm.running_mean, model.from_noise(noise).mean((0, 2, 3)))
    if "sound_norm" in reached:
        torch.testing.assert_close(model.sound_norm.running_mean, model.from_sound(sounds).mean((0, 2, 3)))
    assert (model.noise_norm.momentum, model.sound_norm.momentum, model.beside.momentum) == (0.1, 0.1, 0.3)
    assert model.training and not model.from_noise.training and torch.equal(random, torch.get_rng_state())


@pytest.mark.parametrize(
    "inputs, words",
    [
        (draw_noise(40, 8, seed=0), r"^model Conditional: cannot be run on \(40, 8, 1, 1\) .*'sound'"),
        ((draw_noise(40, 8, seed=0), SOUNDS[:20]), "^model Conditional: cannot be run on .*size of tensor"),
        ((torch.ones(40, 8, 1, 1), SOUNDS[:1].expand(40, -1, -1, -1)), "^noise: no BatchNorm of Conditional gets any"),
    ],
)
def test_a_call_that_fails_changes_nothing(inputs, words):
    model = Conditional().train()
    model.noise_norm.running_mean.fill_(3.0)
    model.noise_norm.eval()
    before = statistics(model)
    with pytest.raises(ParameterError, match=words):
        recalibrate_batchnorm(model, inputs)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.named_buffers())
    assert model.noise_norm.momentum == 0.1 and model.training and not model.noise_norm.training
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_batches_of_one_size_whatever_the_number_of_samples():
    model, noise = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4)), torch.randn(11, 8)
    recalibrate_batchnorm(model, noise, batch_size=10)  # one sample alone has no variance
    torch.testing.assert_close(model[1].running_var, torch.stack([b.var(0) for b in model[0](noise).split(6)]).mean(0))


def test_the_original_inside_a_wrapper_is_recalibrated(small_generator):
    noise = draw_noise(40, 8, seed=0)
    wrapped = nn.DataParallel(small_generator)
    assert recalibrate_batchnorm(wrapped, noise) is wrapped
    torch.testing.assert_close(
        small_generator.layers.bn1.running_mean, small_generator.layers.convt1(noise).mean((0, 2, 3))
    )
