"""A training step of a U-Net in float32, its own convolutions beside the library's, and one in bfloat16, in one run.

usage: python benchmarks/convolutions.py [--ngf 64] [--rounds 9] [--threads 1]

Rounds alternate between them, so that all see the same machine; medians and ratios to the library's are printed.
bfloat16 is the library's, and only where the processor has instructions for it.
"""

import argparse
import copy
import statistics
import time
from contextlib import nullcontext
from dataclasses import replace

import torch

from ganprune_utils.models import PatchDiscriminator, UNet, convolution
from ganprune_utils.models.unet import without_dead_weights
from ganprune_utils.training import pix2pix, precision
from ganprune_utils.training.step import adam

BATCH = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ngf", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    settings = pix2pix.Settings(epochs=1, ngf=options.ngf, ndf=12, threads=options.threads)
    networks = without_dead_weights(UNet(1, 3, options.ngf), (32, 32)), PatchDiscriminator(1, 3, settings.ndf)
    given, wanted = (
        torch.randn(BATCH, channels, 32, 32).contiguous(memory_format=torch.channels_last) for channels in (1, 3)
    )
    kinds = {"library's": (convolution.library, settings), "own": (nullcontext, settings)}
    if precision.has_bfloat16():
        kinds["bfloat16"] = nullcontext, replace(settings, precision="bfloat16")
    runs, times = {}, {name: [] for name in kinds}
    for name in kinds:
        copies = [copy.deepcopy(network).to(memory_format=torch.channels_last) for network in networks]
        runs[name] = pix2pix.Run(*copies, [], 0.0), adam(*copies, settings)
    for _ in range(1 + options.rounds):  # the first warms up
        for name, (kind, chosen) in kinds.items():
            start = time.perf_counter()
            with kind():
                pix2pix.step(chosen, *runs[name], given, wanted)
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    for name, seconds in medians.items():
        ratio = seconds / medians["library's"]
        print(f"{name}: {1000 * seconds:.0f} ms a step, {BATCH / seconds:.0f} images a second, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
