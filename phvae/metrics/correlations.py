"""Correlations of columns."""

from __future__ import annotations

import numpy as np

__all__ = ["correlations"]


def correlations(x: np.ndarray) -> np.ndarray:
    """Pearson's, of all pairs of the columns of (n, D): (D, D); 0 of a column that is constant, up to rounding.

    >>> correlations(np.array([[0.0, 1.0, 7.0], [1.0, -1.0, 7.0]])).tolist()
    [[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    deviation = x.std(axis=0)
    varies = deviation > 1e-12 * np.abs(x).max(axis=0)
    scaled = np.where(varies, (x - x.mean(axis=0)) / np.where(varies, deviation, 1.0), 0.0)
    found: np.ndarray = scaled.T @ scaled / len(x)
    return found
