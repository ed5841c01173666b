"""Who judges whose images."""

import copy

import pytest
import torch

from ganprune_utils import pruning
from ganprune_utils.metrics import judge, rank_correlation, verdict_table
from ganprune_utils.models import Discriminator
from ganprune_utils.models.dcgan import init_weights
from ganprune_utils.models.sampling import draw_noise, generate

NOISE = draw_noise(12, 8, seed=0)


@pytest.fixture
def dense(small_generator):
    discriminator = Discriminator(ndf=4, channels=1)
    init_weights(discriminator, torch.Generator().manual_seed(1))
    return {"generator": small_generator.eval(), "discriminator": discriminator.eval()}


def test_each_row_is_the_named_judge_on_the_named_images(dense):
    pruned = {name: copy.deepcopy(network) for name, network in dense.items()}
    for network in pruned.values():
        pruning.apply_masks(network, pruning.percentage_masks(network, 0.6))
    table = verdict_table(dense, pruned, NOISE).set_index(["images", "discriminator"])
    for images, makers in (("dense", dense), ("pruned", pruned)):
        seen = generate(makers["generator"], NOISE)
        for name, judges in (("dense", dense), ("pruned", pruned)):
            logits = judge(judges["discriminator"], seen)
            row = table.loc[(images, name)]
            assert row.mean_logit == pytest.approx(logits.mean().item())
            assert row.judged_real == (logits > 0).double().mean().item()
    assert (table.xs("dense", level="discriminator").rank_correlation == 1).all()
    assert (table.xs("pruned", level="discriminator").rank_correlation < 1).all()


def test_a_judge_that_says_the_same_of_everything_ranks_nothing():
    varied, constant = torch.arange(5.0), torch.zeros(5)
    assert rank_correlation(varied, constant) == 0
    assert rank_correlation(varied, varied.exp()) == pytest.approx(1)
    assert rank_correlation(varied, -varied) == pytest.approx(-1)
