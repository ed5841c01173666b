"""Importance of whole filters: scores by a criterion, and which filters go at a ratio."""

import math
from collections.abc import Callable

import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.models.state import effective_weight, original
from ganprune_utils.parameters import check_real, check_seed
from ganprune_utils.pruning.activation import mean_inputs
from ganprune_utils.pruning.cut import FilterGroup
from ganprune_utils.pruning.groups import filter_groups
from ganprune_utils.pruning.layers import check_finite
from ganprune_utils.pruning.taylor import taylor_scores

FILTER_CRITERIA = ("l1", "l2", "bn_scale", "taylor", "activation", "apoz", "lamp", "random")
SCOPES = ("uniform", "global")
BATCHNORM = nn.modules.batchnorm._BatchNorm


def filters_for(
    model: nn.Module, example, criterion: str, ratio, scope: str = "uniform", inputs=None, seed: int = 0
) -> dict[str, torch.Tensor]:
    """The filters of `model` that go by a criterion: `filter_scores`, then `choose_filters`.

    With scope "global", scores are divided by their group's mean before layers are compared, so that a layer with more
    or larger weights does not win for that alone; lamp and random are made to be compared as they are.
    """
    scores = filter_scores(model, filter_groups(model, example), criterion, inputs, seed)
    if scope == "global" and criterion not in ("lamp", "random"):
        scores = relative(scores)
    return choose_filters(scores, ratio, scope)


def filter_scores(
    model: nn.Module, groups: dict[str, FilterGroup], criterion: str, inputs=None, seed: int = 0, loss=None
) -> dict[str, torch.Tensor]:
    """How much each filter matters, group name -> (size,) float64: the lowest go first.

    l1, l2: norm of the filter's weights (Li et al. 2017). bn_scale: |gamma| of the BatchNorm after it (Liu et al. 2017,
    network slimming). taylor: sum of |w * dL/dw| over its weights, L the `loss` of `taylor_scores`. activation: mean
    |a| of the channel; apoz: the share of its values above zero (Hu et al. 2016, average percentage of zeros), both as
    the next layer gets it. Those three need `inputs` (N, ...). lamp: squared norm over the sum of those not smaller in
    the group (Lee et al. 2021, there for weights). random: uniform in [0, 1).

    Where layers are tied, scores of the group are sums over its layers. Raises ParameterError for an unknown criterion,
    no inputs for one that needs them, or a group that it cannot score.
    """
    if criterion not in FILTER_CRITERIA:
        raise ParameterError(f"criterion = {criterion!r}: unknown; allowed are {', '.join(FILTER_CRITERIA)}")
    check_seed(seed)
    random = torch.Generator().manual_seed(int(seed))
    model = original(model)
    modules, means, scores = dict(model.named_modules()), {}, {}
    if criterion in ("activation", "apoz"):
        consumers = sorted({consumer for group in groups.values() for consumer in group.consumers})
        value = torch.abs if criterion == "activation" else lambda x: (x > 0).double()
        means = mean_inputs(model, consumers, inputs, value)
    weighted = {name: _weighted(modules, group) for name, group in groups.items()}
    layers = [layer for group in weighted.values() for layer in group]
    taylor = taylor_scores(model, layers, inputs, loss, seed) if criterion == "taylor" else {}
    for name, group in groups.items():
        if criterion == "random":
            parts = [torch.rand(group.size, generator=random, dtype=torch.float64)]
        elif criterion == "bn_scale":
            norms = [(modules[norm], at) for norm, at in group.norms.items() if isinstance(modules[norm], BATCHNORM)]
            parts = [_sums(norm.weight.detach().double().abs(), at, group.size) for norm, at in norms if norm.affine]
        elif criterion in ("activation", "apoz"):
            parts = [_sums(means[layer], at, group.size, mean=True) for layer, at in group.consumers.items()]
        else:
            norms = {layer: _norm(modules[layer], criterion, taylor.get(layer)) for layer in weighted[name]}
            parts = [_sums(norms[layer], at, group.size) for layer, at in weighted[name].items()]
        if not parts:
            lacks = "BatchNorm with a scale after it" if criterion == "bn_scale" else "layer that reads its channels"
            raise ParameterError(f"criterion {criterion}: layer {name} has no {lacks}")
        scores[name] = lamp(sum(parts)) if criterion == "lamp" else sum(parts)
    check_finite(scores)
    return scores


def choose_filters(scores: dict[str, torch.Tensor], ratio, scope: str = "uniform") -> dict[str, torch.Tensor]:
    """The filters to remove, group name -> indices in rising order: those with the lowest scores.

    Args:
        scores: of `filter_scores`.
        ratio: share of the filters in [0, 1); with scope "uniform" also a dictionary with a share for every group.
        scope: "uniform" removes floor(ratio * size + 1/2) filters of each group. "global" ranks all together and
            removes that share of all of them; the best filter of each group always stays.

    Raises ParameterError where a group would be left without a filter, or `ratio` is no share.
    """
    if scope not in SCOPES:
        raise ParameterError(f"scope = {scope!r}: unknown; allowed are {', '.join(SCOPES)}")
    ratios = ratio if isinstance(ratio, dict) else dict.fromkeys(scores, ratio)
    if set(ratios) != set(scores):
        raise ParameterError(f"ratio: has {', '.join(ratios)}; needs one for each of {', '.join(scores)}")
    for value in ratios.values():
        check_real("ratio", value, "a share of the filters in [0, 1)", lambda share: 0 <= share < 1)
    if scope == "uniform":
        return {name: _lowest(name, score, ratios[name]) for name, score in scores.items()}
    if isinstance(ratio, dict):
        raise ParameterError("ratio: scope global takes one share, not one for every layer")
    flat = torch.cat(list(scores.values()))
    best = torch.cat([torch.arange(len(score)) == score.argmax() for score in scores.values()])
    count, most = math.floor(ratio * len(flat) + 0.5), len(flat) - len(scores)
    if count > most:
        filters = f"of {len(flat)} filters in {len(scores)} layers"
        raise ParameterError(f"ratio = {ratio:g}: would empty a layer; {filters} at most {most} can go")
    removed = torch.zeros(len(flat), dtype=torch.bool)
    removed[torch.where(best, torch.inf, flat).argsort(stable=True)[:count]] = True
    parts = removed.split([len(score) for score in scores.values()])
    return {name: part.nonzero().flatten() for name, part in zip(scores, parts, strict=True)}


def _lowest(name: str, score: torch.Tensor, ratio: float) -> torch.Tensor:
    count, most = math.floor(ratio * len(score) + 0.5), len(score) - 1
    if count > most:
        filters = f"layer {name}, which has {most + 1} filters"
        raise ParameterError(f"ratio = {ratio:g}: would empty {filters}; at most {most} of them can go")
    return score.argsort(stable=True)[:count].sort().values


def ratio_for(cost_at: Callable[[float], float], target: float, highest: float) -> float:
    """The ratio in [0, `highest`] at which `cost_at`, which falls with it, is nearest to `target`, by bisection.

    Nearest on the scale of ratios: half of the target is as far off as twice the target.
    """
    low, high = 0.0, highest
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if cost_at(middle) > target else (low, middle)
    return min((low, high), key=lambda ratio: abs(math.log(cost_at(ratio) / target)))


def relative(scores: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Scores over their group's mean, so that layers with more or larger weights do not win for that alone."""
    return {name: score / score.mean().clamp(min=torch.finfo(torch.float64).tiny) for name, score in scores.items()}


def lamp(squared: torch.Tensor) -> torch.Tensor:
    """Each squared norm over the sum of itself and all that rank above it; the largest gets 1."""
    order = squared.argsort(stable=True)
    ranked = squared[order]
    sums = ranked.flip(0).cumsum(0).flip(0)
    return torch.empty_like(squared).scatter_(0, order, ranked / sums.clamp(min=torch.finfo(torch.float64).tiny))


def _weighted(modules: dict, group: FilterGroup) -> dict[str, torch.Tensor]:
    """The layers whose weights score a group: its convolutions, or its linear layers where it has no convolution."""
    return group.layers or {name: at for name, at in group.others.items() if isinstance(modules.get(name), nn.Linear)}


def _sums(values: torch.Tensor, owner: torch.Tensor, size: int, mean: bool = False) -> torch.Tensor:
    """Sums (or means) of channels' values (channels,) over the filters that they belong to, (size,)."""
    own = owner >= 0
    sums = torch.zeros(size, dtype=torch.float64).index_add(0, owner[own], values.cpu()[own])
    return sums / owner[own].bincount(minlength=size).clamp(min=1) if mean else sums


def _norm(layer: nn.Module, criterion: str, taylor: torch.Tensor | None) -> torch.Tensor:
    """Norm of the weights of each output channel, or the sum of their Taylor scores; float64."""
    weight = effective_weight(layer).double() if taylor is None else taylor
    if getattr(layer, "transposed", False):  # (inputs, outputs of a group, ...)
        weight = weight.unflatten(0, (layer.groups, -1)).transpose(1, 2).flatten(0, 1)
    flat = weight.flatten(1)
    by_filter = {"l1": flat.abs().sum(1), "l2": flat.norm(dim=1), "lamp": flat.square().sum(1), "taylor": flat.sum(1)}
    return by_filter[criterion]
