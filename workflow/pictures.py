"""Pictures in fewer bytes: curves and grey pictures keep 256 colours, others all of theirs.

usage: python workflow/pictures.py NOTEBOOK_OR_PNG...
"""

import base64
import io
import sys
from pathlib import Path

import nbformat
import numpy as np
from PIL import Image

from ganprune_utils.artifacts import write_atomic

UNSEEN = 2.0  # of 255: mean difference of a pixel below which a palette is taken for the picture itself


def lighter(picture: bytes) -> bytes:
    """The PNG `picture` without its alpha channel and, where that changes it by less than `UNSEEN`, as a palette."""
    full = Image.open(io.BytesIO(picture)).convert("RGB")
    few = full.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=4, dither=Image.Dither.NONE)
    difference = np.abs(np.asarray(few.convert("RGB"), dtype=int) - np.asarray(full, dtype=int))
    packed = io.BytesIO()
    (few if difference.mean() < UNSEEN else full).save(packed, "PNG", optimize=True)
    return min(packed.getvalue(), picture, key=len)


def pack(path: Path) -> None:
    """Make a PNG, or every picture in an executed notebook, lighter. Once is enough: again changes nothing."""
    if path.suffix == ".png":
        write_atomic(path, lighter(path.read_bytes()))
        return
    notebook = nbformat.read(path, nbformat.NO_CONVERT)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                data["image/png"] = base64.b64encode(lighter(base64.b64decode(data["image/png"]))).decode()
    write_atomic(path, nbformat.writes(notebook) + "\n")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        pack(Path(name))
