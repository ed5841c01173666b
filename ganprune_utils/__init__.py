"""Shared code of the GAN pruning study: models, pruning and metrics."""

__all__ = ["load_discriminator", "load_generator"]
__version__ = "0.1.0"


def __getattr__(name: str):
    # On first use, because it brings torch, and a run of many notebooks starts many processes that need only names.
    if name in __all__:
        from ganprune_utils import checkpoints

        return getattr(checkpoints, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
