"""Image-to-image tasks: inputs and targets side by side, as single tensors.

`edges`: the edges of Fashion-MNIST's images, to the images; `edges_digits` the same of the embedded digits, which need
no data; `faces` of frames of GRID, 128x128. `colour`: CIFAR-10 in grey, to its colours.
`paired_folder`: one's own, in the layout that pix2pix users have (A|B side by side in one file).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ganprune_utils.data import images
from ganprune_utils.data.clips import paths, read_frames
from ganprune_utils.data.transforms import edges, grey
from ganprune_utils.errors import DataError, ParameterError
from ganprune_utils.parameters import TASKS


@dataclass(frozen=True)
class Pairs:
    """`inputs` uint8 (N, A, H, W) and `targets` uint8 (N, B, H, W) of a task's split; `sha256` of both.

    `clips` (N,) says which clip a pair is from, numbered from 0: pairs of one clip are no independent samples. Pictures
    are clips of their own.
    """

    name: str
    split: str
    inputs: torch.Tensor
    targets: torch.Tensor
    sha256: str
    clips: torch.Tensor | None = None

    def __post_init__(self):
        if self.clips is None:
            object.__setattr__(self, "clips", torch.arange(len(self.inputs)))

    def __len__(self) -> int:
        return len(self.inputs)

    def some(self, n: int) -> "Pairs":
        """About `n` of them, evenly spread over all, which lie in the order of their classes."""
        every = max(1, len(self) // n)
        clips = torch.unique(self.clips[::every], return_inverse=True)[1]
        tensors = self.inputs[::every], self.targets[::every]
        return Pairs(self.name, self.split, *tensors, f"{self.sha256} every {every}", clips)


def load(task: str, split: str = "train", folder=None, depth: int = 5) -> Pairs:
    """Load a split of a task; train and test are those of the data set, or of the folder, and never mix.

    Args:
        task: one of `parameters.TASKS`.
        folder: for "paired_folder" only: <folder>/train/*.png and <folder>/test/*.png (or .jpg), all of one size, each
            picture A on its left half and B on its right.
        depth: of the U-Net they are for: both sides have to be divisible by 2^depth.

    Raises:
        ParameterError: unknown task or split, a folder where none belongs.
        DataError: files that are missing, unreadable, of another size or not divisible.
    """
    if task not in TASKS:
        raise ParameterError(f"task = {task!r}: unknown; allowed are {', '.join(TASKS)}")
    if split not in images.SPLITS:
        raise ParameterError(f"split = {split!r}: unknown; allowed are {', '.join(images.SPLITS)}")
    if (task == "paired_folder") != bool(folder):
        raise ParameterError(f"folder = {folder!r}: task paired_folder needs one, the others take none")
    clips = None
    if folder:
        inputs, targets = _read_folder(Path(folder).expanduser(), split)
    elif task == "faces":
        targets, clips = _read_clips(split)
        inputs = edges(grey(targets))
    else:
        targets = images.load(TASKS[task], split).images
        inputs = grey(targets) if task == "colour" else edges(targets)
    height, width = targets.shape[-2:]
    if height % 2**depth or width % 2**depth:
        needed = f"a U-Net of depth {depth} needs sides divisible by {2**depth}"
        raise DataError(f"{f'paired folder {folder}' if folder else task}: pictures of {width}x{height}; {needed}")
    digest = hashlib.sha256(f"{tuple(inputs.shape)} {tuple(targets.shape)}".encode())
    for tensor in (inputs, targets):
        digest.update(tensor.numpy().tobytes())
    return Pairs(task, split, inputs, targets, digest.hexdigest(), clips)


def _read_clips(split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames uint8 (N, 3, 128, 128), and the clip that each is from."""
    shown = [read_frames(path) for path in paths(split)]
    clips = torch.arange(len(shown)).repeat_interleave(torch.tensor([len(frames) for frames in shown]))
    return torch.from_numpy(np.concatenate(shown)).permute(0, 3, 1, 2).contiguous(), clips


def _read_folder(folder: Path, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    where = folder / split
    if not where.is_dir():
        raise DataError(f"paired folder {folder}: has no folder {split}; the layout is <folder>/{split}/<A|B>.png")
    paths = sorted(path for path in where.iterdir() if path.suffix.lower() in images.IMAGE_SUFFIXES)
    if not paths:
        raise DataError(f"paired folder {where}: has no pictures")
    title = f"paired folder {folder}"
    pictures = [
        images.open_picture(path, lambda picture: np.asarray(picture.convert("RGB")), f"{title}: {path.name}")
        for path in paths
    ]
    height, width = pictures[0].shape[:2]
    for path, picture in zip(paths, pictures, strict=True):
        if picture.shape != pictures[0].shape:
            size = f"{picture.shape[1]}x{picture.shape[0]}"
            raise DataError(f"{title}: {path.name} is {size}, the first {width}x{height}")
    if width % 2:
        raise DataError(f"{title}: pictures are {width} wide; A and B need an even width")
    whole = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return tuple(half.contiguous() for half in whole.split(width // 2, dim=-1))
