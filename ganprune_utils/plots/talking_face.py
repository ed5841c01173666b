"""Figures of talking faces: windows of lips and sound, what the sync networks find, and strips of generated frames."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator
from PIL import Image, ImageDraw

from ganprune_utils.analysis.equal_cost import cost_name
from ganprune_utils.data.clip_files import LENGTH, SIZE
from ganprune_utils.data.clips import Clips, frame_window, mel_window
from ganprune_utils.metrics.lip_sync import REACH, TOLERANCE
from ganprune_utils.plots.samples import image_rows
from ganprune_utils.plots.style import legend_below, titled
from ganprune_utils.pruning.at_cost import METHODS, MORE_METHODS
from ganprune_utils.training.landmarks import find

NETWORKS = {"expert": "#0072B2", "judge": "#D55E00"}
COLOURS = ("#56B4E9", "#0072B2", "#E69F00", "#D55E00", "#000000")  # of the costs, in their order
MARKERS = "o^sDv"
PERCENT = [-10, -5, 0, 5, 10, 30, 100, 300, 1000]
LOSSES = {"InfoNCE": "#0072B2", "published": "#D55E00"}


def windows(clips: Clips, clip: int, n: int = 3) -> Figure:
    """`n` windows of a clip: five frames, and the mel spectrogram of the same 0.2 s beneath them."""
    count = int(clips.frame_starts[clip + 1] - clips.frame_starts[clip])
    figure, axes = plt.subplots(2, n, figsize=(3.6 * n, 2.6), height_ratios=(1, 1.6), squeeze=False)
    for (above, below), frame in zip(axes.T, count * (1 + torch.arange(n)) // (n + 1), strict=True):
        at = torch.tensor([clip]), frame[None]
        above.imshow(_side_by_side(frame_window(clips, *at)[0]))
        above.set_title(f"frames {int(frame)} to {int(frame) + LENGTH - 1}", fontsize=9)
        above.set_axis_off()
        below.imshow(mel_window(clips, *at)[0], origin="lower", aspect="auto", extent=(0, 0.2, 0, 80))
        below.grid(False)
        below.set_xlabel("seconds")
    axes[1, 0].set_ylabel("mel band")
    return figure


def offsets(found: pd.Series) -> Figure:
    """How many clips were found at which offset, a panel per split; `found` has levels network and split."""
    splits = found.index.unique("split")
    figure, axes = plt.subplots(1, len(splits), figsize=(4 * len(splits), 2.6), squeeze=False, sharex=True)
    edges = np.arange(-REACH, REACH + 2) - 0.5
    for axis, split in zip(axes[0], splits, strict=True):
        own = found.xs(split, level="split")
        values = {name: own.loc[name] for name in NETWORKS if name in own.index.unique("network")}
        colours = [NETWORKS[name] for name in values]
        axis.hist(list(values.values()), edges, color=colours, label=list(values))
        axis.axvspan(-TOLERANCE - 0.5, TOLERANCE + 0.5, color="0.9", zorder=0)
        axis.set(title=split, xlabel="offset found (frames)", ylabel="clips")
    legend_below(figure, {})
    return figure


def losses(curves: dict[str, pd.Series], steps: int) -> Figure:
    """Losses over that of guessing; each curve's points lie evenly over the `steps`."""
    figure, axis = plt.subplots(figsize=(5, 2.8))
    for name, curve in curves.items():
        x = steps * np.arange(1, len(curve) + 1) / len(curve)
        axis.plot(x, curve, color=LOSSES[name], marker="o", markersize=3)
        axis.text(x[-1], curve.iloc[-1], f" {name}", color=LOSSES[name], va="center")
    axis.axhline(1, color="black", linestyle=":", linewidth=1.2)
    axis.set(xlabel="training steps", ylabel="loss over that of guessing", ylim=(0, 1.2), xlim=(0, 1.22 * steps))
    return figure


def mouths(network, clips: Clips, n: int = 8) -> Figure:
    """Lower halves of `n` frames with the mouth's landmarks, known (white) and found (orange)."""
    chosen = torch.arange(n) * len(clips.frames) // n
    frames, known = clips.frames[chosen], SIZE * clips.landmarks[chosen]
    found = SIZE * find(network, frames)
    figure, axes = plt.subplots(1, n, figsize=(1.5 * n, 1.2))
    for axis, frame, *points in zip(axes, frames, known, found, strict=True):
        axis.imshow(frame.permute(1, 2, 0))
        for (x, y), colour in zip((part.T for part in points), ("white", "#E69F00"), strict=True):
            axis.plot(x, y, ".", color=colour, markersize=2.5)
        axis.set(ylim=(SIZE, SIZE / 2))
        axis.set_axis_off()
    return figure


PARTS = {"face": "#0072B2", "audio": "#D55E00", "decoder": "#009E73", "output": "#666666"}


def parting(damage: pd.DataFrame) -> Figure:
    """Damage to sync over damage to the picture (logarithmic beyond 10 %), a point per layer, at the highest ratio; a
    panel as pruned and one fine-tuned. `damage` is that of `analysis.talking_face.damage`."""
    own = damage.xs(damage.index.unique("ratio").max(), level="ratio")
    figure, axes = plt.subplots(1, 2, figsize=(8.4, 3.6))
    for axis, (after, title) in zip(axes, ((False, "as pruned"), (True, "fine-tuned")), strict=True):
        for layer, row in own.xs(after, level="fine_tuned").iterrows():
            part = layer.split(".")[0]
            axis.plot(row.picture, row.sync, "o", color=PARTS[part], markersize=4, label=f"{part} layers")
            axis.annotate(layer.removeprefix(f"{part}."), (row.picture, row.sync), (3, 2), fontsize=7,
                          textcoords="offset points", color=PARTS[part])  # fmt: skip
        axis.set(title=title, xlabel="rise of L1 (%)", ylabel="fall of sync confidence (%)")
        _spread(axis)
    legend_below(figure, {})
    return figure


def task(faces: torch.Tensor, wanted: torch.Tensor) -> Figure:
    """What goes in, and what should come out: a row each of pictures (N, 6, 96, 96) and (N, 3, 96, 96) in [0, 1]."""
    rows = {"masked frame": faces[:, :3], "reference": faces[:, 3:], "wanted": wanted}
    return image_rows({name: (255 * shown).round().to(torch.uint8) for name, shown in rows.items()})


def training(history: pd.DataFrame) -> Figure:
    """L1 and sync loss by epoch; `history` has them as columns."""
    figure, axes = plt.subplots(1, 2, figsize=(6.4, 2.6))
    for axis, (name, title) in zip(axes, (("l1", "L1"), ("sync_loss", "sync loss, 1 - cosine")), strict=True):
        axis.plot(history.index, history[name], marker="o", markersize=3, color="black")
        axis.set(title=title, xlabel="epoch", ylim=(0, None))
    return figure


def strip_of(clips: Clips, rows: dict[str, torch.Tensor], clip: int, every: int = 3, n: int = 12) -> Figure:
    """`strip` of the middle of a clip: at most `n` frames, each `every`-th, of frames (F, 3, 96, 96) of all clips."""
    first, last = clips.frame_starts[clip : clip + 2].tolist()
    n = min(n, (last - first) // every)
    middle = first + (last - first - n * every) // 2
    mel = mel_window(clips, torch.full((n * every,), clip), torch.arange(n * every) + middle - first)
    loudness = (10 ** (mel[..., :3] / 4)).mean((1, 2))  # of the time of one frame
    return strip({name: frames[middle : middle + n * every] for name, frames in rows.items()}, loudness, every)


def strip(rows: dict[str, torch.Tensor], sound, every: int = 1) -> Figure:
    """Rows of lower halves over time, name -> uint8 (n, 3, 96, 96), beneath how loud the same moments are."""
    n = len(next(iter(rows.values()))[::every])
    figure, axes = plt.subplots(
        len(rows) + 1, 1, figsize=(0.8 * n + 1.2, 0.43 * len(rows) + 0.7), height_ratios=[1.3] + [1] * len(rows)
    )
    axes[0].fill_between(np.arange(len(sound)), sound, -sound, color="0.3", linewidth=0)
    axes[0].set_xlim(0, len(sound))
    axes[0].set_axis_off()
    for axis, (name, frames) in zip(axes[1:], rows.items(), strict=True):
        axis.imshow(_side_by_side(frames[::every, :, SIZE // 2 :]), aspect="auto")
        axis.set_ylabel(titled(name), rotation=0, ha="right", va="center")
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
        axis.spines[:].set_visible(False)
    return figure


def animate(rows: dict[str, torch.Tensor], path, rate: int = 25) -> None:
    """Faces side by side as an animated WebP file: name -> uint8 frames (F, 3, 96, 96), `rate` a second."""
    label = 14
    canvas = np.full((min(map(len, rows.values())), SIZE + label, SIZE * len(rows), 3), 255, np.uint8)
    for i, frames in enumerate(rows.values()):
        canvas[:, label:, i * SIZE : (i + 1) * SIZE] = frames[: len(canvas)].permute(0, 2, 3, 1)
    pictures = [Image.fromarray(frame) for frame in canvas]
    for picture in pictures:
        for i, name in enumerate(rows):
            ImageDraw.Draw(picture).text((i * SIZE + SIZE / 2, label / 2), titled(name), fill="black", anchor="mm")
    first, *others = pictures
    first.save(path, save_all=True, append_images=others, duration=1000 // rate, loop=0, quality=70)


def equal_cost(kept: pd.DataFrame, margin: float) -> Figure:
    """Changes of picture and sync against the dense network: methods in rows, a colour and a marker for each cost.

    Dotted is the `margin` within which nothing counts as lost; L1 is logarithmic beyond 10 %. `kept` is that of
    `analysis.talking_face`.
    """
    names = [name for name in METHODS + MORE_METHODS if name in set(kept.method)]
    costs = list(kept.groupby(["measure", "target"], sort=False))
    figure, axes = plt.subplots(1, 2, figsize=(7.5, 0.5 * len(names) + 1.4), sharey=True)
    panels = {"picture": ("rise of L1 (%)", 100 * margin), "sync": ("change of sync confidence (%)", -100 * margin)}
    for axis, (name, (title, limit)) in zip(axes, panels.items(), strict=True):
        for i, (cost, own) in enumerate(costs):
            y = own.method.map(names.index) + 0.7 * (i + 0.5 - len(costs) / 2) / len(costs)
            value = 100 * own[name]
            around = [value - 100 * own[f"{name}_low"], 100 * own[f"{name}_high"] - value]
            look = {"color": COLOURS[i], "marker": MARKERS[i], "label": cost_name(*cost)}
            axis.errorbar(value, y, xerr=around, linestyle="", markersize=4.5, elinewidth=1, **look)
        axis.axvline(0, color="black", linewidth=0.8)
        axis.axvline(limit, color="black", linestyle=":", linewidth=1)
        axis.set(xlabel=title, yticks=range(len(names)), yticklabels=map(titled, names))
    _spread(axes[0])
    axes[0].set(ylim=(len(names) - 0.5, -0.5), xlim=(min(-2, 130 * kept.picture_low.min()), None))
    legend_below(figure, {}, ncols=3)
    return figure


def _spread(axis) -> None:
    """Percent from left to right: linear up to 10, logarithmic beyond."""
    axis.set_xscale("symlog", linthresh=10)
    axis.xaxis.set_major_locator(FixedLocator(PERCENT))
    axis.xaxis.set_major_formatter("{x:g}")


def _side_by_side(frames: torch.Tensor) -> torch.Tensor:
    return frames.permute(2, 0, 3, 1).flatten(1, 2)
