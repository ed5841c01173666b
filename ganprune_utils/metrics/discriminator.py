"""Discriminator logits: what dense and pruned discriminators make of the images of dense and pruned generators."""

import pandas as pd
import torch

from ganprune_utils.models.sampling import generate


@torch.no_grad()
def discriminator_logits(discriminator: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Logits (N,) of images (N, C, 32, 32), on the CPU."""
    device = next(discriminator.parameters()).device
    return torch.cat([discriminator(batch.to(device)).float().cpu() for batch in images.split(250)])


def compare_logits(reference: torch.Tensor, logits: torch.Tensor) -> dict[str, float]:
    """`share_real`, of logits above 0, and `rank_correlation` (Spearman) with those of the dense discriminator.

    1: it ranks the images as the dense one does. 0 where one of the two is constant, for it ranks nothing.
    """
    ranks = reference.std() > 0 and logits.std() > 0
    # Of ranks, Pearson's. scipy.stats, which has it, takes longer to import than a pruning to run.
    correlation = float(pd.Series(reference).rank().corr(pd.Series(logits).rank())) if ranks else 0.0
    return {"share_real": (logits > 0).double().mean().item(), "rank_correlation": correlation}


@torch.no_grad()
def logits_table(dense: dict, pruned: dict, noise: torch.Tensor) -> pd.DataFrame:
    """One row per (generator, discriminator): `images` says whose images, `discriminator` who looks at them.

    `dense` and `pruned` hold a "generator" and a "discriminator". Columns: the mean logit and those of
    `compare_logits`, with the dense discriminator's logits on the same images.
    """
    pairs, rows = {"dense": dense, "pruned": pruned}, []
    for images, networks in pairs.items():
        generated = generate(networks["generator"], noise)
        logits = {name: discriminator_logits(pair["discriminator"], generated) for name, pair in pairs.items()}
        for name, found in logits.items():
            row = {"images": images, "discriminator": name, "mean_logit": found.mean().item()}
            rows.append(row | compare_logits(logits["dense"], found))
    return pd.DataFrame(rows)
