"""Where a U-Net is cut: filters of some layers, or its inner levels altogether (Kim, Choi and Park 2022).

Every way of pruning is brought to the same cost, multiply-accumulates or parameters, so that they compare.
"""

import copy
import math

import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.metrics import cost
from ganprune_utils.models.unet import UNet
from ganprune_utils.pruning import choose_filters, filter_groups, filter_scores, remove_filters
from ganprune_utils.pruning.filters import relative

WAYS = ("inner", "outer", "uniform", "global", "lamp", "random")
COSTS = {
    "macs": cost.macs,
    "parameters": lambda network, example: sum(parameter.numel() for parameter in network.parameters()),
}
INNER_LEVELS = 2  # the bottleneck and the level above it
FEWEST = 4  # filters that a way leaves to a layer: fewer are no layer any more
WITHIN = 1.05  # of a cost counts as that cost, where whole filters cannot come nearer


class OutOfReach(ParameterError):
    """A way of cutting cannot come down to the cost asked for."""


def shallower(unet: UNet, levels: int) -> UNet:
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
    _fold_norm(bottleneck)
    skipped = bottleneck.conv.out_channels
    inputs = above.conv.in_channels
    with torch.no_grad():
        above.conv.weight = nn.Parameter(above.conv.weight[inputs - skipped :].clone())
    above.conv.in_channels = skipped
    return small


def cut_to(
    unet: UNet,
    way: str,
    target: float,
    measure: str,
    example: torch.Tensor,
    inputs: torch.Tensor,
    seed: int = 0,
    groups: dict | None = None,
) -> UNet:
    """A copy of `unet` pruned in one way, its cost as near to `target` as whole filters allow.

    Args:
        way: "inner" and "outer" take the same share of the filters of the inner two levels, or of all others, by L2
            norm; "uniform" of all layers; "global" ranks all filters by L2 norm relative to their layer's mean, "lamp"
            by LAMP; "random" takes the same share of each layer at random.
        target: multiply-accumulates for one picture, or parameters; `measure` says which ("macs", "parameters").
        inputs: pictures of the task.
        groups: those of `filter_groups`, where they are at hand.

    Raises ParameterError for an unknown way or measure, OutOfReach where this way cannot get so far.
    """
    if way not in WAYS or measure not in COSTS:
        raise ParameterError(f"way = {way!r}, measure = {measure!r}: allowed are {', '.join(WAYS)}; {', '.join(COSTS)}")
    groups = groups or filter_groups(unet, example)
    criterion = {"lamp": "lamp", "random": "random"}.get(way, "l2")
    scores = filter_scores(unet, groups, criterion, inputs, seed)
    free = {name: score for name, score in scores.items() if _belongs(name, way, unet)}
    if way == "global":
        free = relative(free)

    def chosen_at(share):
        return choose_filters(free, share, "global" if way in ("global", "lamp") else "uniform")

    def cost_at(share):
        return COSTS[measure](_of_widths(unet, groups, chosen_at(share)), example.to("meta"))

    sizes = [len(score) for score in free.values()]
    whole = way in ("global", "lamp")
    high = 1 - len(sizes) / sum(sizes) if whole else max(0.0, 1 - FEWEST / min(sizes))
    low = 0.0
    if cost_at(high) > WITHIN * target:
        raise OutOfReach(f"way {way}: cannot come down to {target:,.0f} {measure}")
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if cost_at(middle) > target else (low, middle)
    share = min((low, high), key=lambda share: abs(math.log(cost_at(share) / target)))
    return remove_filters(unet, chosen_at(share), example, groups)


def targets(unet: UNet, levels: list[int], shares: dict[str, list[float]], example: torch.Tensor) -> list[tuple]:
    """What all ways are brought to: (measure, label, cost).

    The costs of leaving out so many inner levels ("1 level out"), and shares of the dense network's cost, `shares` of
    each measure ("80 %"); the dearest first.
    """
    found = []
    for measure, spent in COSTS.items():
        dense = spent(unet, example)
        costs = {level_label(count): spent(shallower(unet, count), example) for count in levels}
        costs |= {f"{share:.0%}": share * dense for share in shares.get(measure, [])}
        found += [(measure, label, value) for label, value in sorted(costs.items(), key=lambda item: -item[1])]
    return found


def nearest(goals: list[tuple], network: nn.Module, example: torch.Tensor) -> tuple[str, str]:
    """Measure and label of the goal (of `targets`) whose cost that of `network` is nearest to, as a ratio."""
    spent = {measure: count(network, example) for measure, count in COSTS.items()}
    return min(goals, key=lambda goal: abs(math.log(spent[goal[0]] / goal[2])))[:2]


def level_label(count: int) -> str:
    return f"{count} level{'s' * (count > 1)} out"


def all_ways(unet: UNet, levels: list[int], shares: dict, draws: int, inputs: torch.Tensor) -> dict[tuple, nn.Module]:
    """Every way of cutting at every cost of `targets`: (way, measure, label, draw) -> network.

    "levels out" is `shallower` itself and has the measure "both". Random filters come in `draws` draws, all else once.
    A way that cannot come down to a cost has no entry.

    Args:
        inputs: pictures of the task in [-1, 1] (N, C, H, W), for what has to be looked at.
    """
    example, groups = inputs[:2], filter_groups(unet, inputs[:2])
    found = {("levels out", "both", level_label(count), 0): shallower(unet, count) for count in levels}
    for measure, label, target in targets(unet, levels, shares, example):
        for way in WAYS:
            for draw in range(draws if way == "random" else 1):
                try:
                    cut = cut_to(unet, way, target, measure, example, inputs, draw, groups)
                except OutOfReach:
                    break
                found[way, measure, label, draw] = cut
    return found


def is_inner(name: str, depth: int) -> bool:
    """Whether a layer (as in "down.down4.conv") is of the inner two levels."""
    level = int("".join(c for c in name.split(".")[1] if c.isdigit()))
    return level > depth - INNER_LEVELS


def _of_widths(unet: UNet, groups: dict, removed: dict) -> UNet:
    """A U-Net of the sizes that `unet` has without the filters `removed`, without weights: only to count its cost."""
    left = {name: group.size - len(removed.get(name, ())) for name, group in groups.items()}
    down = [left[f"down.{name}.conv"] for name in unet.down]
    up = [left[f"up.{name}.conv"] for name in list(unet.up)[:-1]]
    with torch.device("meta"):
        return UNet(unet.inputs, unet.channels, depth=unet.depth, down=down, up=up, pixel=unet.pixel)


def _belongs(name: str, way: str, unet) -> bool:
    inner = is_inner(name, unet.depth)
    return inner if way == "inner" else not inner if way == "outer" else True


@torch.no_grad()
def _fold_norm(block) -> None:
    """Move a block's BatchNorm into its convolution, so that what it gives stays what it was."""
    norm, conv = block.norm, block.conv
    if isinstance(norm, nn.Identity):
        return
    factor = norm.weight / (norm.running_var + norm.eps).sqrt()
    bias = norm.bias - norm.running_mean * factor
    conv.weight.mul_(factor.view(-1, 1, 1, 1))
    conv.bias = nn.Parameter(bias if conv.bias is None else bias + conv.bias * factor)
    block.norm = nn.Identity()
