"""Factors drawn uniformly and codes made of them, for tests of disentanglement scores."""

from __future__ import annotations

import numpy as np


def draw_factors(sizes: tuple[int, ...], n: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.stack([generator.integers(0, size, n) for size in sizes], axis=1)


def standardised(factors: np.ndarray) -> np.ndarray:
    return (factors - factors.mean(axis=0)) / factors.std(axis=0)


def normal(shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def rotation(size: int, seed: int) -> np.ndarray:
    return np.linalg.qr(normal((size, size), seed))[0]


def every_third_is_whole(values: np.ndarray, frequent: int = 20) -> bool:
    """Whether each third of the rows (N,) or (N, F) holds every value that occurs at least `frequent` times."""
    for column in values.reshape(len(values), -1).T:
        found, counts = np.unique(column, return_counts=True)
        wanted = set(found[counts >= frequent].tolist())
        assert wanted, "no value is frequent: nothing was tried"
        if any(wanted - set(third.tolist()) for third in np.array_split(column, 3)):
            return False
    return True
