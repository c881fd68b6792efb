"""Images by spatial frequency: power in three radial bands, and sharpness."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from phvae.metrics.rows import Undefined

__all__ = ["BANDS", "EDGES", "band_power", "laplacian_variance"]

BANDS = ("low", "mid", "high")
EDGES = (1 / 6, 1 / 3)  # thirds of the Nyquist frequency, cycles a pixel


@lru_cache(maxsize=16)
def _weights(height: int, width: int) -> np.ndarray:
    """(3, H, W // 2 + 1): how often each half-plane coefficient counts in each band, over H * W."""
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    # the half plane leaves out the conjugates of all columns but the first and, for even widths, the last
    count = np.full(radius.shape, 2.0)
    count[:, 0] = 1
    if width % 2 == 0:
        count[:, -1] = 1
    band = np.digitize(radius, EDGES)
    return np.stack([np.where(band == b, count, 0.0) for b in range(3)]) / (height * width)


def band_power(images: np.ndarray) -> np.ndarray:
    """Power in the low, mid and high band, (3,) float64: its sum is the sum of squares of all pixels (Parseval).

    The bands are rings of radial frequency with edges at 1/6 and 1/3 cycles a pixel; `low` holds the mean.

    Args:
        images: (N, C, H, W), real.

    >>> x = np.indices((1, 1, 8, 8)).sum(0) % 2 * 2.0 - 1  # a chessboard: the highest frequency
    >>> band_power(x).round(6).tolist()
    [0.0, 0.0, 64.0]
    """
    from scipy.fft import rfft2

    height, width = images.shape[-2:]
    power = np.abs(rfft2(images, axes=(-2, -1))) ** 2
    total = power.reshape(-1, *power.shape[-2:]).sum(axis=0, dtype=np.float64)
    return np.einsum("bhw,hw->b", _weights(height, width), total)


def laplacian_variance(images: np.ndarray) -> float:
    """Mean over images and channels of the variance of the Laplacian (Pech-Pacheco et al. 2000, eq. 1).

    Args:
        images: (N, C, H, W); the four-neighbour Laplacian is taken where all neighbours exist.

    Raises:
        Undefined: fewer than 3 x 3 pixels.
    """
    if min(images.shape[-2:]) < 3:
        raise Undefined(f"the Laplacian needs 3 x 3 pixels, found {images.shape[-2]} x {images.shape[-1]}")
    centre = images[..., 1:-1, 1:-1]
    sides = images[..., :-2, 1:-1] + images[..., 2:, 1:-1] + images[..., 1:-1, :-2] + images[..., 1:-1, 2:]
    return float((sides - 4 * centre).var(axis=(-2, -1), dtype=np.float64).mean())
