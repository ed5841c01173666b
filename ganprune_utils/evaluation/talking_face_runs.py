"""Talking-face generators fine-tuned by the rules of their training: what `evaluation.finetuning` asks of a kind."""

from dataclasses import asdict, replace
from pathlib import Path

from ganprune_utils.cache import ResultCache
from ganprune_utils.data.clips import Clips, windows
from ganprune_utils.evaluation.finetuning import FineTuning
from ganprune_utils.evaluation.talking_face import TalkingFaceEvaluator
from ganprune_utils.evaluation.unet import network_digest
from ganprune_utils.models.checkpoints import load_network, read_card
from ganprune_utils.training import talking_face
from ganprune_utils.training.deterministic import make_deterministic

SETTINGS = ("batch_size", "lambda_sync", "lambda_adversarial", "lr")


def tuning(
    folder, source: Path, judges: Path, train: Clips, evaluator: TalkingFaceEvaluator, example, threads: int
) -> FineTuning:
    """Fine-tuning of talking-face generators.

    Args:
        folder: the run folder; results are cached in its `cache`.
        source: folder of the trained generator, whose card has the rules.
        judges: folder of the sync networks; the expert trains along, frozen.
        evaluator: its device is that of the fine-tuning, too.
        example: what a generator is called with.
    """
    make_deterministic(threads)
    trained = read_card(source / "generator.safetensors")["parameters"]
    settings = talking_face.Settings(epochs=1, threads=threads, **{name: trained[name] for name in SETTINGS})
    decided = {"train": train.sha256, "test": evaluator.clips.sha256, "clips": len(evaluator.clips)}
    decided |= {"settings": asdict(settings), "device": evaluator.device.type}
    decided["judges"] = network_digest(evaluator.judge, evaluator.landmarks)
    clips, expert = train.to(evaluator.device), load_network(judges, "sync")

    def finetuned(network, seed, steps):
        return talking_face.finetune(replace(settings, seed=seed), network, clips, expert, steps)

    cache, n_windows = ResultCache(Path(folder) / "cache", __name__, **decided), len(windows(train, margin=2))
    return FineTuning(finetuned, cache, evaluator, example, n_windows, settings.batch_size, (expert,))
