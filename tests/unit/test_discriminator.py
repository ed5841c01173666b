"""Whose discriminator sees whose images."""

import copy

import pytest
import torch

from ganprune_utils import pruning
from ganprune_utils.metrics.discriminator import compare_logits, discriminator_logits, logits_table
from ganprune_utils.models.dcgan import Discriminator, init_weights
from ganprune_utils.models.sampling import draw_noise, generate

NOISE = draw_noise(12, 8, seed=0)


@pytest.fixture
def dense(small_generator):
    discriminator = Discriminator(ndf=4, channels=1)
    init_weights(discriminator, torch.Generator().manual_seed(1))
    return {"generator": small_generator.eval(), "discriminator": discriminator.eval()}


def test_each_row_is_the_named_discriminator_on_the_named_images(dense):
    pruned = {name: copy.deepcopy(network) for name, network in dense.items()}
    for network in pruned.values():
        pruning.apply_masks(network, pruning.percentage_masks(network, 0.6))
    table = logits_table(dense, pruned, NOISE).set_index(["images", "discriminator"])
    for images, makers in (("dense", dense), ("pruned", pruned)):
        seen = generate(makers["generator"], NOISE)
        for name, seers in (("dense", dense), ("pruned", pruned)):
            logits = discriminator_logits(seers["discriminator"], seen)
            row = table.loc[(images, name)]
            assert row.mean_logit == pytest.approx(logits.mean().item())
            assert row.share_real == (logits > 0).double().mean().item()
    assert (table.xs("dense", level="discriminator").rank_correlation == 1).all()
    assert (table.xs("pruned", level="discriminator").rank_correlation < 1).all()


def test_a_discriminator_that_says_the_same_of_everything_ranks_nothing():
    varied, constant = torch.arange(5.0), torch.zeros(5)
    assert compare_logits(varied, constant)["rank_correlation"] == 0
    assert compare_logits(varied, varied.exp())["rank_correlation"] == pytest.approx(1)
    assert compare_logits(varied, -varied)["rank_correlation"] == pytest.approx(-1)
