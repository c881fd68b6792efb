"""Entropies and mutual information of binned codes, by plug-in estimates."""

from __future__ import annotations

import numpy as np

__all__ = ["BINS", "entropy", "equal_width_bins", "mutual_information", "quantile_bins"]

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
