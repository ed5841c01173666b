"""Milliseconds for UQI, SSIM and MS-SSIM on 250 pairs: batched in torch beside a loop over sewar, in one run.

usage: python benchmarks/similarity.py [--rounds 5] [--threads 2]
"""

import argparse
import statistics
import time

import numpy as np
import sewar
import torch

from ganprune_utils.metrics.similarity import TWO_SCALES, ms_ssim, ssim, uqi


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 256, (250, 28, 28), dtype=np.uint8) for _ in range(2))
    x, y = torch.from_numpy(a)[:, None], torch.from_numpy(b)[:, None]
    weights = list(TWO_SCALES)
    pairs = {
        "UQI": (lambda: uqi(x, y, data_range=255), lambda: [sewar.uqi(i, j) for i, j in zip(a, b, strict=True)]),
        "SSIM": (
            lambda: ssim(x, y, data_range=255),
            lambda: [sewar.ssim(i, j, MAX=255) for i, j in zip(a, b, strict=True)],
        ),
        "MS-SSIM": (
            lambda: ms_ssim(x, y, data_range=255),
            lambda: [sewar.msssim(i, j, weights=weights, MAX=255) for i, j in zip(a, b, strict=True)],
        ),
    }
    for name, functions in pairs.items():
        times = [[], []]
        for _ in range(options.rounds):
            for function, found in zip(functions, times, strict=True):
                start = time.perf_counter()
                function()
                found.append(1000 * (time.perf_counter() - start))
        ours, theirs = (statistics.median(found) for found in times)
        print(f"{name:8s} ours {ours:7.1f} ms, sewar's loop {theirs:7.1f} ms, {theirs / ours:.0f}x")


if __name__ == "__main__":
    main()
