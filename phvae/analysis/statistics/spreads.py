"""The ratio of two spreads over paired seeds, with its interval and test."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from phvae.analysis.statistics.moments import Array, median, moments
from phvae.analysis.statistics.paired_tests import Alternative, paired_t
from phvae.analysis.statistics.student import quantile

__all__ = ["Spread", "spread_ratio"]


class Spread(NamedTuple):
    """Ratio of two spreads, its interval, and the p-value that they are equal."""

    ratio: Array
    low: Array
    high: Array
    p: Array


def spread_ratio(
    challenger: Array, baseline: Array, alternative: Alternative = "two-sided", level: float = 0.95
) -> Spread:
    """Ratio of the spreads of paired values, challenger over baseline: mean absolute deviations from the median.

    The test is Student's on the pairs' differences of absolute deviations (Levene 1960, about the median as Brown and
    Forsythe 1974, for pairs as Grambsch 1994): unlike the F test and Pitman's and Morgan's it holds its level where
    both sides are alike skewed or heavy-tailed; where only one is skewed, .05 became .13 (benchmarks/coverage.csv).
    `less` tests that the challenger spreads less. The interval
    holds the ratios that the two-sided test does not refuse at 1 - level (Fieller 1954), so it leaves 1 out exactly
    where p < 1 - level; its upper end is infinite where the baseline's spread cannot be told from zero. Where neither
    side's can, the interval is 0 to infinity and p is NaN, as all is below three pairs or without spread.

    >>> ratio, low, high, p = spread_ratio(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([2.0, 4.5, 6.5, 8.0, 11.0]))
    >>> round(float(ratio), 3), round(float(low), 3), round(float(high), 3)
    (0.48, 0.412, 3.175)
    """
    both = np.isfinite(challenger) & np.isfinite(baseline)
    sides = (np.where(both, side, np.nan) for side in (challenger, baseline))
    x, y = (np.abs(side - median(side)[..., None]) for side in sides)
    (n, mean_x, sd_x), (_, mean_y, sd_y), (_, _, sd_d) = moments(x), moments(y), moments(x - y)
    usable = (n > 2) & (mean_x > 0) & (mean_y > 0)
    limit = quantile(0.5 + level / 2, np.maximum(n - 1, 1)) ** 2 / np.maximum(n, 1)
    # mean(x - ratio y) is within its noise where square ratio^2 - 2 half ratio + constant <= 0
    square, constant = mean_y**2 - limit * sd_y**2, mean_x**2 - limit * sd_x**2
    half = mean_x * mean_y - limit * (sd_x**2 + sd_y**2 - sd_d**2) / 2
    root = np.sqrt(np.maximum(half**2 - square * constant, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = mean_x / mean_y
        low = np.where(constant > 0, constant / (half + root), 0.0)
        high = np.where(square > 0, (half + root) / square, np.inf)
    p = np.where((constant > 0) | (square > 0), paired_t(x - y, alternative), np.nan)
    return Spread(*(np.where(usable, item, np.nan) for item in (ratio, low, high, p)))
