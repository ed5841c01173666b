"""Speech as log-mel spectrograms, scaled as Wav2Lip's preprocessing does (Prajwal et al. 2020)."""

from pathlib import Path

import numpy as np
import torch

from ganprune_utils.errors import DataError, first_line

RATE = 16_000  # samples a second
HOP = 200  # samples: 80 mel frames a second
BANDS = 80
WINDOW = 800  # samples, 50 ms
LOWEST, HIGHEST = 55.0, 7_600.0  # Hz, of the bands
PREEMPHASIS = 0.97
SILENCE = -4.0  # what a mel frame of silence holds


def read_sound(path: Path) -> np.ndarray:
    """The sound of a file as mono float32 (n,) in [-1, 1] at `RATE`. Raises DataError where it has none."""
    import av  # brings FFmpeg along: only where files are read

    try:
        with av.open(str(path)) as file:
            if not file.streams.audio:
                raise DataError(f"sound {path}: has none")
            resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
            frames = [part for frame in file.decode(audio=0) for part in resampler.resample(frame)]
            parts = [frame.to_ndarray()[0] for frame in (*frames, *resampler.resample(None))]
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = f"cannot be read ({first_line(error)})"
        raise error if isinstance(error, DataError) else DataError(f"sound {path}: {reason}") from None
    return np.concatenate([np.zeros(0, np.float32), *parts])


def log_mel(sound: np.ndarray) -> torch.Tensor:
    """Log-mel spectrogram float32 (1 + n // HOP, BANDS) of mono sound (n,) at `RATE`, in [-4, 4].

    Frame i is centred on sample i * HOP. 20 log10 of the mel amplitude, less 20 dB; -100 to 0 dB become -4 to 4.
    """
    sound = torch.from_numpy(np.asarray(sound, np.float32))
    sound = torch.cat([sound[:1], sound[1:] - PREEMPHASIS * sound[:-1]])
    window = torch.hann_window(WINDOW)
    spectrum = torch.stft(sound, WINDOW, HOP, window=window, pad_mode="constant", return_complex=True).abs()
    decibels = 20 * (_filters() @ spectrum).clamp(min=1e-5).log10() - 20
    return (8 * (decibels + 100) / 100 - 4).clamp(-4, 4).T.contiguous()


def _filters() -> torch.Tensor:
    """Triangular filters (BANDS, WINDOW // 2 + 1) on Slaney's mel scale, each of area 1, as librosa's default."""

    def to_mel(hertz):  # linear below 1 kHz, logarithmic above
        return np.where(
            hertz < 1_000, 3 * hertz / 200, 15 + 27 * np.log(np.maximum(hertz, 1_000) / 1_000) / np.log(6.4)
        )

    def to_hertz(mel):
        return np.where(mel < 15, 200 * mel / 3, 1_000 * np.exp((mel - 15) * np.log(6.4) / 27))

    edges = to_hertz(np.linspace(to_mel(LOWEST), to_mel(HIGHEST), BANDS + 2))[:, None]
    hertz = np.linspace(0, RATE / 2, WINDOW // 2 + 1)
    rising = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])
    return torch.from_numpy(filters.astype(np.float32))
