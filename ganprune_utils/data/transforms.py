"""What is done to images: ranges, cropping and padding, luma and edges, augmentation."""

import torch
import torch.nn.functional as F

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601
EDGE = 128  # of the Sobel gradient's 0 to 1442: what counts as an edge


def to_model_range(images: torch.Tensor) -> torch.Tensor:
    """uint8 [0, 255] to float32 [-1, 1], the range of the generator's tanh."""
    return images.to(torch.float32).div_(127.5).sub_(1.0)


def to_uint8(images: torch.Tensor) -> torch.Tensor:
    """Floats in [-1, 1] to uint8 [0, 255], rounded; what lies outside is clipped."""
    return images.float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)


def center_crop(images: torch.Tensor, size: int) -> torch.Tensor:
    """The central `size` x `size` pixels of images (..., H, W)."""
    top, left = ((side - size) // 2 for side in images.shape[-2:])
    return images[..., top : top + size, left : left + size]


def pad_to(images: torch.Tensor, size: int) -> torch.Tensor:
    """Square images (..., H, W) in the middle of a canvas of `size` x `size` zeros."""
    return F.pad(images, ((size - images.shape[-1]) // 2,) * 4)


def as_saved(images: torch.Tensor, native_size: int) -> torch.Tensor:
    """Images in [-1, 1] (N, C, H, W) as a viewer would save them: uint8, cropped to the centre `native_size` pixels.

    On raw floats the flat backgrounds of such images make UQI meaningless: noise of 1e-4 decides the score.
    """
    if not images.is_floating_point() or not 1 <= native_size <= min(images.shape[-2:]):
        got = f"{images.dtype} of {tuple(images.shape)}"
        raise ValueError(f"images: needs floats in [-1, 1] of at least {native_size} pixels, got {got}")
    if not torch.isfinite(images).all():
        raise ValueError("images: have NaN or infinite values")
    low, high = images.aminmax()
    if max(-low, high) > 1 + 1 / 255:  # half a grey level: what rounds to the same byte is in [-1, 1]
        raise ValueError(f"images: go from {low:g} to {high:g}; scale them to [-1, 1] first")
    return to_uint8(center_crop(images, native_size))


def luma(images: torch.Tensor) -> torch.Tensor:
    """The luma (N, 1, H, W) of colour images (N, 3, H, W), by ITU-R BT.601, in the range that they have."""
    return (images * images.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def grey(images: torch.Tensor) -> torch.Tensor:
    """The luma of colour images, uint8 (N, 3, H, W) to uint8 (N, 1, H, W)."""
    return torch.cat([luma(batch.float()).round().to(torch.uint8) for batch in images.split(1_000)])


def edges(images: torch.Tensor) -> torch.Tensor:
    """Edges of grey images, uint8 (N, 1, H, W) to 0 or 255 of the same shape.

    An edge is where the gradient by Sobel's 3x3 kernels has a length of more than `EDGE`; at the border the image is
    continued by its last pixels.
    """
    kernel = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    kernels = torch.stack([kernel, kernel.T])[:, None]
    padded = (F.pad(batch.float(), (1, 1, 1, 1), mode="replicate") for batch in images.split(1_000))
    steep = [F.conv2d(batch, kernels).square().sum(1, keepdim=True) > EDGE**2 for batch in padded]
    return torch.cat(steep).to(torch.uint8) * 255


def augment(images: torch.Tensor, random: torch.Generator, shift: int = 4) -> torch.Tensor:
    """Shift each image by up to `shift` pixels (edges repeated) and mirror every other one on average."""
    n, _, height, width = images.shape
    padded = F.pad(images.float(), (shift,) * 4, mode="replicate").to(images.dtype)
    top, left = torch.randint(0, 2 * shift + 1, (2, n, 1, 1), generator=random)
    columns = torch.arange(width).expand(n, 1, width)
    mirrored = torch.rand(n, 1, 1, generator=random) < 0.5
    columns = torch.where(mirrored, width - 1 - columns, columns) + left
    rows = torch.arange(height)[None, :, None] + top
    return padded.permute(0, 2, 3, 1)[torch.arange(n)[:, None, None], rows, columns].permute(0, 3, 1, 2)
