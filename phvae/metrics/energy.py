"""The energy distance."""

from __future__ import annotations

import numpy as np

from phvae.metrics.rows import at_least

__all__ = ["energy"]


def energy(x: np.ndarray, y: np.ndarray) -> float:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'|, unbiased (Székely and Rizzo 2013): below 0 by chance for equal laws.

    Args:
        x: (n, D).
        y: (m, D).

    >>> energy(np.array([[0.0], [1.0]]), np.array([[3.0], [4.0]]))
    4.0

    Raises:
        Undefined: fewer than two points in either set.
    """
    at_least(2, min(len(x), len(y)), "points of a set for the energy distance")
    from scipy.spatial.distance import cdist, pdist

    return float(2 * cdist(x, y).mean() - pdist(x).mean() - pdist(y).mean())
