"""U-Nets fine-tuned alike and evaluated; each result is cached, so that an interrupted run goes on."""

import copy
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from ganprune_utils import parameters
from ganprune_utils.cache import ResultCache
from ganprune_utils.errors import ParameterError
from ganprune_utils.evaluation.unet import UNetEvaluator, network_digest, spread, translate
from ganprune_utils.metrics import cost
from ganprune_utils.models.checkpoints import load_network, read_card
from ganprune_utils.pruning.unet import Candidate, costs, widths
from ganprune_utils.training import pix2pix
from ganprune_utils.training.deterministic import make_deterministic

AS_TRAINED = "as trained"  # in place of a fine-tuning: the dense network as it is
KEY = ["method", "measure", "target", "fine_tuning", "run"]
IN_IMAGES = ("l1", "ssim")  # metrics of each image; the Fréchet distance is of all together
SETTINGS = ("lambda_l1", "lr_generator", "lr_discriminator", "beta1", "beta2", "batch_size")
SHOWN = 8  # images of each run that are at hand as a picture


class FineTuning:
    """Trains U-Nets on for some steps by the rules of their training, and evaluates what they become.

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
        self.discriminator = load_network(source, "discriminator")
        self.train, self.evaluator = train.to(evaluator.device), evaluator
        decided = {"train": train.sha256, "settings": asdict(self.settings), **evaluator.decided}
        decided["device"] = evaluator.device.type
        self.cache = ResultCache(Path(folder) / "cache", __name__, **decided)

    def before_and_after(self, network: nn.Module, seed: int, steps: int) -> list[dict]:
        """Two rows of scores with a column fine_tuned: the network as it is, and after `steps` steps."""

        def rows():
            states = {after: self._fine_tuned(network, seed, after * steps) for after in (False, True)}
            return {"rows": [{"fine_tuned": after, **self.evaluator(state)} for after, state in states.items()]}

        name = f"before and after {steps} {network_digest(network, self.discriminator)} {seed}"
        return self.cache(name, rows)["rows"]

    def steps(self, length: parameters.Length) -> int:
        return length.steps(len(self.train), self.settings.batch_size)

    def result(self, candidate: Candidate, seed: int, steps: int) -> dict:
        """A candidate after `steps` steps (0: as it is): its `scores`, `l1` and `ssim` of each clip, and a few of its
        `images`."""
        network = candidate.network

        def evaluated():
            images = translate(self._fine_tuned(network, seed, steps), self.evaluator.inputs)
            each = self.evaluator.each(images)
            by_clip = each.groupby(self.evaluator.clips.numpy()).mean()
            columns = {name: torch.tensor(by_clip[name].to_numpy()) for name in IN_IMAGES}
            scores = self.evaluator.means(each, images)
            return {"scores": scores, **columns, "images": spread(images, SHOWN).clone()}

        return self.cache(f"result {steps} {network_digest(network, self.discriminator)} {seed}", evaluated)

    def _fine_tuned(self, network, seed, steps):
        if not steps:
            return copy.deepcopy(network).to(self.evaluator.device)
        settings = replace(self.settings, seed=seed)
        return pix2pix.finetune(settings, network, self.discriminator, self.train, steps).generator


@dataclass
class Evaluated:
    """`rows`: one per run, its `KEY`, cost, widths and scores. `scores`: metric -> one row per clip (one row in all for
    the Fréchet distance), one column per run. `images`: a few of each run, as `rows`."""

    rows: pd.DataFrame
    scores: dict[str, pd.DataFrame]
    images: list[torch.Tensor]


def evaluate(
    tuning: FineTuning,
    candidates: list[Candidate],
    seed: int,
    lengths: list[parameters.Length],
    worker: int = 0,
    workers: int = 1,
) -> Evaluated:
    """Every candidate fine-tuned from `seed`, `seed` + 1, ... for each of `lengths`, and evaluated; the dense one as it
    is, too. Prints one line per run.

    Several processes can share a folder's work: of `workers`, number `worker` (from 0) begins with its own part.
    """
    jobs = [(candidate, AS_TRAINED, 0, 0) for candidate in candidates if candidate.method == "dense"]
    for length in lengths:
        for candidate in candidates:
            if not length.left or candidate.left in (1, *length.left):
                runs = (
                    range(length.runs) if candidate.draw is None else [candidate.draw] * (candidate.draw < length.runs)
                )
                jobs += [(candidate, length.label, run, tuning.steps(length)) for run in runs]
    for candidate, _, run, steps in jobs[worker::workers] if workers > 1 else ():
        tuning.result(candidate, seed + run, steps)
    rows, images, columns = [], [], {name: {} for name in IN_IMAGES}
    for candidate, label, run, steps in jobs:
        result = tuning.result(candidate, seed + run, steps)
        key = dict(zip(KEY, (candidate.method, candidate.measure, candidate.target, label, run), strict=True))
        spent = costs(candidate.network, tuning.evaluator.inputs[:2].float())
        rows.append(key | spent | {"widths": widths(candidate.network)} | result["scores"])
        images.append(result["images"])
        for name, table in columns.items():
            table[tuple(key.values())] = result[name].numpy()
        print(f"method {', '.join(map(str, key.values()))}: L1 {rows[-1]['l1']:.4f}")
    rows = pd.DataFrame(rows)
    scores = {name: pd.DataFrame(table).rename_axis(columns=KEY) for name, table in columns.items()}
    scores |= {name: rows.set_index(KEY)[[name]].T for name in ("frechet",) if name in rows}
    return Evaluated(rows, scores, images)


def latency(candidates: list[Candidate], batch: torch.Tensor, seconds: float) -> pd.DataFrame:
    """Milliseconds for `batch` on one thread, in turns: median, low, high by method, measure and target, and how many
    times faster than the dense network."""
    calls = {(c.method, c.measure, c.target): cost.runs(c.network, batch) for c in candidates if not c.draw}
    table = pd.DataFrame(cost.latency(calls, 1, seconds)).T.rename_axis(["method", "measure", "target"])
    return table.assign(**{"times faster": table.loc[("dense", "-", "-"), "median"] / table["median"]})
