"""Moments, median, middle half and skewness of values over seeds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["IQM_FROM", "Array", "Moments", "interquartile_mean", "median", "moments", "skew_bound", "skewness"]

Array = np.ndarray

IQM_FROM = 8  # with fewer seeds the middle half is two or three numbers
SKEW_ERRORS = 2.6  # standard errors of a normal sample's skewness: beyond in about 1 of 130 samples, at one end
ROUNDING = 1e-9  # a spread this much smaller than the values is what rounding left, and has no shape


class Moments(NamedTuple):
    """Number of values, their mean, and their standard deviation (ddof 1; NaN below two values)."""

    n: Array
    mean: Array
    sd: Array


def moments(values: Array) -> Moments:
    """Count, mean and standard deviation over the last axis, leaving NaN out.

    >>> n, mean, sd = moments(np.array([1.0, 2.0, np.nan, 6.0]))
    >>> int(n), float(mean), round(float(sd), 4)
    (3, 3.0, 2.6458)
    """
    values = np.asarray(values, dtype=float)
    present = np.isfinite(values)
    n = present.sum(-1)
    filled = np.where(present, values, 0.0)
    mean = np.where(n > 0, filled.sum(-1) / np.maximum(n, 1), np.nan)
    centred = np.where(present, values - mean[..., None], 0.0)
    sd = np.where(n > 1, np.sqrt((centred**2).sum(-1) / np.maximum(n - 1, 1)), np.nan)
    return Moments(n, mean, sd)


def median(values: Array) -> Array:
    """Median over the last axis, leaving NaN out; NaN where nothing is left."""
    values = np.asarray(values, dtype=float)
    count = np.isfinite(values).sum(-1)
    ordered = np.sort(values, axis=-1)  # NaN sorts to the end
    lower = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[..., None], -1)[..., 0]
    upper = np.take_along_axis(ordered, np.minimum(count // 2, values.shape[-1] - 1)[..., None], -1)[..., 0]
    return np.where(count > 0, (lower + upper) / 2, np.nan)


def interquartile_mean(values: Array) -> Array:
    """Mean of the middle half (int(n/4) values cut at each end); NaN below 8 values (Agarwal et al. 2021).

    >>> float(interquartile_mean(np.array([0, 1, 2, 3, 4, 5, 6, 99.0])))
    3.5
    """
    ordered = np.sort(np.asarray(values, dtype=float), axis=-1)
    count = np.isfinite(ordered).sum(-1)
    cut = count // 4
    position = np.arange(ordered.shape[-1])
    kept = (position >= cut[..., None]) & (position < (count - cut)[..., None])
    total = np.where(kept, ordered, 0.0).sum(-1)
    return np.where(count >= IQM_FROM, total / np.maximum(kept.sum(-1), 1), np.nan)


def skewness(values: Array) -> Array:
    """Sample skewness G1 (Joanes and Gill 1998) over the last axis, leaving NaN out; NaN below three values.

    Values whose spread is no more than rounding have none: 0.

    >>> round(float(skewness(np.array([0.0, 0.0, 0.0, 1.0]))), 6), float(skewness(np.array([1.0, 2.0, 3.0])))
    (2.0, 0.0)
    """
    values = np.asarray(values, dtype=float)
    n, mean, sd = moments(values)
    centred = np.where(np.isfinite(values), values - mean[..., None], 0.0)
    size = np.where(np.isfinite(values), np.abs(values), 0.0).max(-1, initial=0.0)
    usable = (n > 2) & (np.nan_to_num(sd) > ROUNDING * size)
    cubes = (centred**3).sum(-1) * n / np.maximum((n - 1) * (n - 2), 1)
    skew = np.divide(cubes, np.where(usable, sd, 1.0) ** 3, out=np.zeros_like(mean), where=usable)
    return np.where(n > 2, skew, np.nan)


def skew_bound(n: Array | int) -> Array:
    """The skewness beyond which paired differences decide nothing: 2.6 standard errors of a normal sample's.

    A rule of one end only: that towards which a mean away from zero would be an error of the sample. Five values cannot
    be as skewed; from ten it acts on about one normal sample of 130 (benchmarks/coverage.csv).

    >>> [round(float(skew_bound(n)), 2) for n in (5, 10, 20)]
    [2.37, 1.79, 1.33]
    """
    n = np.maximum(np.asarray(n, dtype=float), 3)
    bound: Array = SKEW_ERRORS * np.sqrt(6 * n * (n - 1) / ((n - 2) * (n + 1) * (n + 3)))
    return bound
