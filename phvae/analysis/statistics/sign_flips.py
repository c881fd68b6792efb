"""Permutation tests of paired differences: sign-flip and signed-rank, and what their p-values can reach."""

from __future__ import annotations

import numpy as np

from phvae.analysis.statistics.moments import Array

__all__ = ["EXACT_UP_TO", "sign_flip", "sign_flip_method", "smallest_p", "wilcoxon"]

EXACT_UP_TO = 24  # seeds up to which all 2^n sign patterns are counted
DRAWS = 9999


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
    from scipy.stats import rankdata

    differences = np.asarray(differences, dtype=float)
    present = np.isfinite(differences)
    size = np.where(present, np.abs(differences), np.inf)
    ranks = rankdata(size, axis=-1) - (size == 0).sum(-1, keepdims=True)
    signed = np.where(size == 0, np.nan, np.sign(np.where(present, differences, 0)) * ranks)
    signed = np.where(present, signed, np.nan)
    p = sign_flip(signed, generator)
    return np.where(np.isnan(p) & present.any(-1), 1.0, p)  # all differences zero
