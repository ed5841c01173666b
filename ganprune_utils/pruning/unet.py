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

DEPTH_REDUCTION = "depth reduction"
METHODS = ("inner", "random inner", DEPTH_REDUCTION, "global", "uniform", "lamp", "random")
COSTS = ("macs", "parameters")
INNER_LEVELS = 2  # the bottleneck and the level above it, where no other number is asked for
FEWEST = 4  # filters that a method leaves to a layer: fewer are no layer any more
WITHIN = 1.05  # times a cost counts as that cost, where whole filters or levels cannot come nearer


class OutOfReach(ParameterError):
    """A method cannot reach the cost asked for."""


@dataclass(frozen=True)
class Candidate:
    """A network to compare: the method it comes from, and the cost that it was brought to.

    measure: "macs" or "parameters"; "-" of a dense network.
    target: the cost's label, as in `targets`, or "-".
    left: the share of the dense cost that the label stands for; 1 of a dense network.
    draw: which draw of random filters it is; each draw is fine-tuned once, all other networks once per run.
    """

    method: str
    measure: str
    target: str
    left: float
    network: UNet
    draw: int | None = None


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
    unet: UNet,
    method: str,
    target: float,
    measure: str,
    inputs: torch.Tensor,
    seed: int = 0,
    groups=None,
    inner_levels: int = INNER_LEVELS,
) -> UNet:
    """A copy of `unet` pruned by one method, its cost as near to `target` as whole filters allow.

    Args:
        method: "inner" takes the same share of the filters of each of the `inner_levels`, by L2 norm, "random inner" at
            random; "uniform" and "random" of all layers; "global" ranks all filters by L2 norm relative to their
            layer's mean, "lamp" by LAMP; "depth reduction" is `reduce_depth` by as many levels as come nearest.
        target: multiply-accumulates for one image, or parameters; `measure` says which ("macs", "parameters").
        inputs: images of the task (N, C, H, W) in [-1, 1].
        seed: of what is drawn at random.
        groups: those of `filter_groups`, where they are at hand.

    Raises ParameterError for an unknown method or measure, OutOfReach where this method cannot get so far.
    """
    if method not in METHODS or measure not in COSTS:
        allowed = f"{', '.join(METHODS)}; {', '.join(COSTS)}"
        raise ParameterError(f"method = {method!r}, measure = {measure!r}: allowed are {allowed}")
    if method == DEPTH_REDUCTION:
        return _reduce_to(unet, target, measure, inputs[:2])
    groups = groups or filter_groups(unet, inputs[:2])
    criterion = "random" if method.startswith("random") else "lamp" if method == "lamp" else "l2"
    scores = filter_scores(unet, groups, criterion, inputs, seed)
    if method.endswith("inner"):
        scores = {name: score for name, score in scores.items() if level_of(name) > unet.depth - inner_levels}
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


def _reduce_to(unet: UNet, target: float, measure: str, example: torch.Tensor) -> UNet:
    reduced = [reduce_depth(unet, levels) for levels in range(1, unet.depth - 1)]
    off = [abs(math.log(costs(network, example)[measure] / target)) for network in reduced]
    if min(off, default=math.inf) > math.log(WITHIN):
        raise OutOfReach(f"method {DEPTH_REDUCTION}: whole levels cannot reach {target:,.0f} {measure}")
    return reduced[off.index(min(off))]


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


def targets(unet: UNet, shares: dict[str, list[float]], example: torch.Tensor) -> list[tuple]:
    """The costs at which methods are compared: (measure, label, share, cost) for the `shares` of each measure."""
    dense = costs(unet, example)
    return [(name, f"{share:.0%}", share, share * dense[name]) for name in COSTS for share in shares.get(name, ())]


def all_methods(
    unet: UNet, goals: list[tuple], draws: int, inputs: torch.Tensor, inner_levels: int = INNER_LEVELS
) -> list[Candidate]:
    """Every method at every cost of `goals` (of `targets`); prints which cannot reach one, and has no candidate there.

    Random filters come in `draws` draws, all else once. `inputs` are images of the task in [-1, 1] (N, C, H, W).
    """
    groups, candidates = filter_groups(unet, inputs[:2]), []
    for measure, label, share, target in goals:
        for method in METHODS:
            numbers = range(draws) if method.startswith("random") else [None]
            try:
                for draw in numbers:
                    pruned = prune_to(unet, method, target, measure, inputs, draw or 0, groups, inner_levels)
                    candidates.append(Candidate(method, measure, label, share, pruned, draw))
            except OutOfReach:
                print(f"method {method}: cannot reach {label} of the {measure}")
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


def level_of(name: str) -> int:
    """The level of a layer: 4 for "down.down4.conv"."""
    return int(re.search(r"\d+", name)[0])
