"""Images per second of the study's training loop beside the plain PyTorch example loop, same network, in one run.

usage: python benchmarks/training.py [--batches 40] [--rounds 5] [--threads 2]

The plain loop is what the PyTorch DCGAN tutorial does: a DataLoader with per-sample transforms, float32. Rounds
alternate between the loops, so that both see the same machine; medians and their ratio are printed.
"""

import argparse
import statistics
import tempfile
import time

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from ganprune_utils.models.dcgan import Discriminator, Generator
from ganprune_utils.training import dcgan

BATCH = 128


class Pictures(Dataset):
    """Images as arrays with a transform each, as torchvision's data sets hold them."""

    def __init__(self, arrays):
        self.arrays = arrays
        self.transform = transforms.Compose(
            [transforms.ToPILImage(), transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))]
        )

    def __len__(self):
        return len(self.arrays)

    def __getitem__(self, index):
        return self.transform(self.arrays[index])


def plain_loop(arrays) -> float:
    loader = DataLoader(Pictures(arrays), batch_size=BATCH, shuffle=True)
    generator, discriminator = Generator(), Discriminator()
    adam_g = torch.optim.Adam(generator.parameters(), 3e-4, (0.5, 0.999))
    adam_d = torch.optim.Adam(discriminator.parameters(), 1e-4, (0.5, 0.999))
    loss = nn.BCEWithLogitsLoss()
    start = time.perf_counter()
    for real in loader:
        ones, zeros = torch.ones(len(real)), torch.zeros(len(real))
        discriminator.zero_grad()
        loss(discriminator(real), ones).backward()
        fake = generator(torch.randn(len(real), 100, 1, 1))
        loss(discriminator(fake.detach()), zeros).backward()
        adam_d.step()
        generator.zero_grad()
        loss(discriminator(fake), ones).backward()
        adam_g.step()
    return len(arrays) / (time.perf_counter() - start)


def study_loop(images, precision, threads) -> float:
    settings = dcgan.Settings(1, 3e-4, 1e-4, precision=precision, threads=threads)
    with tempfile.TemporaryDirectory() as folder:
        *_, run = dcgan.train(settings, images, folder, "benchmark")
    return len(images) / run.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    arrays = np.random.default_rng(0).integers(0, 256, (options.batches * BATCH, 32, 32, 1), dtype=np.uint8)
    images = torch.from_numpy(arrays).permute(0, 3, 1, 2).contiguous()
    loops = {
        "plain loop, float32": lambda: plain_loop(arrays),
        "study, float32": lambda: study_loop(images, "float32", options.threads),
        "study, bfloat16": lambda: study_loop(images, "bfloat16", options.threads),
    }
    speeds = {name: [] for name in loops}
    for _ in range(options.rounds):
        for name, loop in loops.items():
            speeds[name].append(loop())
    reference = statistics.median(speeds["plain loop, float32"])
    for name, values in speeds.items():
        median = statistics.median(values)
        print(
            f"{name:22s} {median:6.0f} images/s (from {min(values):.0f} to {max(values):.0f}), "
            f"{median / reference:.2f}x"
        )


if __name__ == "__main__":
    main()
