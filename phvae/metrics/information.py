"""Entropies and mutual information: plug-in estimates of binned codes, and an estimate by nearest neighbours."""

from __future__ import annotations

import numpy as np

__all__ = ["BINS", "entropy", "equal_width_bins", "mutual_information", "neighbour_information", "quantile_bins"]

BINS = 20


def equal_width_bins(codes: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Bin numbers (N, L) of codes (N, L): `bins` equal intervals from each code's smallest to its largest value.

    One outlier widens all bins; `quantile_bins` does not mind.

    >>> equal_width_bins(np.array([[0.0], [0.4], [0.6], [1.0]]), 2)[:, 0].tolist()
    [0, 0, 1, 1]
    """
    numbers = np.empty(codes.shape, dtype=np.int64)
    for j, code in enumerate(codes.T):
        edges = np.histogram_bin_edges(code, bins)
        numbers[:, j] = np.searchsorted(edges[1:-1], code, side="right")
    return numbers


def quantile_bins(codes: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Bin numbers (N, L) of codes (N, L): intervals between order statistics, equal values always together.

    The edges are codes themselves, so an increasing map of a code leaves its bin numbers as they are.

    >>> quantile_bins(np.array([[1.0], [2.0], [3.0], [100.0]]), 2)[:, 0].tolist()
    [0, 0, 1, 1]
    """
    numbers = np.empty(codes.shape, dtype=np.int64)
    for j, code in enumerate(codes.T):
        ordered = np.sort(code)
        edges = ordered[len(code) * np.arange(1, bins) // bins]
        numbers[:, j] = np.searchsorted(edges, code, side="right")
    return numbers


def entropy(classes: np.ndarray) -> np.ndarray:
    """Plug-in entropy in nats of every column of non-negative integers (N, F), shape (F,).

    >>> entropy(np.array([[0, 5], [1, 5]])).round(4).tolist()
    [0.6931, 0.0]
    """
    return np.array([_entropy(np.bincount(column)) for column in classes.T])


def _entropy(counts: np.ndarray) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-np.sum(shares * np.log(shares)) + 0.0)


def mutual_information(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Plug-in mutual information in nats of every column of `a` (N, A) with every column of `b` (N, B), (A, B).

    Both hold small non-negative integers. I(a; b) = H(a) + H(b) - H(a, b).

    >>> a = np.array([[0], [0], [1], [1]])
    >>> mutual_information(a, np.hstack([a, a[[0, 2, 0, 2]]])).round(4).tolist()
    [[0.6931, 0.0]]
    """
    single_a, single_b = entropy(a), entropy(b)
    found = np.empty((a.shape[1], b.shape[1]))
    for j, column in enumerate(b.T):
        paired = a * (int(column.max()) + 1) + column[:, None]
        found[:, j] = single_a + single_b[j] - entropy(paired)
    return np.maximum(found, 0.0)


def neighbour_information(code: np.ndarray, factor: np.ndarray, neighbours: int) -> float:
    """Mutual information in nats of a continuous code (N,) and a discrete factor (N,), by nearest neighbours; >= 0.

    What scikit-learn's `mutual_info_classif` gives for one feature: sorted numbers need none of its trees, which took
    most of the time of InfoMEC. Its noise of 1e-10 tells equal values apart, here always the same. A value of the
    factor that one example alone has is left out.

    Source: Ross (2014).

    >>> halves = np.repeat([0, 1], 500)
    >>> round(neighbour_information(halves + np.linspace(0, 0.1, 1000), halves, 10), 4)
    0.6936
    """
    from scipy.special import digamma

    scaled = code / code.std()
    noise = np.random.RandomState(0).standard_normal(len(code))
    scaled = scaled + 1e-10 * max(1.0, float(np.abs(scaled).mean())) * noise
    _, values, counts = np.unique(factor, return_inverse=True, return_counts=True)
    order = np.lexsort((scaled, values))  # by value of the factor, then by code
    order = order[counts[values[order]] > 1]
    code, values = scaled[order], values[order]
    own, k = counts[values], np.minimum(neighbours, counts[values] - 1)

    # The k-th neighbour among examples of the same value: the nearer end of the narrowest window of k + 1 around each.
    here = np.arange(len(code))
    start = np.searchsorted(values, values)
    radius = np.full(len(code), np.inf)
    for below in range(neighbours + 1):
        first, last = here - k + below, here + below
        inside = (below <= k) & (first >= start) & (last < start + own)
        reach = np.maximum(code - code[first % len(code)], code[last % len(code)] - code)
        radius = np.where(inside & (reach < radius), reach, radius)

    within = _closer(np.sort(code), code, radius)
    found = digamma(len(code)) + np.mean(digamma(k)) - np.mean(digamma(own)) - np.mean(digamma(within))
    return max(0.0, float(found))


def _closer(ordered: np.ndarray, points: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """How many of the ordered numbers lie closer to each point than its radius."""
    low = np.searchsorted(ordered, points - radius, side="right")
    high = np.searchsorted(ordered, points + radius, side="left")
    # sums round otherwise than differences: a number at just the radius is out
    low += points - ordered[low] >= radius
    high -= ordered[high - 1] - points >= radius
    return high - low
