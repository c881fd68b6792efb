"""The 95 % interval of a mean over seeds: Student's, or the studentised bootstrap."""

from __future__ import annotations

import numpy as np

from phvae.analysis.statistics.moments import Array, moments
from phvae.analysis.statistics.student import quantile

__all__ = ["BOOTSTRAP_FROM", "bootstrap_t_interval", "interval_method", "mean_interval", "t_interval"]

BOOTSTRAP_FROM = 30  # seeds from which the interval no longer leans on normality
RESAMPLES = 4000


def t_interval(values: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Student's interval of the mean; NaN below two values.

    >>> low, high = t_interval(np.array([1.0, 2.0, 3.0]))
    >>> round(float(low), 4), round(float(high), 4)
    (-0.4841, 4.4841)
    """
    n, mean, sd = moments(values)
    half = quantile(0.5 + level / 2, np.maximum(n - 1, 1)) * sd / np.sqrt(np.maximum(n, 1))
    return mean - half, mean + half


def bootstrap_t_interval(
    values: Array, generator: np.random.Generator, level: float = 0.95, resamples: int = RESAMPLES
) -> tuple[Array, Array]:
    """Studentised bootstrap interval of the mean (Efron and Tibshirani 1993, sec. 12.5).

    All rows share the resampled positions, so rows of equal data get equal intervals.

    Args:
        values: (..., seeds), all finite, at least two seeds.
        generator: source of the resampling.
        level: coverage.
        resamples: number of bootstrap samples.
    """
    values = np.asarray(values, dtype=float)
    n = values.shape[-1]
    rows = values.reshape(-1, n)
    weights = generator.multinomial(n, np.full(n, 1 / n), size=resamples).astype(float)
    _, mean, sd = moments(rows)
    centred = rows - mean[:, None]
    shift = centred @ weights.T / n
    variance = np.maximum((centred**2) @ weights.T - n * shift**2, 0) / (n - 1)
    tails = [(1 - level) / 2, (1 + level) / 2]
    # A resample of one repeated value has no spread: with ties, fall back on the percentiles of the mean.
    flat = (variance <= 1e-24 * np.maximum(sd[:, None] ** 2, 1e-300)).any(-1)
    ratio = np.divide(shift, np.sqrt(variance / n), out=np.zeros_like(shift), where=variance > 0)
    lower, upper = np.quantile(ratio, tails, axis=-1)
    plain = np.quantile(shift, tails, axis=-1)
    low = np.where(flat, mean + plain[0], mean - upper * sd / np.sqrt(n))
    high = np.where(flat, mean + plain[1], mean - lower * sd / np.sqrt(n))
    return low.reshape(values.shape[:-1]), high.reshape(values.shape[:-1])


def interval_method(n: int) -> str:
    """Name of the 95 % interval used at `n` seeds."""
    if n < 2:
        return "none (one value)" if n == 1 else "none"
    return "Student t, 95 %" if n < BOOTSTRAP_FROM else "studentised bootstrap, 95 %"


def mean_interval(values: Array, generator: np.random.Generator) -> tuple[Array, Array]:
    """The 95 % interval of the mean over the last axis: Student's below 30 seeds, studentised bootstrap from there."""
    values = np.asarray(values, dtype=float)
    low, high = t_interval(values)
    counts = np.isfinite(values).sum(-1)
    for n in np.unique(counts[counts >= BOOTSTRAP_FROM]):
        chosen = counts == n
        complete = values[chosen]
        low[chosen], high[chosen] = bootstrap_t_interval(complete[np.isfinite(complete)].reshape(-1, n), generator)
    return low, high
