"""Winograd's minimal filtering (Winograd 1980; Lavin and Gray 2016) for 4x4 kernels, a stride of 2 and a padding of 1.

Every second row and column of the padded large side makes four images, and every second tap four kernels of 2x2, so
the convolution is one of stride 1 over 4 C channels. F(4 x 4, 2 x 2) computes 4x4 of its outputs, a tile, with 25
products for each channel and filter in place of 64, by evaluating both factors at four points and at infinity:
y = A' [(G g) * (B' d)] in each direction. Here the factors of all tiles stand in matrices, one for each of the 25
products: of the large side (25, N * tiles, 4 C), of the small side (25, N * tiles, filters) and of the weight
(25, filters, 4 C). What is computed with `of_` is the adjoint of what is with `to_`.
"""

from functools import cache

import torch

TILE = 4  # outputs in each direction
POINTS = (0.0, 1.0, -1.0, 2.0)  # small ones: rounding errors grow a hundredfold at most, relative to sum |w| |x|


@cache
def _transforms(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A' (16, 25), G (25, 4) and B' (25, 25), for both directions at once."""

    def evaluate(length):
        powers = [[point**power for power in range(length)] for point in POINTS]
        return torch.tensor([*powers, [0.0] * (length - 1) + [1.0]], dtype=torch.float64, device="cpu")

    one = evaluate(TILE).T, evaluate(2), torch.linalg.inv(evaluate(TILE + 1)).T
    return tuple(torch.kron(matrix, matrix).to(dtype).contiguous() for matrix in one)


def of_large(x: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) to (25, N * tiles, 4 C)."""
    n, c, height, width = x.shape
    padded = x.new_zeros(n, height + 2, width + 2, c)
    padded[:, 1:-1, 1:-1] = x.permute(0, 2, 3, 1)
    image, row, pixel, _ = padded.stride()
    shape = TILE + 1, TILE + 1, n, height // 2 // TILE, width // 2 // TILE, 2, 2, c
    steps = 2 * row, 2 * pixel, image, 2 * TILE * row, 2 * TILE * pixel, row, pixel, 1
    patches = padded.as_strided(shape, steps).reshape(25, -1)
    return (_transforms(x.dtype)[2] @ patches).view(25, -1, 4 * c)


def to_large(values: torch.Tensor, shape) -> torch.Tensor:
    """(25, N * tiles, 4 C) to (N, C, H, W); tiles overlap by two pixels, where they add up."""
    n, c, height, width = shape
    rows, columns = height // 2 // TILE, width // 2 // TILE
    patches = _transforms(values.dtype)[2].T @ values.reshape(25, -1)
    patches = patches.view(TILE + 1, TILE + 1, n, rows, columns, 2, 2, c)
    padded = values.new_zeros(n, height + 2, width + 2, c)
    image, row, pixel, _ = padded.stride()
    for i in range(rows):
        for j in range(columns):
            part = padded[:, 2 * TILE * i :, 2 * TILE * j :]
            part = part.as_strided((TILE + 1, TILE + 1, n, 2, 2, c), (2 * row, 2 * pixel, image, row, pixel, 1))
            part += patches[:, :, :, i, j]
    # Dense: BatchNorm takes ten times as long over a window or mixed orders.
    return padded[:, 1:-1, 1:-1].contiguous().permute(0, 3, 1, 2)


def of_small(y: torch.Tensor) -> torch.Tensor:
    """(N, filters, h, w) to (25, N * tiles, filters)."""
    n, f, height, width = y.shape
    tiles = y.permute(0, 2, 3, 1).reshape(n, height // TILE, TILE, width // TILE, TILE, f).permute(2, 4, 0, 1, 3, 5)
    return (_transforms(y.dtype)[0].T @ tiles.reshape(TILE**2, -1)).view(25, -1, f)


def to_small(values: torch.Tensor, shape) -> torch.Tensor:
    """(25, N * tiles, filters) to (N, filters, h, w)."""
    n, f, height, width = shape
    tiles = _transforms(values.dtype)[0] @ values.reshape(25, -1)
    tiles = tiles.view(TILE, TILE, n, height // TILE, width // TILE, f).permute(2, 3, 0, 4, 1, 5)
    return tiles.contiguous().view(n, height, width, f).permute(0, 3, 1, 2)


def of_weight(weight: torch.Tensor) -> torch.Tensor:
    """(filters, C, 4, 4) to (25, filters, 4 C)."""
    f, c = weight.shape[:2]
    taps = weight.permute(0, 2, 3, 1).reshape(f, 2, 2, 2, 2, c).permute(1, 3, 0, 2, 4, 5)
    return (_transforms(weight.dtype)[1] @ taps.reshape(4, -1)).view(25, f, 4 * c)


def to_weight(kernels: torch.Tensor, shape) -> torch.Tensor:
    """(25, filters, 4 C) to (filters, C, 4, 4), channels last."""
    f, c = shape[:2]
    taps = (_transforms(kernels.dtype)[1].T @ kernels.reshape(25, -1)).view(2, 2, f, 2, 2, c)
    return taps.permute(2, 0, 3, 1, 4, 5).reshape(f, 4, 4, c).permute(0, 3, 1, 2)
