"""Shared code of the GAN pruning study: data, models, pruning, metrics, training, evaluation and reports."""

import importlib

__all__ = ["load_discriminator", "load_generator"]
__version__ = "0.1.0"


def __getattr__(name: str):
    # On first use, because it brings torch. By name, because the package itself depends on none of its parts: what
    # imports any module of it would else depend on all that a checkpoint can hold (see `provenance`).
    if name in __all__:
        return getattr(importlib.import_module("ganprune_utils.models.checkpoints"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
