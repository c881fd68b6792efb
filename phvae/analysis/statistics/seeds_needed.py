"""How many seeds an interval of a wanted width takes."""

from __future__ import annotations

from functools import cache

import numpy as np

from phvae.analysis.statistics.moments import Array
from phvae.analysis.statistics.student import quantile

__all__ = ["MOST_SEEDS", "seeds_for_mean", "seeds_for_ratio"]

MOST_SEEDS = 100_000


def seeds_for_mean(sd: float, half_width: float) -> int | None:
    """The fewest seeds at which a 95 % t-interval of a mean is within +- `half_width`; None above 100,000.

    >>> seeds_for_mean(1.0, 0.5), seeds_for_mean(0.0, 0.5)
    (18, 2)
    """
    if not np.isfinite(half_width) or half_width <= 0:
        return None
    for start, end in ((2, 64), (65, 2048), (2049, MOST_SEEDS)):
        enough = _half_widths(start, end) * sd <= half_width
        if enough.any():
            return start + int(np.argmax(enough))
    return None


@cache
def _half_widths(start: int, end: int) -> Array:
    """Half-width of a 95 % t-interval in standard deviations, at `start` to `end` seeds."""
    n = np.arange(start, end + 1)
    return quantile(0.975, n - 1) / np.sqrt(n)


def seeds_for_ratio(challenger: Array, baseline: Array, ratio: float) -> int | None:
    """The fewest seeds at which the 95 % interval of `spread_ratio` is, to first order, within a factor `ratio`.

    Args:
        challenger: (seeds,), all finite, not all equal: what is known of its deviations.
        baseline: (seeds,), paired with `challenger`.
        ratio: the factor, above or below 1.

    >>> seeds_for_ratio(np.arange(10.0), np.array([3.0, 1, 4, 1, 5, 9, 2, 6, 5, 3]), 0.5)
    15
    """
    x, y = (np.abs(side - np.median(side)) for side in (challenger, baseline))
    return seeds_for_mean(float(np.std(x / x.mean() - y / y.mean(), ddof=1)), float(abs(np.log(ratio))))
