"""Statistics over seeds: intervals, paired tests, spread; arrays are (..., seeds), NaN where a seed has no value."""

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

__all__ = [
    "BOOTSTRAP_FROM",
    "EXACT_UP_TO",
    "IQM_FROM",
    "Moments",
    "Spread",
    "bootstrap_t_interval",
    "holm",
    "interquartile_mean",
    "interval_method",
    "mean_interval",
    "median",
    "moments",
    "paired_interval",
    "paired_p",
    "paired_t",
    "probability_of_improvement",
    "seeds_for_mean",
    "seeds_for_ratio",
    "sign_flip",
    "sign_flip_method",
    "skew_bound",
    "skewness",
    "smallest_p",
    "spread_ratio",
    "t_interval",
    "wilcoxon",
]

Array = np.ndarray
Alternative = Literal["two-sided", "less", "greater"]

BOOTSTRAP_FROM = 30  # seeds from which the interval no longer leans on normality
IQM_FROM = 8  # with fewer seeds the middle half is two or three numbers
EXACT_UP_TO = 24  # seeds up to which all 2^n sign patterns are counted
RESAMPLES = 4000
DRAWS = 9999
MOST_SEEDS = 100_000
SKEW_ERRORS = 2.6  # standard errors of a normal sample's skewness: beyond in about 1 of 130 samples, at one end
ROUNDING = 1e-9  # a spread this much smaller than the values is what rounding left, and has no shape


class Moments(NamedTuple):
    """Number of values, their mean, and their standard deviation (ddof 1; NaN below two values)."""

    n: Array
    mean: Array
    sd: Array


class Spread(NamedTuple):
    """Ratio of two spreads, its interval, and the p-value that they are equal."""

    ratio: Array
    low: Array
    high: Array
    p: Array


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


def t_interval(values: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Student's interval of the mean; NaN below two values.

    >>> low, high = t_interval(np.array([1.0, 2.0, 3.0]))
    >>> round(float(low), 4), round(float(high), 4)
    (-0.4841, 4.4841)
    """
    n, mean, sd = moments(values)
    half = stats.t.ppf(0.5 + level / 2, np.maximum(n - 1, 1)) * sd / np.sqrt(np.maximum(n, 1))
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
        p = 2 * stats.t.sf(np.abs(t), freedom)
    elif alternative == "greater":
        p = np.where((t == 0) & (scale == 0), 1.0, stats.t.sf(t, freedom))
    else:
        p = np.where((t == 0) & (scale == 0), 1.0, stats.t.cdf(t, freedom))
    return np.where(n > 1, p, np.nan)


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
    tail = stats.t.sf if alternative == "greater" else stats.t.cdf
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
    quantile = stats.t.ppf(0.5 + level / 2, np.maximum(n - 1, 1)) / np.sqrt(np.maximum(n, 1))
    low, high = mean - quantile * sd, mean + quantile * sd
    curved = np.abs(skew) > 1e-6  # a straight line else: Student's
    safe = np.where(curved, skew, 1.0)
    ends = [
        mean - sd * 3 / safe * (np.cbrt(1 + safe * (q - safe / (6 * np.maximum(n, 1)))) - 1)
        for q in (quantile, -quantile)
    ]
    return np.where(curved, np.minimum(low, ends[0]), low), np.where(curved, np.maximum(high, ends[1]), high)


def smallest_p(n: Array | int) -> Array:
    """The smallest two-sided sign-flip p-value that `n` pairs can reach: 2 / 2^n.

    >>> float(smallest_p(5)), round(float(smallest_p(10)), 5)
    (0.0625, 0.00195)
    """
    n = np.asarray(n)
    limit = np.where(n > EXACT_UP_TO, 1 / (DRAWS + 1), 2.0 ** (1 - np.minimum(n, EXACT_UP_TO)))
    return np.where(n > 0, limit, np.nan)


def sign_flip_method(n: int) -> str:
    """Name of the permutation test used at `n` pairs."""
    return "exact sign-flip" if n <= EXACT_UP_TO else f"sign-flip, {DRAWS} draws"


def sign_flip(differences: Array, generator: np.random.Generator | None = None) -> Array:
    """Two-sided p-value of the sign-flip (paired permutation) test of the mean (Fisher 1935, sec. 21).

    Exact up to 24 pairs: the share of all 2^n sign patterns whose sum is at least as far from zero. Above,
    9,999 drawn patterns plus the observed one.

    >>> float(sign_flip(np.array([1.0, 2.0, 3.0, 4.0, 5.0])))
    0.0625

    Raises:
        ValueError: more than 24 pairs without a generator.
    """
    differences = np.asarray(differences, dtype=float)
    rows = differences.reshape(-1, differences.shape[-1])
    counts = np.isfinite(rows).sum(-1)
    p = np.full(len(rows), np.nan)
    for n in np.unique(counts[counts > 0]):
        chosen = counts == n
        complete = rows[chosen]
        complete = complete[np.isfinite(complete)].reshape(-1, n)
        observed = np.abs(complete.sum(-1)) - 1e-9 * np.abs(complete).sum(-1)
        if n <= 12:
            signs = _signs(n - 1, first=True)
            parts = np.array_split(np.arange(len(complete)), len(complete) // 4096 + 1)  # bounds the memory
            p[chosen] = np.concatenate([(np.abs(complete[i] @ signs) >= observed[i, None]).mean(-1) for i in parts])
        elif n <= EXACT_UP_TO:
            p[chosen] = [_both_tails(row, bound) for row, bound in zip(complete, observed, strict=True)]
        else:
            if generator is None:
                raise ValueError(f"{n} pairs: above {EXACT_UP_TO} sign patterns are drawn, so a generator is needed")
            signs = generator.integers(0, 2, size=(n, DRAWS)) * 2.0 - 1
            p[chosen] = ((np.abs(complete @ signs) >= observed[:, None]).sum(-1) + 1) / (DRAWS + 1)
    return p.reshape(differences.shape[:-1])


def _signs(n: int, *, first: bool = False) -> Array:
    """All sign patterns of `n` numbers, as columns; `first` puts a fixed + before them."""
    signs = 1.0 - 2.0 * ((np.arange(2**n) >> np.arange(n)[:, None]) & 1)
    return np.vstack([np.ones((1, 2**n)), signs]) if first else signs


def _both_tails(row: Array, bound: float) -> float:
    """Share of sign patterns with |sum| >= bound: all sums of one half against the sorted sums of the other."""
    if bound <= 0:
        return 1.0
    half = len(row) // 2
    left = row[:half] @ _signs(half)
    right = np.sort(row[half:] @ _signs(len(row) - half))
    above = len(right) - np.searchsorted(right, bound - left, side="left")
    return float(2 * above.sum() / 2 ** len(row))


def wilcoxon(differences: Array, generator: np.random.Generator | None = None) -> Array:
    """Two-sided p-value of the signed-rank test, zeros dropped, exact also with ties (Wilcoxon 1945; Pratt 1959).

    It is the sign-flip test of the signed ranks, so the same limits hold.

    >>> float(wilcoxon(np.array([1.0, 2.0, 3.0, 4.0, 5.0])))
    0.0625
    """
    differences = np.asarray(differences, dtype=float)
    present = np.isfinite(differences)
    size = np.where(present, np.abs(differences), np.inf)
    ranks = stats.rankdata(size, axis=-1) - (size == 0).sum(-1, keepdims=True)
    signed = np.where(size == 0, np.nan, np.sign(np.where(present, differences, 0)) * ranks)
    signed = np.where(present, signed, np.nan)
    p = sign_flip(signed, generator)
    return np.where(np.isnan(p) & present.any(-1), 1.0, p)  # all differences zero


def probability_of_improvement(gains: Array) -> Array:
    """Share of pairs in which the challenger is better, ties counted half; gains > 0 mean better.

    >>> float(probability_of_improvement(np.array([0.1, 0.2, 0.0, -0.3])))
    0.625
    """
    gains = np.asarray(gains, dtype=float)
    n = np.isfinite(gains).sum(-1)
    wins = (gains > 0).sum(-1) + 0.5 * (gains == 0).sum(-1)
    return np.where(n > 0, wins / np.maximum(n, 1), np.nan)


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
    limit = stats.t.ppf(0.5 + level / 2, np.maximum(n - 1, 1)) ** 2 / np.maximum(n, 1)
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


def holm(p: Array) -> Array:
    """p-values adjusted for their number (Holm 1979); NaN stays NaN and does not count.

    >>> [round(float(value), 10) for value in holm(np.array([0.01, 0.04, 0.03]))]
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    order = np.argsort(p)
    order = order[np.isfinite(p[order])]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


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
    half: Array = stats.t.ppf(0.975, n - 1) / np.sqrt(n)
    return half


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
