"""U-Nets fine-tuned by the rules of their training: what `evaluation.finetuning` asks of a kind of network."""

import copy
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


class UNetTuning(FineTuning):
    """Fine-tuning of U-Nets.

    Args:
        folder: the run folder; results are cached in its `cache`.
        source: folder of the trained pair. Its card has the rules; its discriminator, a copy each time, trains along.
        train: the pairs to fine-tune on (a `data.pairs.Pairs`).
        evaluator: its device is that of the fine-tuning, too.

    Raises ParameterError where they go in another direction than those of the training.
    """

    def __init__(self, folder, source: Path, train, evaluator: UNetEvaluator, precision: str, threads: int):
        make_deterministic(threads)
        trained = read_card(source / "generator.safetensors")["parameters"]
        if train.direction != (direction := trained.get("direction", parameters.DIRECTIONS[0])):
            raise ParameterError(f"direction = {train.direction!r}: {source} was trained with {direction}")
        rules = {name: trained[name] for name in SETTINGS} | {"augment": trained.get("augment", False)}
        self.settings = pix2pix.Settings(epochs=1, precision=precision, threads=threads, **rules)
        self.train = train.to(evaluator.device)
        decided = {"train": train.sha256, "settings": asdict(self.settings), **evaluator.decided}
        decided["device"] = evaluator.device.type
        cache, beside = ResultCache(Path(folder) / "cache", __name__, **decided), load_network(source, "discriminator")
        example = evaluator.inputs[:2].float()
        super().__init__(cache, evaluator, example, len(train), self.settings.batch_size, (beside,))

    def finetuned(self, network, seed, steps):
        if not steps:
            return copy.deepcopy(network).to(self.evaluator.device)
        settings = replace(self.settings, seed=seed)
        return pix2pix.finetune(settings, network, *self.beside, self.train, steps).generator
