"""Paired differences: p-values and intervals of their mean, and how often the challenger is better."""

from __future__ import annotations

from typing import Literal

import numpy as np

from phvae.analysis.statistics.moments import Array, moments, skewness
from phvae.analysis.statistics.student import above, below, quantile

__all__ = ["Alternative", "paired_interval", "paired_p", "paired_t", "probability_of_improvement"]

Alternative = Literal["two-sided", "less", "greater"]


def paired_t(differences: Array, alternative: Alternative = "two-sided") -> Array:
    """p-value of Student's test that the mean difference is zero; NaN below two pairs.

    All differences equal give 0 or 1 (and 1 for all zero), the test's limit.
    """
    n, mean, sd = moments(differences)
    scale = sd / np.sqrt(np.maximum(n, 1))
    steep = np.where(mean == 0, 0.0, np.copysign(np.inf, mean))
    t = np.where(scale > 0, np.divide(mean, scale, out=np.zeros_like(scale), where=scale > 0), steep)
    freedom = np.maximum(n - 1, 1)
    if alternative == "two-sided":
        p = 2 * above(np.abs(t), freedom)
    elif alternative == "greater":
        p = np.where((t == 0) & (scale == 0), 1.0, above(t, freedom))
    else:
        p = np.where((t == 0) & (scale == 0), 1.0, below(t, freedom))
    return np.where(n > 1, p, np.nan)


def paired_p(differences: Array, alternative: Alternative = "two-sided") -> Array:
    """p-value that the mean difference is zero: the larger of Student's and that of Hall's transformed t.

    Hall's (1992, J. R. Statist. Soc. B 54, 221-228) cubic takes the skewness of the differences out of t to first
    order; it is held against Student's law, as t is. Student's test errs with skewed differences, Hall's with heavy
    tails: the larger p-value keeps to what both allow (benchmarks/coverage.csv). NaN below two pairs; below three, and
    without spread, Student's alone.

    >>> gains = np.array([0.9, 0.8, 0.8, 0.7, 0.7, 0.6, 0.5, 0.4, 0.1, -1.5])  # one far below zero: the sample may err
    >>> round(float(paired_t(gains, "greater")), 3), round(float(paired_p(gains, "greater")), 3)
    (0.054, 0.19)
    """
    if alternative == "two-sided":
        return np.minimum(2 * np.minimum(paired_p(differences, "less"), paired_p(differences, "greater")), 1.0)
    n, mean, sd = moments(differences)
    skew = np.nan_to_num(skewness(differences))
    u = np.divide(mean, sd, out=np.zeros_like(mean), where=np.nan_to_num(sd) > 0)
    hall = np.sqrt(n) * (u + skew * u**2 / 3 + skew**2 * u**3 / 27 + skew / (6 * np.maximum(n, 1)))
    tail = above if alternative == "greater" else below
    transformed = np.where(skew == 0, 0.0, tail(hall, np.maximum(n - 1, 1)))
    return np.maximum(paired_t(differences, alternative), transformed)


def paired_interval(differences: Array, level: float = 0.95) -> tuple[Array, Array]:
    """The means that `paired_p` does not refuse at either end: an interval of `level`; NaN below two pairs.

    >>> low, high = paired_interval(np.array([0.1, 0.2, 0.2, 0.3, 0.3, 0.4, 0.5, 0.6, 0.9, 2.5]))
    >>> round(float(low), 3), round(float(high), 3)
    (0.094, 2.232)
    """
    n, mean, sd = moments(differences)
    skew = np.nan_to_num(skewness(differences))
    limit = quantile(0.5 + level / 2, np.maximum(n - 1, 1)) / np.sqrt(np.maximum(n, 1))
    low, high = mean - limit * sd, mean + limit * sd
    curved = np.abs(skew) > 1e-6  # a straight line else: Student's
    safe = np.where(curved, skew, 1.0)
    ends = [
        mean - sd * 3 / safe * (np.cbrt(1 + safe * (q - safe / (6 * np.maximum(n, 1)))) - 1) for q in (limit, -limit)
    ]
    return np.where(curved, np.minimum(low, ends[0]), low), np.where(curved, np.maximum(high, ends[1]), high)


def probability_of_improvement(gains: Array) -> Array:
    """Share of pairs in which the challenger is better, ties counted half; gains > 0 mean better.

    >>> float(probability_of_improvement(np.array([0.1, 0.2, 0.0, -0.3])))
    0.625
    """
    gains = np.asarray(gains, dtype=float)
    n = np.isfinite(gains).sum(-1)
    wins = (gains > 0).sum(-1) + 0.5 * (gains == 0).sum(-1)
    return np.where(n > 0, wins / np.maximum(n, 1), np.nan)
