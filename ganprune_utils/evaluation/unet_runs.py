"""U-Nets fine-tuned alike and evaluated; each result is cached, so that an interrupted run goes on."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from ganprune_utils.cache import ResultCache
from ganprune_utils.evaluation.unet import UNetEvaluator, network_digest, spread, translate
from ganprune_utils.metrics import cost
from ganprune_utils.models.checkpoints import load_network, read_card
from ganprune_utils.models.unet import without_dead_weights
from ganprune_utils.pruning.unet import Candidate, costs, nearest, widths
from ganprune_utils.training import pix2pix
from ganprune_utils.training.deterministic import make_deterministic

AS_TRAINED = "dense, as trained"  # the method of the one candidate that is not fine-tuned
SETTINGS = ("lambda_l1", "lr_generator", "lr_discriminator", "beta1", "beta2", "batch_size")
SHOWN = 8  # images of each run that are at hand as a picture


class FineTuning:
    """Trains U-Nets on for some steps by the rules of their training, and evaluates what they become.

    Args:
        folder: the run folder; results are cached in its `cache`.
        source: folder of the trained pair. Its card has the rules; its discriminator, a copy each time, trains along.
        train: the pairs to fine-tune on (a `data.pairs.Pairs`).
    """

    def __init__(self, folder, source: Path, train, evaluator: UNetEvaluator, precision: str, threads: int):
        make_deterministic(threads)
        trained = read_card(source / "generator.safetensors")["parameters"]
        rules = {name: trained[name] for name in SETTINGS} | {"augment": trained.get("augment", False)}
        self.settings = pix2pix.Settings(epochs=1, precision=precision, threads=threads, **rules)
        self.discriminator = load_network(source, "discriminator")
        self.train, self.evaluator = train, evaluator
        decided = {"train": train.sha256, "settings": asdict(self.settings), **evaluator.decided}
        self.cache = ResultCache(Path(folder) / "cache", __name__, **decided)

    def before_and_after(self, network: nn.Module, seed: int, steps: int) -> list[dict]:
        """Two rows of scores with a column fine_tuned: the network as it is, and after `steps` steps."""

        def rows():
            states = {False: network, True: self._fine_tuned(network, self.discriminator, seed, steps)}
            return {"rows": [{"fine_tuned": after, **self.evaluator(state)} for after, state in states.items()]}

        name = f"before and after {steps} {network_digest(network, self.discriminator)} {seed}"
        return self.cache(name, rows)["rows"]

    def result(self, candidate: Candidate, seed: int, steps: int) -> dict:
        """A candidate after `steps` steps (0: as it is): `scores`, and of every image its `l1`, `ssim` and itself."""
        network, discriminator = candidate.network, candidate.discriminator or self.discriminator

        def evaluated():
            after = self._fine_tuned(network, discriminator, seed, steps) if steps else network
            images = translate(after, self.evaluator.inputs)
            each = self.evaluator.each(images)
            columns = {name: torch.tensor(each[name].to_numpy()) for name in ("l1", "ssim")}
            return {"scores": self.evaluator.means(each, images), **columns, "images": images}

        return self.cache(f"result {steps} {network_digest(network, discriminator)} {seed}", evaluated)

    def _fine_tuned(self, network, discriminator, seed, steps):
        return pix2pix.finetune(replace(self.settings, seed=seed), network, discriminator, self.train, steps).generator


@dataclass
class Evaluated:
    """`rows`: one per run, its method, measure, target, run, cost, widths and scores. `l1` and `ssim`: one row per
    image, one column per run (method, measure, target, run). `images`: the first few of each run, as `rows`."""

    rows: pd.DataFrame
    l1: pd.DataFrame
    ssim: pd.DataFrame
    images: list[torch.Tensor]


def evaluate(tuning: FineTuning, candidates: list[Candidate], seed: int, n_seeds: int, steps: int) -> Evaluated:
    """Every candidate fine-tuned from `seed`, `seed` + 1, ... and evaluated; prints one line per candidate."""
    inputs = tuning.evaluator.inputs
    rows, l1, ssim, images = [], {}, {}, []
    for candidate in candidates:
        spent = costs(candidate.network, inputs[:2].float()) | {"widths": widths(candidate.network)}
        as_trained = candidate.method == AS_TRAINED
        runs = range(1) if as_trained else range(n_seeds) if candidate.draw is None else [candidate.draw]
        for run in runs:
            result = tuning.result(candidate, seed + run, 0 if as_trained else steps)
            key = {"method": candidate.method, "measure": candidate.measure, "target": candidate.target, "run": run}
            rows.append(key | spent | result["scores"])
            l1[tuple(key.values())], ssim[tuple(key.values())] = result["l1"].numpy(), result["ssim"].numpy()
            images.append(spread(result["images"], SHOWN).clone())
        print(f"{candidate.method}, {candidate.measure} {candidate.target}: L1 {rows[-1]['l1']:.4f}")
    tables = (pd.DataFrame(table).rename_axis(columns=list(key)) for table in (l1, ssim))
    return Evaluated(pd.DataFrame(rows), *tables, images)


def reached_by_inner(candidates: list[Candidate], goals: list[tuple]) -> tuple[str, str] | None:
    """Measure and target of the largest saving of multiply-accumulates that inner filters reach, of `goals`."""
    reached = {(c.measure, c.target) for c in candidates if c.method == "inner"}
    return next((goal[:2] for goal in reversed(goals) if goal[0] == "macs" and goal[:2] in reached), None)


def more_steps(tuning, candidates, goals: list[tuple], rows: pd.DataFrame, seed: int, steps: int, longer: int):
    """One run of each method with `longer` steps beside that with `steps`, at two of the costs: `reached_by_inner`, and
    the fewest parameters. `goals` are those of `pruning.unet.targets`, `rows` those of `evaluate`."""
    first, table = rows[rows.run == 0].set_index(["method", "measure", "target"]), []
    for measure, target in filter(None, [reached_by_inner(candidates, goals), goals[-1][:2]]):
        for c in candidates:
            if c.method != AS_TRAINED and not c.draw and c.is_at(measure, target):
                row = {"method": c.method, "measure": measure, "target": target}
                scores = tuning.result(c, seed, longer)["scores"]
                before = first.loc[(c.method, c.measure, c.target), list(scores)]
                table += [row | {"steps": steps, **before}, row | {"steps": longer, **scores}]
    return pd.DataFrame(table)


def small_dense(source: Path, goals: list[tuple], images: torch.Tensor) -> Candidate:
    """The small dense network in a run folder, trained from scratch, at the cost of `goals` nearest to its own."""
    network, discriminator = (load_network(source, name) for name in ("generator", "discriminator"))
    network = without_dead_weights(network, tuple(images.shape[-2:]))
    method = f"small dense {network.down['down1'].conv.out_channels}"
    return Candidate(method, *nearest(goals, network, images[:2]), network, discriminator=discriminator)


def latency(candidates: list[Candidate], batch: torch.Tensor, seconds: float) -> pd.DataFrame:
    """Milliseconds for `batch` on one thread, in turns: median, low, high by method, measure and target, and how many
    times faster than the dense network."""
    timed = [c for c in candidates if c.method != AS_TRAINED and not c.draw]
    calls = {(c.method, c.measure, c.target): cost.runs(c.network, batch) for c in timed}
    table = pd.DataFrame(cost.latency(calls, 1, seconds)).T.rename_axis(["method", "measure", "target"])
    return table.assign(**{"times faster": table.loc[("dense", "-", "-"), "median"] / table["median"]})
