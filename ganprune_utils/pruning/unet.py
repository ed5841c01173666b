"""Where a U-Net is pruned: filters of some layers, or its inner levels altogether (Kim, Choi and Park 2022).

Every method is brought to the same cost, multiply-accumulates or parameters, so that they compare.
"""

import copy
import functools
import math
import re
from dataclasses import dataclass

import pandas as pd
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ganprune_utils.errors import ParameterError
from ganprune_utils.metrics import cost
from ganprune_utils.models.unet import UNet
from ganprune_utils.pruning.compression import size
from ganprune_utils.pruning.groups import filter_groups
from ganprune_utils.pruning.importance import choose_filters, filter_scores, ratio_for, relative
from ganprune_utils.pruning.removal import remove_filters

METHODS = ("inner", "outer", "uniform", "global", "lamp", "random")
DEPTH_REDUCTION = "depth reduction"
COSTS = ("macs", "parameters")
INNER_LEVELS = 2  # the bottleneck and the level above it
FEWEST = 4  # filters that a method leaves to a layer: fewer are no layer any more
WITHIN = 1.05  # of a cost counts as that cost, where whole filters cannot come nearer


class OutOfReach(ParameterError):
    """A method cannot reach the cost asked for."""


@dataclass(frozen=True)
class Candidate:
    """A network to compare: the method it comes from, and the cost that it was brought to.

    measure: "macs" or "parameters"; "both" of depth reduction, whose cost is a target itself; "-" of a dense network.
    target: the cost's label, as in `targets`, or "-".
    draw: which draw of random filters it is; each draw is fine-tuned once, all other networks once per seed.
    discriminator: its own, where it was trained from scratch; else it takes that of the dense network.
    """

    method: str
    measure: str
    target: str
    network: UNet
    draw: int | None = None
    discriminator: nn.Module | None = None

    def is_at(self, measure: str, target: str) -> bool:
        """Whether it belongs to the comparison at this cost, as the dense network does everywhere."""
        return self.measure in ("-", "both", measure) and self.target in ("-", target)


def reduce_depth(unet: UNet, levels: int) -> UNet:
    """A U-Net with `levels` inner levels less that inherits all other weights; `unet` stays as it is.

    The new innermost encoder layer has no BatchNorm any more (its bottleneck has none), and the decoder layer above the
    cut reads its encoder layer alone: the part of its weights that read the removed level goes with it. Dropout stays
    where it was, so that fine-tuning asks the same of what is left.

    Raises ParameterError unless 1 <= levels <= depth - 2.
    """
    if not 1 <= levels <= unet.depth - 2:
        raise ParameterError(f"levels = {levels}: of {unet.depth} levels 1 to {unet.depth - 2} can go")
    depth = unet.depth - levels
    small = copy.deepcopy(unet)
    for k in range(depth + 1, unet.depth + 1):
        del small.down[f"down{k}"], small.up[f"up{k}"]
    small.depth = depth
    bottleneck, above = small.down[f"down{depth}"], small.up[f"up{depth}"]
    if not isinstance(bottleneck.norm, nn.Identity):
        bottleneck.conv = fuse_conv_bn_eval(bottleneck.conv.eval(), bottleneck.norm.eval()).train(unet.training)
        bottleneck.norm = nn.Identity()
    skipped = bottleneck.conv.out_channels
    above.conv.weight = nn.Parameter(above.conv.weight.detach()[-skipped:].clone())
    above.conv.in_channels = skipped
    return small


def prune_to(
    unet: UNet, method: str, target: float, measure: str, inputs: torch.Tensor, seed: int = 0, groups=None
) -> UNet:
    """A copy of `unet` pruned by one method, its cost as near to `target` as whole filters allow.

    Args:
        method: "inner" and "outer" take the same share of the filters of the inner two levels, or of all others, by L2
            norm; "uniform" of all layers; "global" ranks all filters by L2 norm relative to their layer's mean, "lamp"
            by LAMP; "random" takes the same share of each layer at random.
        target: multiply-accumulates for one image, or parameters; `measure` says which ("macs", "parameters").
        inputs: images of the task (N, C, H, W) in [-1, 1].
        groups: those of `filter_groups`, where they are at hand.

    Raises ParameterError for an unknown method or measure, OutOfReach where this method cannot get so far.
    """
    if method not in METHODS or measure not in COSTS:
        allowed = f"{', '.join(METHODS)}; {', '.join(COSTS)}"
        raise ParameterError(f"method = {method!r}, measure = {measure!r}: allowed are {allowed}")
    groups = groups or filter_groups(unet, inputs[:2])
    scores = filter_scores(unet, groups, method if method in ("lamp", "random") else "l2", inputs, seed)
    if method in ("inner", "outer"):
        scores = {name: s for name, s in scores.items() if is_inner(name, unet.depth) == (method == "inner")}
    if method == "global":
        scores = relative(scores)
    ranked_together = method in ("global", "lamp")
    sizes = [len(score) for score in scores.values()]
    highest = 1 - len(sizes) / sum(sizes) if ranked_together else max(0.0, 1 - FEWEST / min(sizes))

    def removed_at(share):
        return choose_filters(scores, share, "global" if ranked_together else "uniform")

    @functools.cache
    def cost_at(share):
        return costs_without(unet, removed_at(share), inputs.shape[-2:])[measure]

    if cost_at(highest) > WITHIN * target:
        raise OutOfReach(f"method {method}: cannot reach {target:,.0f} {measure}")
    return remove_filters(unet, removed_at(ratio_for(cost_at, target, highest)), inputs[:2], groups)


def costs(network: nn.Module, example: torch.Tensor) -> dict[str, int]:
    """Multiply-accumulates for one image, and parameters."""
    return {"macs": cost.macs(network, example), "parameters": size(network)}


def costs_without(unet: UNet, removed: dict, image_size) -> dict[str, int]:
    """`costs` of a U-Net without the filters `removed`, by arithmetic: no network is built and none is run.

    `removed` is group name -> indices, `image_size` (height, width).
    """
    height, width = image_size
    macs = parameters = 0
    given, skips = unet.inputs, []
    for path, blocks in (("down", unet.down), ("up", unet.up)):
        for name, block in blocks.items():
            conv, level = block.conv, int(name.removeprefix(path))
            filters = conv.out_channels - len(removed.get(f"{path}.{name}.conv", ()))
            weights = given * filters * math.prod(conv.kernel_size)
            # Both a level's encoder and its decoder layer visit each pixel of its smaller side once.
            macs += weights * (height >> level) * (width >> level)
            parameters += weights + filters * ((conv.bias is not None) + 2 * isinstance(block.norm, nn.BatchNorm2d))
            given = filters
            if path == "down":
                skips.append(filters)
            elif level > 1:
                given += skips[level - 2]
    return {"macs": macs, "parameters": parameters}


def targets(unet: UNet, levels: list[int], shares: dict[str, list[float]], example: torch.Tensor) -> list[tuple]:
    """The costs at which methods are compared: (measure, label, cost), the highest first.

    Those of removing so many inner `levels` ("1 level removed"), and `shares` of the dense network's cost ("80%").
    """
    dense = costs(unet, example)
    reduced = {level_label(count): costs(reduce_depth(unet, count), example) for count in levels}
    rows = []
    for measure in COSTS:
        labelled = {label: cost[measure] for label, cost in reduced.items()}
        labelled |= {f"{share:.0%}": share * dense[measure] for share in shares.get(measure, [])}
        rows += [(measure, *item) for item in sorted(labelled.items(), key=lambda item: -item[1])]
    return rows


def nearest(goals: list[tuple], network: nn.Module, example: torch.Tensor) -> tuple[str, str]:
    """Measure and label of the goal (of `targets`) whose cost that of `network` is nearest to, as a ratio."""
    spent = costs(network, example)
    return min(goals, key=lambda goal: abs(math.log(spent[goal[0]] / goal[2])))[:2]


def level_label(count: int) -> str:
    return f"{count} level{'s' * (count > 1)} removed"


def all_methods(unet: UNet, levels: list[int], goals: list[tuple], draws: int, inputs: torch.Tensor) -> list[Candidate]:
    """Every method at every cost of `goals` (of `targets`); "depth reduction" is `reduce_depth` itself.

    Random filters come in `draws` draws, all else once. A method that cannot reach a cost has no candidate there.
    `inputs` are images of the task in [-1, 1] (N, C, H, W).
    """
    groups = filter_groups(unet, inputs[:2])
    candidates = [Candidate(DEPTH_REDUCTION, "both", level_label(n), reduce_depth(unet, n)) for n in levels]
    for measure, label, target in goals:
        for method in METHODS:
            try:
                for draw in range(draws if method == "random" else 1):
                    pruned = prune_to(unet, method, target, measure, inputs, draw, groups)
                    candidates.append(Candidate(method, measure, label, pruned, draw if method == "random" else None))
            except OutOfReach:
                continue
    return candidates


def describe_groups(unet: UNet, example: torch.Tensor) -> pd.DataFrame:
    """The groups of filters: how many, what goes with them and who reads them, and how many percent of the network's
    parameters and multiply-accumulates go with half of them."""
    groups, rows = filter_groups(unet, example), []
    dense = costs_without(unet, {}, example.shape[-2:])
    for name, group in groups.items():
        halved = costs_without(unet, {name: range(group.size // 2)}, example.shape[-2:])
        row = {"layer": short_name(name), "filters": group.size, "BatchNorm": ", ".join(map(short_name, group.norms))}
        row["read by"] = ", ".join(map(short_name, group.consumers))
        rows.append(row | {f"{measure} %": 100 * (1 - halved[measure] / dense[measure]) for measure in COSTS})
    return pd.DataFrame(rows).set_index("layer")


def widths(unet: nn.Module) -> str:
    """The filters of its layers, in their order: "64 128 256 | 128 64" for a U-Net of three levels."""
    down, up = ([str(block.conv.out_channels) for block in blocks.values()] for blocks in (unet.down, unet.up))
    return " | ".join([" ".join(down), " ".join(up[:-1])])


def short_name(layer: str) -> str:
    """ "down4" for "down.down4.conv": tied layers keep their plus sign."""
    return " + ".join(part.split(".")[1] if "." in part else part for part in layer.split(" + "))


def is_inner(name: str, depth: int) -> bool:
    """Whether a layer (as in "down.down4.conv") is of the inner two levels."""
    return int(re.search(r"\d+", name)[0]) > depth - INNER_LEVELS
