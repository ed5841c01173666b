"""Where a U-Net or a Wav2Lip is pruned: filters of some layers, or inner levels altogether (Kim, Choi and Park 2022).

Every method is brought to the same cost, multiply-accumulates or parameters, so that they compare.
"""

import copy
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ganprune_utils.errors import ParameterError
from ganprune_utils.metrics import cost
from ganprune_utils.models.inputs import Inputs
from ganprune_utils.models.unet import UNet
from ganprune_utils.models.wav2lip import Wav2Lip
from ganprune_utils.pruning.compression import size
from ganprune_utils.pruning.cut import Groups, Removed, channels_of
from ganprune_utils.pruning.groups import filter_groups
from ganprune_utils.pruning.importance import choose_filters, filter_scores, ratio_for, relative
from ganprune_utils.pruning.layers import prunable_layers
from ganprune_utils.pruning.removal import remove_filters

DEPTH_REDUCTION = "depth reduction"
NO_RESIDUALS = "no residual convolutions"
METHODS = ("inner", "random inner", DEPTH_REDUCTION, "global", "uniform", "lamp", "random")
MORE_METHODS = ("outer", NO_RESIDUALS)  # of a Wav2Lip
COSTS = ("macs", "parameters")
INNER_LEVELS = 2  # the bottleneck and the level above it, where no other number is asked for
FEWEST = 4  # filters that a method leaves to a layer, or a quarter of the narrowest: fewer are no layer any more
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
    network: nn.Module
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
    network: nn.Module,
    method: str,
    target: float,
    measure: str,
    inputs,
    seed: int = 0,
    groups: Groups | None = None,
    inner_levels: int = INNER_LEVELS,
) -> nn.Module:
    """A copy of a U-Net or a Wav2Lip pruned by one method, its cost as near to `target` as whole filters allow.

    Args:
        method: "inner" takes the same share of the filters of each of the `inner_levels`, by L2 norm, "random inner" at
            random, "outer" of as many outermost levels; "uniform" and "random" of all layers; "global" ranks all
            filters by L2 norm relative to their layer's mean, "lamp" by LAMP; `reductions` has the others.
        target: multiply-accumulates for one sample, or parameters; `measure` says which ("macs", "parameters").
        inputs: what the network is called with, of the task.
        seed: of what is drawn at random.
        groups: those of `filter_groups`, where they are at hand.

    Raises ParameterError for an unknown method or measure, OutOfReach where this method cannot get so far.
    """
    if method not in METHODS + MORE_METHODS or measure not in COSTS:
        allowed = f"{', '.join(METHODS + MORE_METHODS)}; {', '.join(COSTS)}"
        raise ParameterError(f"method = {method!r}, measure = {measure!r}: allowed are {allowed}")
    example = next(Inputs.of(inputs).split(2))
    if method in (DEPTH_REDUCTION, NO_RESIDUALS):
        return _nearest(reductions(network).get(method, []), method, target, measure, example)
    groups = groups or filter_groups(network, example)
    criterion = "random" if method.startswith("random") else "lamp" if method == "lamp" else "l2"
    scores = filter_scores(network, groups, criterion, inputs, seed)
    if method.endswith("inner"):
        scores = {name: score for name, score in scores.items() if network.level(name) > network.depth - inner_levels}
    if method == "outer":
        scores = {name: score for name, score in scores.items() if 0 < network.level(name) <= inner_levels}
    if method == "global":
        scores = relative(scores)
    ranked_together = method in ("global", "lamp")
    sizes = [len(score) for score in scores.values()]
    fewest = max(1, min(FEWEST, min(sizes) // 4))
    highest = 1 - len(sizes) / sum(sizes) if ranked_together else 1 - fewest / min(sizes)
    without = costs_without(network, groups, example)

    def removed_at(share):
        return choose_filters(scores, share, "global" if ranked_together else "uniform")

    @functools.cache
    def cost_at(share):
        return without(removed_at(share))[measure]

    if cost_at(highest) > WITHIN * target:
        raise OutOfReach(f"method {method}: cannot reach {target:,.0f} {measure}")
    return remove_filters(network, removed_at(ratio_for(cost_at, target, highest)), example, groups)


def reductions(network: nn.Module) -> dict[str, list[nn.Module]]:
    """What is left of a network without whole parts of it: method -> networks, from the largest to the smallest."""
    if isinstance(network, UNet):
        return {DEPTH_REDUCTION: [reduce_depth(network, levels) for levels in range(1, network.depth - 1)]}
    reduced = [network.without_levels(levels) for levels in range(1, network.removable + 1)]
    return {DEPTH_REDUCTION: reduced, NO_RESIDUALS: [network.without_residuals()]}


def _nearest(reduced: list[nn.Module], method: str, target: float, measure: str, example) -> nn.Module:
    off = [abs(math.log(costs(network, example)[measure] / target)) for network in reduced]
    if min(off, default=math.inf) > math.log(WITHIN):
        raise OutOfReach(f"method {method}: whole parts cannot reach {target:,.0f} {measure}")
    return reduced[off.index(min(off))]


def costs(network: nn.Module, example: torch.Tensor) -> dict[str, int]:
    """Multiply-accumulates for one image, and parameters."""
    return {"macs": cost.macs(network, example), "parameters": size(network)}


def costs_without(network: nn.Module, groups: Groups, example) -> Callable[[Removed], dict[str, int]]:
    """A function of filters to remove (group name -> indices) that gives the `costs` of what is left, by arithmetic: no
    network is built and none is run. For layers that are called once, and convolutions of one group."""
    dense, modules = costs(network, example), dict(network.named_modules())
    macs = cost.by_layer(network, example).set_index("layer").macs

    def without(removed: Removed) -> dict[str, int]:
        left = dict(dense)
        made, read = (channels_of(groups, removed, *roles) for roles in (("layers", "norms"), ("consumers",)))
        for name in made.keys() | read.keys():
            gone, unread = (int(parts[name].sum()) if name in parts else 0 for parts in (made, read))
            if name not in macs:  # a norm: a scale and a shift for each channel
                left["parameters"] -= gone * sum(1 for _ in modules[name].parameters())
                continue
            layer = modules[name]
            pairs = layer.out_channels * layer.in_channels
            lost = pairs - (layer.out_channels - gone) * (layer.in_channels - unread)
            left["macs"] -= macs[name] // pairs * lost
            left["parameters"] -= layer.weight.numel() // pairs * lost + gone * (layer.bias is not None)
        return {measure: int(value) for measure, value in left.items()}

    return without


def targets(network: nn.Module, shares: dict[str, list[float]], example) -> list[tuple]:
    """The costs at which methods are compared: (measure, label, share, cost) for the `shares` of each measure."""
    dense = costs(network, example)
    return [(name, f"{share:.0%}", share, share * dense[name]) for name in COSTS for share in shares.get(name, ())]


def all_methods(
    network: nn.Module, goals: list[tuple], draws: int, inputs, inner_levels: int = INNER_LEVELS
) -> list[Candidate]:
    """Every method at every cost of `goals` (of `targets`); prints which cannot reach one, and has no candidate there.

    Random filters come in `draws` draws, all else once. `inputs` are what the network is called with, of the task.
    """
    groups, candidates = filter_groups(network, next(Inputs.of(inputs).split(2))), []
    methods = METHODS + MORE_METHODS * isinstance(network, Wav2Lip)
    for measure, label, share, target in goals:
        for method in methods:
            numbers = range(draws) if method.startswith("random") else [None]
            try:
                for draw in numbers:
                    pruned = prune_to(network, method, target, measure, inputs, draw or 0, groups, inner_levels)
                    candidates.append(Candidate(method, measure, label, share, pruned, draw))
            except OutOfReach:
                print(f"method {method}: cannot reach {label} of the {measure}")
    return candidates


def describe_groups(network: nn.Module, example) -> pd.DataFrame:
    """The groups of filters: how many, what goes with them and who reads them, and how many percent of the network's
    parameters and multiply-accumulates go with half of them."""
    groups, rows = filter_groups(network, example), []
    without = costs_without(network, groups, example)
    dense = without({})
    for name, group in groups.items():
        halved = without({name: torch.arange(group.size // 2)})
        row = {"layer": short_name(name), "filters": group.size, "BatchNorm": ", ".join(map(short_name, group.norms))}
        row["read by"] = ", ".join(map(short_name, group.consumers))
        rows.append(row | {f"{measure} %": 100 * (1 - halved[measure] / dense[measure]) for measure in COSTS})
    return pd.DataFrame(rows).set_index("layer")


def widths(network: nn.Module) -> str:
    """The filters of its layers but the last, in their order and by part: "64 128 256 | 128 64" for a U-Net of three
    levels."""
    parts = {}
    for name, layer in list(prunable_layers(network).items())[:-1]:
        parts.setdefault(name.split(".")[0], []).append(str(layer.out_channels))
    return " | ".join(map(" ".join, parts.values()))


def short_name(layer: str) -> str:
    """ "down4" for "down.down4.conv", "face.5.0" for "face.5.0.conv"; tied layers keep their plus sign, but those of
    one level of a Wav2Lip are called by it: "face.1"."""
    parts = [part.removesuffix(".conv").removesuffix(".norm") for part in layer.split(" + ")]
    levels = {part.rpartition(".")[0] for part in parts}
    if len(parts) > 1 and len(levels) == 1:
        return levels.pop()
    return " + ".join(part.removeprefix("down.").removeprefix("up.") for part in parts)
