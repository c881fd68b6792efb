"""The maximum mean discrepancy with a Gaussian kernel."""

from __future__ import annotations

import numpy as np

from phvae.metrics.rows import Undefined

__all__ = ["bandwidth", "mmd2"]


def _squared(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared distances, (n, m)."""
    squares = (x**2).sum(1)[:, None] + (y**2).sum(1)[None, :] - 2 * (x @ y.T)
    return np.maximum(squares, 0.0)


def bandwidth(x: np.ndarray) -> float:
    """The median distance between the first 1,000 of x, (n, D): the usual width of the kernel.

    Raises:
        Undefined: fewer than two points, or more than half of the pairs coincide.
    """
    x = np.asarray(x, dtype=np.float64)[:1_000]
    if len(x) < 2:
        raise Undefined(f"a kernel's width needs 2 points, found {len(x)}")
    width = float(np.sqrt(np.median(_squared(x, x)[np.triu_indices(len(x), 1)])))
    if width == 0:
        raise Undefined("the median distance of the points is 0: no width for the kernel")
    return width


def mmd2(x: np.ndarray, y: np.ndarray, width: float) -> float:
    """The unbiased estimate of the squared MMD, kernel exp(-d^2 / (2 width^2)) (Gretton et al. 2012, eq. 3).

    It may be slightly negative for samples of one distribution.

    Args:
        x: (n, D).
        y: (m, D).
        width: of the kernel, in units of x.

    >>> import math
    >>> x = np.array([[0.0], [1.0]])
    >>> math.isclose(mmd2(x, x + 3, 1.0), 2 * math.exp(-0.5)
    ...     - (2 * math.exp(-4.5) + math.exp(-8) + math.exp(-2)) / 2)
    True

    Raises:
        Undefined: fewer than two points in either set.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    n, m = len(x), len(y)
    if min(n, m) < 2:
        raise Undefined(f"MMD needs 2 points in each set, found {n} and {m}")
    scale = -0.5 / width**2
    within_x = np.exp(scale * _squared(x, x))
    within_y = np.exp(scale * _squared(y, y))
    across = np.exp(scale * _squared(x, y)).mean()
    unbiased_x = (within_x.sum() - np.trace(within_x)) / (n * (n - 1))
    unbiased_y = (within_y.sum() - np.trace(within_y)) / (m * (m - 1))
    return float(unbiased_x + unbiased_y - 2 * across)
