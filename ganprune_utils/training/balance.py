"""The balance of the two networks while they train: its ratio, and alarms when it is lost."""

import math

import torch


def balance_ratio(samples: list[tuple[float, float, float]]) -> float:
    """The balance ratio of ADAPT: [D(G_after) - D(G_before)] / [D(x) - D(G_before)].

    `samples` are mean D(x), D(G(z)) before and D(G(z)) after a step of the generator, D the same; the ratio is of their
    means. 0: the step changes nothing; 1: it takes D all the way to what it says of real images. ADAPT holds it between
    0.45 and 0.55.
    """
    d_real, before, after = (sum(values) / len(samples) for values in zip(*samples, strict=True))
    return (after - before) / (d_real - before) if d_real != before else math.nan


@torch.no_grad()
def discriminator_means(generator, discriminator, noise, real, autocast) -> tuple[float, float]:
    """Mean D(x) and D(G(z)), batch statistics as in training, running statistics untouched."""
    buffers = [*generator.buffers(), *discriminator.buffers()]
    before = [buffer.clone() for buffer in buffers]
    with autocast():
        means = tuple(discriminator(x).float().sigmoid().mean().item() for x in (real, generator(noise)))
    for buffer, value in zip(buffers, before, strict=True):
        buffer.copy_(value)
    return means


def alarms(record: dict, start: dict) -> list[str]:
    """What is wrong after a round: the generator has collapsed, or the discriminator wins.

    `start` is what was measured of the dense generator. Collapse: fewer than half of the classes that it covered, or
    less than half of its coverage of the real images (Naeem et al. 2020).
    """
    lines = []
    if "classes" in record and record["classes"] < start["classes"] / 2:
        lines.append(f"mode collapse: {record['classes']:.0f} classes covered, {start['classes']:.0f} before pruning")
    if "coverage" in record and record["coverage"] < start["coverage"] / 2:
        lines.append(f"mode collapse: coverage {record['coverage']:.3f}, {start['coverage']:.3f} before pruning")
    return lines + discriminator_alarm(record)


def discriminator_alarm(record: dict) -> list[str]:
    """That the discriminator wins, where mean D(x) and D(G(z)) say so."""
    if record["d_real"] > 0.95 and record["d_fake"] < 0.05:
        return ["the discriminator wins: it tells real from generated almost perfectly"]
    return []


def round_line(record: dict, start: dict) -> str:
    """One line a round, for a log; alarms stand at its end in capitals."""
    size = f"compression {record['compression']:.1f}" if record["compression"] > 1.005 else "dense"
    shown = ("distance", "frechet", "coverage", "classes")
    quality = "".join(f", {name} {record[name]:.3g}" for name in shown if name in record)
    warned = "".join(f"  ALARM {alarm}" for alarm in alarms(record, start))
    losses = f"loss G {record['loss_generator']:.2f}, D {record['loss_discriminator']:.2f}"
    logits = f"D(x) {record['d_real']:.2f}, D(G(z)) {record['d_fake']:.2f}, balance {record['balance']:.2f}"
    return f"round {record['round']} ({size}): {losses}, {logits}{quality}{warned}"
