"""The maximum mean discrepancy with a Gaussian kernel."""

from __future__ import annotations

import numpy as np

from phvae.metrics.rows import Undefined, at_least

__all__ = ["bandwidth", "mmd2"]


def bandwidth(x: np.ndarray) -> float:
    """The median distance between the first 1,000 of x, (n, D): the usual width of the kernel.

    Raises:
        Undefined: fewer than two points, or more than half of the pairs coincide.
    """
    x = np.asarray(x, dtype=np.float64)[:1_000]
    at_least(2, len(x), "points that give a kernel's width")
    from scipy.spatial.distance import pdist

    width = float(np.median(pdist(x)))
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
    at_least(2, min(len(x), len(y)), "points of a set for MMD")
    from scipy.spatial.distance import cdist, pdist

    def kernel(squares: np.ndarray) -> float:
        return float(np.exp(squares * (-0.5 / width**2)).mean())

    # pdist holds each pair once and no point with itself: its mean is the unbiased estimate
    within = kernel(pdist(x, "sqeuclidean")) + kernel(pdist(y, "sqeuclidean"))
    return within - 2 * kernel(cdist(x, y, "sqeuclidean"))
