"""The slides' picture of one generator at four sparsities, same noise: python coursework/figures/pruned.py"""

import sys
from pathlib import Path

from ganprune_utils import load_generator, pruning
from ganprune_utils.data.transforms import as_saved
from ganprune_utils.models.sampling import draw_noise, generate
from ganprune_utils.plots.samples import image_rows

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "workflow"))
from pictures import pack  # noqa: E402

noise, rows = draw_noise(8, 100, seed=0), {}
for share in (0.0, 0.5, 0.7, 0.9):
    generator = load_generator("fashion_mnist")
    pruning.apply_masks(generator, pruning.percentage_masks(generator, share))
    rows[f"{share:.0%} gone"] = as_saved(generate(generator, noise), native_size=28)
image_rows(rows).savefig(HERE / "pruned.png")
pack(HERE / "pruned.png")
