"""Statistics over several data sets: middle half, probability of improvement, ranks, and their intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from phvae.analysis.statistics.moments import Array, interquartile_mean

__all__ = ["IntervalEstimate", "Scores", "improvement", "mean_rank", "middle_mean", "stratified", "win_probability"]

RESAMPLES = 2000
Scores = Sequence[Array]  # of each data set (variants, ..., seeds), on one scale, more is better


class IntervalEstimate(NamedTuple):
    """A number of each variant, and where its 95 % interval begins and ends."""

    value: Array
    low: Array
    high: Array


def stratified(
    scores: Scores, statistic: Callable[[Scores], Array], generator: np.random.Generator
) -> IntervalEstimate:
    """A statistic of all data sets with its 95 % interval: percentiles of the stratified bootstrap over seeds.

    Seeds are drawn within each data set, the same for all variants, which they are shared by (Agarwal et al. 2021,
    sec. 4.1, draw them for each variant). The data sets are taken as they are: the interval says what other seeds would
    give on them, not what other data sets would. With few seeds it is somewhat too narrow.

    Args:
        scores: of each data set (variants, seeds), all finite.
        statistic: of data sets of (variants, draws, seeds), as (rows, draws).
        generator: source of the draws.
    """
    drawn = []
    for values in scores:
        n = values.shape[-1]
        drawn.append(values[:, np.vstack([np.arange(n), generator.integers(n, size=(RESAMPLES, n))])])
    found = statistic(drawn)
    low, high = np.quantile(found[:, 1:], [0.025, 0.975], axis=-1)
    return IntervalEstimate(found[:, 0], low, high)


def middle_mean(scores: Scores) -> Array:
    """Mean of the middle half of the runs of all data sets; NaN below 8 runs (Agarwal et al. 2021, sec. 4.3).

    >>> middle_mean([np.array([[0.0, 1.0, 2.0, 3.0]]), np.array([[4.0, 5.0, 6.0, 99.0]])])
    array([3.5])
    """
    return interquartile_mean(np.concatenate(scores, axis=-1))


def improvement(scores: Scores) -> Array:
    """Probability that a run of each but the first variant is better than one of the first, mean over the data sets.

    Agarwal et al. (2021), sec. 4.3.

    >>> improvement([np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[5.0, 6.0], [5.0, 6.0]])])
    array([0.75])
    """
    found: Array = np.mean([win_probability(values[1:], values[:1]) for values in scores], axis=0)
    return found


def win_probability(one: Array, other: Array) -> Array:
    """Share of all pairs of a value of `one` and one of `other`, along the last axis, in which that of `one` is larger.

    Ties count half: Mann and Whitney's (1947) U over the number of pairs.

    >>> float(win_probability(np.array([1.0, 2.0]), np.array([0.0, 2.0, 3.0])))
    0.4166666666666667
    """
    shape = np.broadcast_shapes(one.shape[:-1], other.shape[:-1])
    n, m = one.shape[-1], other.shape[-1]
    both = np.concatenate([np.broadcast_to(one, (*shape, n)), np.broadcast_to(other, (*shape, m))], axis=-1)
    from scipy.stats import rankdata

    ranks = rankdata(both, axis=-1)[..., :n].sum(-1)
    share: Array = (ranks - n * (n + 1) / 2) / (n * m)
    return share


def mean_rank(scores: Scores) -> Array:
    """Rank of each variant's mean among the variants, 1 the best, mean over the data sets.

    >>> mean_rank([np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[5.0, 7.0], [5.0, 7.0]])])
    array([1.75, 1.25])
    """
    from scipy.stats import rankdata

    found: Array = np.mean([rankdata(-values.mean(-1), axis=0) for values in scores], axis=0)
    return found
