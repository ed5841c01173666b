"""Seconds for `filter_groups` and `remove_filters` over depth, beside Torch-Pruning alone, in one run.

usage: python benchmarks/filters.py [--network esrgan] [--depths 8 16 32 64] [--rounds 3] [--limit 120]

The networks are chains of dense blocks (ESRGAN) or of residual blocks (ResNet), 8 channels wide, on 16x16 pixels.
Ours looks for all groups, proves each by values, removes half of the filters of each and proves that as well.
Torch-Pruning, alone, builds its graph, looks for all groups and removes half of each, and proves nothing. Seconds are
those of the process, so that other processes count less; rounds alternate, medians are printed. What takes longer than
the limit is not tried at larger depths.
"""

import argparse
import statistics
import time
import warnings

import torch
import torch_pruning
from torch import nn

from ganprune_utils import pruning


class Dense(nn.Module):
    def __init__(self, width: int = 8, growth: int = 4):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(width + i * growth, growth, 3, 1, 1) for i in range(4)])
        self.last = nn.Conv2d(width + 4 * growth, width, 3, 1, 1)

    def forward(self, x):
        seen = x
        for conv in self.convs:
            seen = torch.cat([seen, conv(seen).relu()], 1)
        return x + 0.2 * self.last(seen)


class Residual(nn.Module):
    def __init__(self, width: int = 8):
        super().__init__()
        layers = [nn.Conv2d(width, width, 3, 1, 1), nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, 1, 1)]
        self.block = nn.Sequential(*layers, nn.BatchNorm2d(width))

    def forward(self, x):
        return x + self.block(x)


BLOCKS = {"esrgan": Dense, "resnet": Residual}


def generator(network: str, depth: int) -> nn.Module:
    blocks = [BLOCKS[network]() for _ in range(depth)]
    return nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), *blocks, nn.Conv2d(8, 3, 3, 1, 1)).eval()


def ours(model: nn.Module, example: torch.Tensor) -> int:
    groups = pruning.filter_groups(model, example)
    chosen = {name: torch.arange(group.size // 2) for name, group in groups.items()}
    pruning.remove_filters(model, chosen, example, groups)
    return len(groups)


def theirs(model: nn.Module, example: torch.Tensor) -> int:
    graph = torch_pruning.DependencyGraph().build_dependency(model, example)
    groups = list(graph.get_all_groups(ignored_layers=[model[-1]]))
    for group in groups:
        filters = list(range(len(group[0].idxs) // 2))
        graph.get_pruning_group(group[0].dep.target.module, group[0].dep.handler, filters).prune()
    model(example)
    return len(groups)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=BLOCKS, default="esrgan")
    parser.add_argument("--depths", type=int, nargs="+", default=[8, 16, 32, 64])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=120.0, help="seconds")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    example, methods = torch.randn(2, 3, 16, 16), {"ours": ours, "Torch-Pruning": theirs}
    ours(generator(options.network, 1), example), theirs(generator(options.network, 1), example)
    last, left = {}, set(methods)
    for depth in options.depths:
        seconds, said = {name: [] for name in methods}, {}
        for _ in range(options.rounds):
            for name, method in methods.items():
                if name not in left or (seconds[name] and seconds[name][-1] > options.limit / options.rounds):
                    continue
                model, start = generator(options.network, depth), time.process_time()
                try:
                    said[name] = f"{method(model, example)} groups"
                except Exception as error:  # theirs may end in any
                    said[name], left = type(error).__name__, left - {name}
                seconds[name].append(time.process_time() - start)
                left -= {name} if seconds[name][-1] > options.limit else set()
        for name, found in seconds.items():
            if found:
                median = statistics.median(found)
                factor = f", {median / last[name]:.1f}x the one before" if name in last else ""
                print(f"{depth:4d} blocks  {name:14s} {median:8.2f} s  {said[name]}{factor}", flush=True)
                last[name] = median


if __name__ == "__main__":
    main()
