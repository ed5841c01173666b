"""Metrics: likeness to another image; `metrics.quality` for the quality of a set of images is imported by itself."""

from ganprune_utils.metrics.images import as_saved, similarity_table
from ganprune_utils.metrics.similarity import flat_share, ms_ssim, ssim, uqi
from ganprune_utils.metrics.statistics import describe, half_sample_mode
from ganprune_utils.metrics.verdicts import judge, rank_correlation, verdict_table

__all__ = [
    "as_saved",
    "describe",
    "flat_share",
    "half_sample_mode",
    "judge",
    "ms_ssim",
    "rank_correlation",
    "similarity_table",
    "ssim",
    "uqi",
    "verdict_table",
]
