"""Shared code of the GAN pruning study: models, pruning and metrics."""

from ganprune_utils.checkpoints import load_discriminator, load_generator

__all__ = ["load_discriminator", "load_generator"]
__version__ = "0.1.0"
