"""What dense and pruned discriminators make of the images of dense and pruned generators."""

import pandas as pd
import torch
from scipy.stats import spearmanr

from ganprune_utils.models.sampling import generate


@torch.no_grad()
def verdict_table(dense: dict, pruned: dict, noise: torch.Tensor) -> pd.DataFrame:
    """One row a (generator, discriminator): whose images, who judges.

    `dense` and `pruned` hold a "generator" and a "discriminator". Columns: the mean logit, the share judged real
    (logit > 0), and the rank correlation (Spearman) with the dense discriminator's logits on the same images: 1 where
    the judge ranks them as the dense one does.
    """
    rows = []
    for images, networks in (("dense", dense), ("pruned", pruned)):
        seen = generate(networks["generator"], noise)
        before = judge(dense["discriminator"], seen)
        for name, logits in (("dense", before), ("pruned", judge(pruned["discriminator"], seen))):
            rows.append(
                {
                    "images": images,
                    "discriminator": name,
                    "mean_logit": logits.mean().item(),
                    "judged_real": (logits > 0).double().mean().item(),
                    "rank_correlation": rank_correlation(before, logits),
                }
            )
    return pd.DataFrame(rows)


@torch.no_grad()
def judge(discriminator: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Logits (N,) of images (N, C, 32, 32), on the CPU."""
    device = next(discriminator.parameters()).device
    return torch.cat([discriminator(batch.to(device)).float().cpu() for batch in images.split(250)])


def rank_correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    """Spearman's; 0 where one of them is constant, for it ranks nothing."""
    return float(spearmanr(a, b).statistic) if a.std() > 0 and b.std() > 0 else 0.0
