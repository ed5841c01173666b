"""Winograd's minimal filtering (Winograd 1980; Lavin and Gray 2016) for 4x4 kernels, a stride of 2 and a padding of 1.

Every second row and column of the padded large side makes four images, and every second tap four kernels of 2x2, so
the convolution is one of stride 1 over 4 C channels. F(m x m, 2 x 2) computes m x m of its outputs, a tile, with
(m + 1)^2 products for each channel and filter, by evaluating both factors at m points and at infinity:
y = A' [(G g) * (B' d)] in each direction. Here the factors of all tiles stand in matrices, one for each of the
(m + 1)^2 products P: of the large side (P, N * tiles, 4 C), of the small side (P, N * tiles, filters) and of the weight
(P, filters, 4 C). What is computed with `of_` is the adjoint of what is with `to_`.
"""

from functools import cache

import torch

POINTS = (0.0, 1.0, -1.0, 2.0)  # small ones: float32 loses two of its digits at most


def tile(sizes) -> int:
    """Outputs of a tile in each direction, for a small side of these even sizes."""
    return 2 if any(size % 4 for size in sizes) else 4


@cache
def _transforms(m: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A' (m^2, P), G (P, 4) and B' (P, P), for both directions at once."""

    def evaluate(length):
        powers = torch.tensor(POINTS[:m], dtype=torch.float64)[:, None] ** torch.arange(length)
        infinity = torch.zeros(1, length, dtype=torch.float64)
        infinity[0, -1] = 1
        return torch.cat([powers, infinity])

    one = evaluate(m).T, evaluate(2), torch.linalg.inv(evaluate(m + 1)).T
    return tuple(torch.kron(matrix, matrix).to(dtype).contiguous() for matrix in one)


def of_large(x: torch.Tensor, m: int) -> torch.Tensor:
    """(N, C, H, W) to (P, N * tiles, 4 C)."""
    n, c, height, width = x.shape
    padded = x.new_zeros(n, height + 2, width + 2, c)
    padded[:, 1:-1, 1:-1] = x.permute(0, 2, 3, 1)
    image, row, pixel, _ = padded.stride()
    tiles = height // 2 // m, width // 2 // m
    shape = m + 1, m + 1, n, *tiles, 2, 2, c
    patches = padded.as_strided(shape, (2 * row, 2 * pixel, image, 2 * m * row, 2 * m * pixel, row, pixel, 1))
    made = _transforms(m, patches.dtype)[2] @ patches.reshape((m + 1) ** 2, -1)
    return made.view((m + 1) ** 2, -1, 4 * c)


def to_large(values: torch.Tensor, m: int, shape) -> torch.Tensor:
    """(P, N * tiles, 4 C) to (N, C, H, W); tiles overlap by two pixels, where they add up."""
    n, c, height, width = shape
    rows, columns = height // 2 // m, width // 2 // m
    patches = _transforms(m, values.dtype)[2].T @ values.reshape(len(values), -1)
    patches = patches.view(m + 1, m + 1, n, rows, columns, 2, 2, c)
    padded = values.new_zeros(n, height + 2, width + 2, c)
    image, row, pixel, _ = padded.stride()
    for i in range(rows):
        for j in range(columns):
            part = padded[:, 2 * m * i :, 2 * m * j :]
            part = part.as_strided((m + 1, m + 1, n, 2, 2, c), (2 * row, 2 * pixel, image, row, pixel, 1))
            part += patches[:, :, :, i, j]
    return padded[:, 1:-1, 1:-1].permute(0, 3, 1, 2)


def of_small(y: torch.Tensor, m: int) -> torch.Tensor:
    """(N, filters, h, w) to (P, N * tiles, filters)."""
    n, f, height, width = y.shape
    tiles = y.permute(0, 2, 3, 1).reshape(n, height // m, m, width // m, m, f).permute(2, 4, 0, 1, 3, 5)
    return (_transforms(m, tiles.dtype)[0].T @ tiles.reshape(m * m, -1)).view((m + 1) ** 2, -1, f)


def to_small(values: torch.Tensor, m: int, shape) -> torch.Tensor:
    """(P, N * tiles, filters) to (N, filters, h, w)."""
    n, f, height, width = shape
    tiles = _transforms(m, values.dtype)[0] @ values.reshape(len(values), -1)
    tiles = tiles.view(m, m, n, height // m, width // m, f).permute(2, 3, 0, 4, 1, 5)
    return tiles.reshape(n, height, width, f).permute(0, 3, 1, 2)


def of_weight(weight: torch.Tensor, m: int) -> torch.Tensor:
    """(filters, C, 4, 4) to (P, filters, 4 C)."""
    f, c = weight.shape[:2]
    taps = weight.permute(0, 2, 3, 1).reshape(f, 2, 2, 2, 2, c).permute(1, 3, 0, 2, 4, 5)
    return (_transforms(m, taps.dtype)[1] @ taps.reshape(4, -1)).view((m + 1) ** 2, f, 4 * c)


def to_weight(kernels: torch.Tensor, m: int, shape) -> torch.Tensor:
    """(P, filters, 4 C) to (filters, C, 4, 4), channels last."""
    f, c = shape[:2]
    taps = (_transforms(m, kernels.dtype)[1].T @ kernels.reshape(len(kernels), -1)).view(2, 2, f, 2, 2, c)
    return taps.permute(2, 0, 3, 1, 4, 5).reshape(f, 4, 4, c).permute(0, 3, 1, 2)
