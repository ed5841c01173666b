"""Image-to-image tasks: inputs and targets side by side, as single tensors.

`edges`: the edges of Fashion-MNIST's images, to the images; `edges_digits` the same of the embedded digits, which need
no data; `faces` of frames of GRID, 128x128. `colour`: CIFAR-10 in grey, to its colours.
`paired_folder`: one's own, in the layout that pix2pix users have (A|B side by side in one file), in either direction.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ganprune_utils.artifacts import resolve
from ganprune_utils.data import images, picture_files
from ganprune_utils.data.clips import paths, read_frames
from ganprune_utils.data.transforms import edges, grey
from ganprune_utils.errors import DataError, ParameterError
from ganprune_utils.parameters import DIRECTIONS, TASKS


@dataclass(frozen=True)
class Pairs:
    """`inputs` uint8 (N, A, H, W) and `targets` uint8 (N, B, H, W) of a task's split; `sha256` of both.

    `clips` (N,) says which clip a pair is from, numbered from 0: pairs of one clip are no independent samples. Pictures
    are clips of their own. `direction` is that of a folder's pairs, `notes` say what of it was left out or is in doubt.
    """

    name: str
    split: str
    inputs: torch.Tensor
    targets: torch.Tensor
    sha256: str
    clips: torch.Tensor | None = None
    direction: str = DIRECTIONS[0]
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        if self.clips is None:
            object.__setattr__(self, "clips", torch.arange(len(self.inputs)))

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def titles(self) -> tuple[str, str]:
        """What inputs and targets are, for a figure."""
        if self.name != "paired_folder":
            return "input", "target"
        halves = ("A, left half", "B, right half")[:: 1 if self.direction == "AtoB" else -1]
        return f"input ({halves[0]})", f"target ({halves[1]})"

    def to(self, device) -> "Pairs":
        """The same pairs in the memory of `device`."""
        return replace(self, inputs=self.inputs.to(device), targets=self.targets.to(device))

    def some(self, n: int) -> "Pairs":
        """About `n` of them, evenly spread over all, which lie in the order of their classes."""
        every = max(1, len(self) // n)
        clips = torch.unique(self.clips[::every], return_inverse=True)[1]
        chosen = {"inputs": self.inputs[::every], "targets": self.targets[::every], "clips": clips}
        return replace(self, **chosen, sha256=f"{self.sha256} every {every}")


def load(task: str, split: str = "train", folder=None, depth: int = 5, direction: str = DIRECTIONS[0]) -> Pairs:
    """Load a split of a task; train and test are those of the data set, or of the folder, and never mix.

    Args:
        task: one of `parameters.TASKS`.
        folder: for "paired_folder" only: <folder>/train/*.png and <folder>/test/*.png (or .jpg; `val` where there is no
            `test`), all of one size, each picture A on its left half and B on its right.
        depth: of the U-Net they are for: both sides have to be divisible by 2^depth.
        direction: "AtoB", or for "paired_folder" also "BtoA", which pix2pix takes for facades: B in, A out.

    Raises:
        ParameterError: unknown task, split or direction, a folder or direction where none belongs.
        DataError: files that are missing, unreadable, of another size or not divisible.
    """
    if task not in TASKS:
        raise ParameterError(f"task = {task!r}: unknown; allowed are {', '.join(TASKS)}")
    if split not in images.SPLITS:
        raise ParameterError(f"split = {split!r}: unknown; allowed are {', '.join(images.SPLITS)}")
    if (task == "paired_folder") != bool(folder):
        raise ParameterError(f"folder = {folder!r}: task paired_folder needs one, the others take none")
    if direction not in DIRECTIONS:
        raise ParameterError(f"direction = {direction!r}: unknown; allowed are {', '.join(DIRECTIONS)}")
    if not folder and direction != DIRECTIONS[0]:
        raise ParameterError(f"direction = {direction!r}: only task paired_folder has one")
    clips, notes = None, []
    if folder:
        inputs, targets, notes = _read_folder(folder := resolve(folder), split)
        if direction == "BtoA":
            inputs, targets = targets, inputs
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
    return Pairs(task, split, inputs, targets, digest.hexdigest(), clips, direction, tuple(notes))


def _read_clips(split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames uint8 (N, 3, 128, 128), and the clip that each is from."""
    shown = [read_frames(path) for path in paths(split)]
    clips = torch.arange(len(shown)).repeat_interleave(torch.tensor([len(frames) for frames in shown]))
    return torch.from_numpy(np.concatenate(shown)).permute(0, 3, 1, 2).contiguous(), clips


def _read_folder(folder: Path, split: str) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """A and B, uint8 (N, 3, H, W) each, and notes."""
    title = f"paired folder {folder}"
    places, notes = picture_files.find_splits(folder, title)
    if split not in places:
        raise DataError(f"{title}: has no folder {split}; the layout is <folder>/{split}/<A|B>.png")
    found = picture_files.find(places[split])
    if not found.paths:
        raise DataError(f"paired folder {found.folder}: has no pictures{found.instead()}")
    pictures = picture_files.read(found, title)
    height, width = pictures[0].shape[:2]
    for path, pixels in zip(found.paths, pictures, strict=True):
        if pixels.shape[:2] != (height, width):
            size = f"{pixels.shape[1]}x{pixels.shape[0]}"
            raise DataError(f"{title}: {found.names([path])} is {size}, the first {width}x{height}")
    if width % 2:
        raise DataError(f"{title}: pictures are {width} wide; A and B need an even width")
    halves = [[pixels[:, part] for pixels in pictures] for part in (slice(width // 2), slice(width // 2, None))]
    notes += found.notes()
    for side, half in zip("AB", halves, strict=True):
        notes += picture_files.doubts(found, half, f" of {side}")
    return *(torch.from_numpy(picture_files.stack(half, colour=True)) for half in halves), notes
