"""The paper's two criteria, by percentage and by sensitivity: each turns a model into keep-masks, changing nothing.

Masks are boolean and of their weights' shape, by layer name.
"""

import math
from collections.abc import Collection

import torch
from torch import nn

from ganprune_utils.errors import ParameterError
from ganprune_utils.parameters import METHODS, check_real
from ganprune_utils.pruning.layers import chosen_layers, current_masks, effective_weights, hold, magnitudes

SCOPES = METHODS["percentage"]


def percentage_masks(
    model: nn.Module,
    fraction: float,
    scope: str = "global",
    dense: Collection[str] = (),
    layers: Collection[str] | None = None,
) -> dict[str, torch.Tensor]:
    """Remove the share `fraction` of all prunable weights, the smallest |w| first.

    The percentile threshold is that of Deep-Compression-PyTorch (net/prune.py), made exact for ties and rounding.
    Exactly floor(fraction * N + 1/2) of N weights go: those already masked first, then by |w|, ties by layer order
    and flat index. Weights that are masked stay masked even where `fraction` asks for fewer.

    Args:
        fraction: share removed, in [0, 1).
        scope: "global" ranks all layers together; "layer" removes the same share inside each layer.
        dense: layers that are left alone. `fraction` stays a share of all weights, so the others give more.
        layers: the layers whose weights are meant, by name: convolutional and linear ones, as `prunable_layers` finds
            them; all convolutions by default.
    """
    if scope not in SCOPES:
        raise ParameterError(f"scope = {scope!r}: unknown; allowed are {', '.join(SCOPES)}")
    check_fraction(fraction)
    scores = hold(magnitudes(model, layers), dense, fraction)
    if scope == "global":
        return keep_largest(scores, current_masks(model, layers), fraction)
    return allocated_masks(model, same_share(scores, fraction, dense), scores)


def same_share(scores: dict[str, torch.Tensor], fraction: float, dense: Collection[str] = ()) -> dict[str, float]:
    """One share for every layer but the `dense`, which give nothing, that makes `fraction` of all weights."""
    sizes = {name: score.numel() for name, score in scores.items()}
    share = fraction * sum(sizes.values()) / sum(size for name, size in sizes.items() if name not in dense)
    return {name: 0.0 if name in dense else share for name in sizes}


def allocated_masks(
    model: nn.Module, fractions: dict[str, float], scores: dict | None = None, within_outputs: bool = False
) -> dict[str, torch.Tensor]:
    """Remove from each layer its own share, lowest score first: `fractions` has a share in [0, 1) for every layer.

    Args:
        scores: of every weight, by layer; |w| by default.
        within_outputs: remove the share from each output channel of the layer, ranking its weights alone.

    Raises ParameterError where a layer has no share, or a share has no layer.
    """
    scores = scores or magnitudes(model)
    layers, masks, allocated = chosen_layers(model, scores), current_masks(model, scores), {}
    if set(fractions) != set(scores):
        raise ParameterError(f"fractions: has {', '.join(fractions)}; needs one for each of {', '.join(scores)}")
    for name, fraction in fractions.items():
        check_fraction(fraction)
        if within_outputs:
            axis = 1 if getattr(layers[name], "transposed", False) else 0
            alive = dict(enumerate(masks[name].unbind(axis)))
            outputs = enumerate(scores[name].unbind(axis))
            kept = [keep_largest({i: output}, alive, fraction)[i] for i, output in outputs]
            allocated[name] = torch.stack(kept, axis)
        else:
            allocated |= keep_largest({name: scores[name]}, masks, fraction)
    return allocated


def sensitivity_masks(
    model: nn.Module, s: float, dense: Collection[str] = (), layers: Collection[str] | None = None
) -> dict[str, torch.Tensor]:
    """Remove from each layer the weights with |w| < s * sigma, sigma the layer's own (Han et al. 2015).

    Deep-Compression-PyTorch takes sigma anew with the zeros included, so that repeated pruning shrinks it; here, as in
    distiller, it is the population standard deviation of the *dense* layer, remembered after a first pruning: pruning
    again with the same s, in standard deviations and > 0, removes nothing more. The layers `dense` are left alone;
    `layers` is as in `percentage_masks`.
    """
    check_real("s", s, "a number of standard deviations > 0", lambda value: value > 0)
    sigmas, masks = dense_sigmas(model, layers), current_masks(model, layers)
    scores = hold(magnitudes(model, layers), dense)
    return {name: (score >= s * sigmas[name]) & masks[name] for name, score in scores.items()}


def matched_s(
    model: nn.Module, fraction: float, dense: Collection[str] = (), layers: Collection[str] | None = None
) -> float:
    """The s at which `sensitivity_masks` removes the share `fraction`, in [0, 1), of all weights of a dense model.

    A weight goes where |w| / sigma < s, so s lies between the k-th and the next of these ratios, all layers in one
    order, k = floor(fraction * N + 1/2). That is exact, but for ties at that very place, and needs no bisection.
    """
    check_fraction(fraction)
    sigmas = dense_sigmas(model, layers)
    scores = hold(magnitudes(model, layers), dense, fraction)
    ratios = torch.cat([(score / sigmas[name]).flatten() for name, score in scores.items()]).sort().values
    removed = min(math.floor(fraction * len(ratios) + 0.5), len(ratios) - 1)
    below = ratios[removed - 1] if removed else torch.zeros(())
    return max((below + ratios[removed]).item() / 2, math.ulp(0.0))


def dense_sigmas(model: nn.Module, layers: Collection[str] | None = None) -> dict[str, float]:
    """Population standard deviation of each chosen layer's weights, as they were before the first mask."""
    sigmas = {name: w.double().std(correction=0).item() for name, w in effective_weights(model, layers).items()}
    chosen = chosen_layers(model, layers)
    return {name: getattr(chosen[name], "dense_sigma", sigma) for name, sigma in sigmas.items()}


def check_fraction(fraction: float) -> None:
    check_real("fraction", fraction, "a share of the weights in [0, 1)", lambda value: 0 <= value < 1)


def keep_largest(scores: dict[str, torch.Tensor], masks: dict[str, torch.Tensor], fraction: float):
    """Keep-masks that drop exactly floor(fraction * N + 1/2) weights: masked ones first, then the lowest scores."""
    alive = torch.cat([masks[name].flatten() for name in scores])
    flat = torch.cat([score.flatten() for score in scores.values()]).where(alive, -math.inf)
    dropped = max(math.floor(fraction * len(flat) + 0.5), int((~alive).sum()))
    keep = torch.ones_like(alive)
    keep[torch.argsort(flat, stable=True)[:dropped]] = False  # stable: ties go by layer order and flat index
    parts = keep.split([score.numel() for score in scores.values()])
    return {name: part.view_as(score) for (name, score), part in zip(scores.items(), parts, strict=True)}
