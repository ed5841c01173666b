"""Labels of channels as tensors: what a network computes is followed by giving each channel a number of its own.

A label of 0 is no channel. Labels are mostly expanded tensors, whose repetitions are never written out.
"""

import torch

BITS = 2**26  # labels fit into float64 in pairs


def along(labels: torch.Tensor, axis: int, shape) -> torch.Tensor:
    """Labels (channels,) as those of an activation of this shape with its channels along `axis`."""
    wide = [1] * len(shape)
    wide[axis] = len(labels)
    return labels.view(wide).expand(shape)


def compact(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Tensors of one shape without repetitions along the axes along which all of them are expanded."""
    for dim in range(tensors[0].ndim):
        if tensors[0].shape[dim] > 1 and not any(x.stride(dim) for x in tensors):
            tensors = tuple(x.narrow(dim, 0, 1) for x in tensors)
    return tensors


def differs(labels: torch.Tensor, dim: int) -> bool:
    """Whether labels change along an axis."""
    if labels.shape[dim] < 2 or not labels.stride(dim):
        return False
    (small,) = compact(labels)
    return not torch.equal(small, small.narrow(dim, 0, 1).expand(small.shape))


def pairs(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The different pairs of labels that meet in two tensors of one shape, each as one number; 0 is no channel."""
    a, b = compact(a, b)
    met = (a != b) & (a > 0) & (b > 0)
    return (a[met] * BITS + b[met]).unique().cpu()
