"""Which columns of a table a figure has room for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from phvae.metrics.transport import w1

__all__ = ["most_correlated", "most_missed"]


def most_missed(samples: Mapping[str, np.ndarray], truth: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Columns by the mean W1 of all models' rows (n, D) from the test rows (m, D), over their spread: worst first."""
    known = np.sort(truth, axis=0)
    each = [[w1(*pair) for pair in zip(np.sort(rows, axis=0).T, known.T, strict=True)] for rows in samples.values()]
    return np.argsort(-np.mean(each, axis=0) / spread, kind="stable")


def most_correlated(correlations: np.ndarray) -> np.ndarray:
    """Columns by the sum of their squared correlations with the others (D, D), the largest first."""
    return np.argsort(-np.square(correlations).sum(axis=0), kind="stable")
