"""The Wasserstein-1 distance of two samples, on a line and over projections."""

from __future__ import annotations

import numpy as np

from phvae.determinism.seeding import numpy_generator

__all__ = ["PROJECTIONS", "directions", "sliced_w1", "w1"]

PROJECTIONS = 64


def directions(dimensions: int, count: int = PROJECTIONS) -> np.ndarray:
    """Fixed unit vectors, (count, dimensions): evenly spaced angles in the plane, seeded normals elsewhere."""
    if dimensions == 2:
        angles = np.pi * (np.arange(count) + 0.5) / count
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = numpy_generator(0, "directions", dimensions).standard_normal((count, dimensions))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def sliced_w1(x: np.ndarray, y: np.ndarray) -> float:
    """Mean over 64 fixed projections of the Wasserstein-1 distance of two samples (Rabin et al. 2011).

    Args:
        x: (n, D) samples.
        y: (m, D) samples, n and m free.

    >>> round(sliced_w1(np.zeros((2, 2)), np.array([[1.0, 0.0]])), 3)  # mean of |cos|, 2/pi
    0.637
    """
    lines = directions(x.shape[1])
    pairs = zip(np.sort(lines @ x.T, axis=1), np.sort(lines @ y.T, axis=1), strict=True)
    return float(np.mean([w1(one, two) for one, two in pairs]))


def w1(x: np.ndarray, y: np.ndarray) -> float:
    """The distance of two ascending samples, (n,) and (m,), in their unit (Villani 2009, ch. 6).

    >>> w1(np.array([0.0, 1.0]), np.array([0.0, 3.0]))
    1.0
    """
    if len(x) == len(y):
        return float(np.mean(np.abs(x - y)))
    both = np.sort(np.concatenate([x, y]))
    f = np.searchsorted(x, both[:-1], side="right") / len(x)
    g = np.searchsorted(y, both[:-1], side="right") / len(y)
    return float(np.sum(np.abs(f - g) * np.diff(both)))
