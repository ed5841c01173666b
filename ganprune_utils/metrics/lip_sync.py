"""How well lips follow the sound, from embeddings of a sync network, and how far they open.

Distance and confidence are defined as LSE-D and LSE-C are (Prajwal et al. 2020, after SyncNet, Chung and Zisserman
2016). They are named otherwise because the network is another, so that the values cannot be compared.
"""

import pandas as pd
import torch

REACH = 15  # frames, of the search in either direction
TOLERANCE = 1  # frames


def sync_table(video: torch.Tensor, sound: torch.Tensor, clip: torch.Tensor) -> pd.DataFrame:
    """One row per clip: clip, offset, sync_distance, sync_confidence.

    Args:
        video: embeddings (W, D) of windows of frames.
        sound: embeddings (W, 2 REACH + 1, D) of the mel windows that begin -REACH to REACH frames from each of them.
        clip: the clip of each window, (W,).

    The Euclidean distance at each offset is averaged over a clip's windows. `offset` is where it is least: by how many
    frames the sound is late. `sync_distance` is the distance there, `sync_confidence` the median over all offsets less
    it. Raises ValueError where shapes do not fit or values are not finite.
    """
    if sound.shape != (len(video), 2 * REACH + 1, video.shape[-1]) or clip.shape != video.shape[:1]:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in (video, sound, clip))
        raise ValueError(f"embeddings: need (W, D), (W, {2 * REACH + 1}, D) and clips (W,), got {shapes}")
    distances = (sound.double() - video.double()[:, None]).norm(dim=-1)
    if not torch.isfinite(distances).all():
        raise ValueError("embeddings: have NaN or infinite values")
    clips, index = clip.unique(return_inverse=True)
    means = distances.new_zeros(len(clips), distances.shape[1]).index_add_(0, index, distances)
    means = (means / index.bincount()[:, None]).cpu()
    least, at = means.min(1)
    confidence = means.median(1).values - least
    columns = {"offset": at - REACH, "sync_distance": least, "sync_confidence": confidence}
    return pd.DataFrame({"clip": clips.tolist()} | {name: column.numpy() for name, column in columns.items()})


def offset_accuracy(table: pd.DataFrame) -> float:
    """The share of clips in a `sync_table` whose offset is at most `TOLERANCE` frames from 0; those without an offset,
    because they are too short, do not count."""
    return float((table.offset.dropna().abs() <= TOLERANCE).mean())


def lower_half(frames: torch.Tensor) -> torch.Tensor:
    """The lower half of frames (..., H, W): what a talking face makes up, for `metrics.reconstruction`."""
    return frames[..., frames.shape[-2] // 2 :, :]


def opening_correlation(made: torch.Tensor, truth: torch.Tensor, clip: torch.Tensor) -> pd.Series:
    """Pearson's correlation of two lip openings (F,), by clip (F,). A still mouth follows nothing: 0."""
    frames = pd.DataFrame({"clip": clip.tolist(), "made": made.double().tolist(), "truth": truth.double().tolist()})
    if frames[["made", "truth"]].isna().any(axis=None):
        raise ValueError("lip openings: have NaN, so a frame without landmarks")
    centred = frames[["made", "truth"]] - frames.groupby("clip")[["made", "truth"]].transform("mean")
    centred = centred.where(centred.abs() > 1e-9, 0.0)  # what rounding leaves of a constant
    sums = pd.DataFrame({"both": centred.made * centred.truth, **{name: centred[name] ** 2 for name in centred}})
    sums = sums.groupby(frames["clip"]).sum()
    return (sums.both / (sums.made * sums.truth) ** 0.5).fillna(0.0).rename("opening_correlation")
