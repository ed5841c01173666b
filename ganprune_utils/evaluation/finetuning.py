"""Pruned networks fine-tuned alike and evaluated; each result is cached, so that an interrupted run goes on."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import torch
from torch import nn

from ganprune_utils import parameters
from ganprune_utils.cache import ResultCache
from ganprune_utils.evaluation.unet import network_digest
from ganprune_utils.metrics import cost
from ganprune_utils.models.inputs import Inputs
from ganprune_utils.pruning.at_cost import Candidate, costs, widths

AS_TRAINED = "as trained"  # in place of a fine-tuning: the dense network as it is
KEY = ["method", "measure", "target", "fine_tuning", "run"]


class FineTuning:
    """Trains networks on for some steps by the rules of their training, and evaluates what they become.

    Args:
        finetuned: gives a copy of a network after so many steps, at least one: (network, seed, steps) to network.
        evaluator: its `measure` gives the `scores` of a network, a table `each` with a row per clip, and a few of its
            `images`.
        example: what a network is called with, for its cost.
        n_windows, batch_size: how many samples an epoch has, and a step.
        beside: networks that train along; they decide a result, too.
    """

    def __init__(
        self,
        finetuned: Callable[[nn.Module, int, int], nn.Module],
        cache: ResultCache,
        evaluator,
        example,
        n_windows: int,
        batch_size: int,
        beside=(),
    ):
        self.finetuned, self.cache, self.evaluator = finetuned, cache, evaluator
        self.example, self.beside = Inputs.of(example), beside
        self.n_windows, self.batch_size = n_windows, batch_size

    def before_and_after(self, network: nn.Module, seed: int, steps: int) -> list[dict]:
        """Two rows of scores with a column fine_tuned: the network as it is, and after `steps` steps."""

        def rows():
            states = {after: self._after(network, seed, after * steps) for after in (False, True)}
            measured = {after: self.evaluator.measure(state)["scores"] for after, state in states.items()}
            return {"rows": [{"fine_tuned": after, **scores} for after, scores in measured.items()]}

        name = f"before and after {steps} {network_digest(network, *self.beside)} {seed}"
        return self.cache(name, rows)["rows"]

    def _after(self, network: nn.Module, seed: int, steps: int) -> nn.Module:
        return self.finetuned(network, seed, steps) if steps else copy.deepcopy(network).to(self.evaluator.device)

    def steps(self, length: parameters.Length) -> int:
        return length.steps(self.n_windows, self.batch_size)

    def result(self, candidate: Candidate, seed: int, steps: int) -> dict:
        """A candidate after `steps` steps (0: as it is): what the evaluator measures, tables as tensors by column."""
        network = candidate.network

        def evaluated():
            measured = self.evaluator.measure(self._after(network, seed, steps))
            each = {name: torch.tensor(column.to_numpy()) for name, column in measured["each"].items()}
            return measured | {"each": each}

        return self.cache(f"result {steps} {network_digest(network, *self.beside)} {seed}", evaluated)


@dataclass
class Evaluated:
    """`rows`: one per run, its `KEY`, cost, widths and scores. `scores`: metric -> one row per clip (one row in all for
    what is measured of all together), one column per run. `images`: a few of each run, as `rows`."""

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
    rows, images, columns, overall = [], [], {}, set()
    for candidate, label, run, steps in jobs:
        result = tuning.result(candidate, seed + run, steps)
        key = dict(zip(KEY, (candidate.method, candidate.measure, candidate.target, label, run), strict=True))
        spent = costs(candidate.network, tuning.example)
        rows.append(key | spent | {"widths": widths(candidate.network)} | result["scores"])
        images.append(result["images"])
        for name, values in result["each"].items():
            columns.setdefault(name, {})[tuple(key.values())] = values.numpy()
        overall |= result["scores"].keys() - columns.keys()
        print(f"method {', '.join(map(str, key.values()))}: L1 {rows[-1]['l1']:.4f}")
    rows = pd.DataFrame(rows)
    scores = {name: pd.DataFrame(table).rename_axis(columns=KEY) for name, table in columns.items()}
    scores |= {name: rows.set_index(KEY)[[name]].T for name in sorted(overall)}
    return Evaluated(rows, scores, images)


def latency(candidates: list[Candidate], batch, seconds: float) -> pd.DataFrame:
    """Milliseconds for `batch` on one thread, in turns: median, low, high by method, measure and target, and how many
    times faster than the dense network."""
    calls = {(c.method, c.measure, c.target): cost.runs(c.network, batch) for c in candidates if not c.draw}
    table = pd.DataFrame(cost.latency(calls, 1, seconds)).T.rename_axis(["method", "measure", "target"])
    return table.assign(**{"times faster": table.loc[("dense", "-", "-"), "median"] / table["median"]})
