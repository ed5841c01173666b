"""U-Nets fine-tuned by the rules of their training: what `evaluation.finetuning` asks of a kind of network."""

from dataclasses import asdict, replace
from pathlib import Path

from ganprune_utils import parameters
from ganprune_utils.cache import ResultCache
from ganprune_utils.errors import ParameterError
from ganprune_utils.evaluation.finetuning import FineTuning
from ganprune_utils.evaluation.unet import UNetEvaluator
from ganprune_utils.models.checkpoints import load_network, read_card
from ganprune_utils.training import pix2pix
from ganprune_utils.training.deterministic import make_deterministic

SETTINGS = ("lambda_l1", "lr_generator", "lr_discriminator", "beta1", "beta2", "batch_size")


def tuning(folder, source: Path, train, evaluator: UNetEvaluator, precision: str, threads: int) -> FineTuning:
    """Fine-tuning of U-Nets.

    Args:
        folder: the run folder; results are cached in its `cache`.
        source: folder of the trained pair. Its card has the rules; its discriminator, a copy each time, trains along.
        train: the pairs to fine-tune on (a `data.pairs.Pairs`).
        evaluator: its device is that of the fine-tuning, too.

    Raises ParameterError where they go in another direction than those of the training.
    """
    make_deterministic(threads)
    trained = read_card(source / "generator.safetensors")["parameters"]
    if train.direction != (direction := trained.get("direction", parameters.DIRECTIONS[0])):
        raise ParameterError(f"direction = {train.direction!r}: {source} was trained with {direction}")
    rules = {name: trained[name] for name in SETTINGS} | {"augment": trained.get("augment", False)}
    settings = pix2pix.Settings(epochs=1, precision=precision, threads=threads, **rules)
    decided = {"train": train.sha256, "settings": asdict(settings), **evaluator.decided}
    decided["device"] = evaluator.device.type
    pairs, discriminator = train.to(evaluator.device), load_network(source, "discriminator")

    def finetuned(network, seed, steps):
        return pix2pix.finetune(replace(settings, seed=seed), network, discriminator, pairs, steps).generator

    cache, example = ResultCache(Path(folder) / "cache", __name__, **decided), evaluator.inputs[:2].float()
    return FineTuning(finetuned, cache, evaluator, example, len(train), settings.batch_size, (discriminator,))
