"""The table of kinds of generators, docs/kinds.md: what works for each network of the zoo, found by doing it.

usage: python tests/unit/kinds.py [COLUMN ...]

Where columns are named, the others stay as they are in the page: exporting all kinds takes minutes.
"""

import sys
import tempfile
from pathlib import Path

import torch
import zoo
from torch import nn

from ganprune_utils import pruning
from ganprune_utils.errors import ParameterError
from ganprune_utils.export import onnx
from ganprune_utils.models.inputs import Inputs
from ganprune_utils.models.state import plain_copy
from ganprune_utils.pruning.compression import size
from ganprune_utils.pruning.recalibrate import NORMS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "kinds.md"
TEXT = """# Kinds of generators

Each row is a small network that we wrote to have what makes its kind special (`tests/unit/zoo.py`): its norms, its
inputs, and the way it joins layers. `python tests/unit/kinds.py` writes this table by doing what the columns say, and
`tests/unit/test_kinds.py` checks it.

- **Masks**: the layers that `forward` calls. Half of their weights are masked, and the image stays the same once the
  masks are permanent. Weights that a network multiplies by hand, as StyleGAN2 does, belong to no layer.
- **Filters**: how many of the layers that `forward` calls can lose filters, and the share of the network's parameters
  that is left with half of their filters removed. The image equals that of the full network in which nothing reads
  those filters. `pruning.why_not` says why the other layers keep theirs; the last layer's filters are the channels of
  the output.
- **Recalibration**: how many of the norms with running statistics were recalibrated. The others are not reached.
- **Export**: whether ONNX works with any number of samples and gives the same images in ONNX Runtime, or the line that
  says why not.

| kind | masks | filters | recalibration | export |
|---|---|---|---|---|
"""


def masks(model: nn.Module, inputs: Inputs) -> str:
    layers = pruning.prunable_layers(model, linear=True, example=inputs)
    pruning.apply_masks(model, pruning.percentage_masks(model, 0.5, layers=layers))
    table, masked = pruning.sparsity(model, layers), inputs.call(model)
    assert abs(table.zeros["overall"] - table.weights["overall"] / 2) <= 1
    assert torch.equal(inputs.call(pruning.make_permanent(model)), masked)
    linear = sum(isinstance(layer, nn.Linear) for layer in layers.values())
    counts = {"convolutions": len(layers) - linear, "linear": linear}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def filters(model: nn.Module, inputs: Inputs) -> str:
    layers = pruning.prunable_layers(model, linear=True, example=inputs)
    try:
        groups = pruning.filter_groups(model, inputs)
    except ParameterError as error:
        return str(error).split(": ", 1)[1]
    found = {name for group in groups.values() for name in (*group.layers, *group.others)}
    chosen = pruning.choose_filters(pruning.filter_scores(model, groups, "l2"), 0.5)
    left = size(pruning.remove_filters(model, chosen, inputs, groups)) / size(plain_copy(model))
    return f"{len(found & layers.keys())} of {len(layers)}, {left:.0%} left"


def recalibration(model: nn.Module, inputs: Inputs) -> str:
    norms = [module for module in model.modules() if isinstance(module, NORMS) and module.track_running_stats]
    if not norms:
        return "no such norm"
    before = [norm.running_var.clone() for norm in norms]
    pruning.recalibrate_batchnorm(model, inputs)
    changed = [not torch.equal(norm.running_var, old) for norm, old in zip(norms, before, strict=True)]
    return f"{sum(changed)} of {len(norms)}"


def export(model: nn.Module, inputs: Inputs) -> str:
    several = inputs.map(lambda tensor: torch.cat([tensor, tensor.flip(0)]))
    try:
        with tempfile.TemporaryDirectory() as folder:
            onnx.export(model, Path(folder) / "generator", several, {})
    except ParameterError as error:
        return str(error).split(": ", 1)[1]
    return "yes"


COLUMNS = {"masks": masks, "filters": filters, "recalibration": recalibration, "export": export}


def cell(kind: str, column: str) -> str:
    torch.manual_seed(0)
    return COLUMNS[column](*zoo.make(kind))


def written() -> dict[str, dict[str, str]]:
    """The table as it stands in the page: kind -> column -> cell."""
    rows = [line.strip("|").split("|") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    header, *rows = [[text.strip() for text in row] for row in rows]
    return {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in rows}


def main(columns: list[str]) -> None:
    kept = written() if columns else {}
    rows = {
        kind: kept.get(kind, {}) | {column: cell(kind, column) for column in columns or COLUMNS} for kind in zoo.ZOO
    }
    lines = [f"| {kind} | {' | '.join(row[column] for column in COLUMNS)} |\n" for kind, row in rows.items()]
    PAGE.write_text(TEXT + "".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
