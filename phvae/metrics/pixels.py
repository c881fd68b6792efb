"""Images and their reconstructions as pixels in [0, 1], and the squared error of each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

__all__ = ["errors", "pairs"]

CHUNK = 500  # images converted to floats at a time


def pairs(x: np.ndarray, y: np.ndarray, chunk: int = CHUNK) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Chunks of two equally shaped uint8 sets as float32 in [0, 1]."""
    if x.shape != y.shape:
        raise ValueError(f"images have shape {x.shape}, reconstructions {y.shape}: they must be equal")
    for start in range(0, len(x), chunk):
        yield _unit(x[start : start + chunk]), _unit(y[start : start + chunk])


def _unit(images: np.ndarray) -> np.ndarray:
    """Pixels in [0, 1], float32: uint8 over 255, anything else as it is."""
    return np.asarray(images, dtype=np.float32) / (255.0 if images.dtype == np.uint8 else 1.0)


def errors(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mean squared error of every image, (N,)."""
    return np.concatenate([((a - b) ** 2).mean(axis=(1, 2, 3), dtype=np.float64) for a, b in pairs(x, y)])
