"""Networks. A model knows its architecture (`config`), and its card is enough to rebuild it."""

from torch import nn

from ganprune_utils.errors import CheckpointError
from ganprune_utils.models.classifier import Classifier
from ganprune_utils.models.dcgan import Discriminator, Generator
from ganprune_utils.models.unet import PatchDiscriminator, UNet

ARCHITECTURES = {
    "dcgan_generator": Generator,
    "dcgan_discriminator": Discriminator,
    "classifier": Classifier,
    "unet_generator": UNet,
    "patch_discriminator": PatchDiscriminator,
}


def build(config: dict) -> nn.Module:
    """The network that a card's `model` entry describes, with weights not yet loaded."""
    arguments = dict(config)
    name = arguments.pop("architecture", None)
    if name not in ARCHITECTURES:
        raise CheckpointError(f"architecture = {name!r}: unknown; known are {', '.join(ARCHITECTURES)}")
    try:
        return ARCHITECTURES[name](**arguments)
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"architecture {name}: does not take {arguments} ({error})") from None


__all__ = ["ARCHITECTURES", "Classifier", "Discriminator", "Generator", "PatchDiscriminator", "UNet", "build"]
