"""Pictures that vary from epoch to epoch: shifted and mirrored at random."""

import torch
import torch.nn.functional as F


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
