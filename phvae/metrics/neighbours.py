"""The nearest of many examples, block by block."""

from __future__ import annotations

import numpy as np

__all__ = ["nearest"]

_ROWS = 2_000  # of the many in memory at a time; no value depends on it


def nearest(x: np.ndarray, many: np.ndarray, own: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Euclidean distance of every x to the nearest of many, and that one's row; the first of equals.

    Of whole numbers such as pixels the squared distances are exact, whatever the order of their sums.

    Args:
        x: (m, ...), of any shape an example.
        many: (n, ...), n >= 1, perhaps memory-mapped.
        own: (m,) a row of `many` that does not count for each x, such as itself.

    Returns:
        Distances (m,) float64 and rows (m,).

    >>> nearest(np.array([[0.0], [5.0]]), np.array([[1.0], [3.0]]))
    (array([1., 2.]), array([0, 1]))
    """
    x = np.asarray(x, dtype=np.float64).reshape(len(x), -1)
    norms = np.square(x).sum(axis=1)[:, None]
    best, rows = np.full(len(x), np.inf), np.zeros(len(x), dtype=np.int64)
    for start in range(0, len(many), _ROWS):
        block = np.asarray(many[start : start + _ROWS], dtype=np.float64).reshape(-1, x.shape[1])
        squares = norms - 2 * x @ block.T + np.square(block).sum(axis=1)
        if own is not None:
            here = np.flatnonzero((own >= start) & (own < start + len(block)))
            squares[here, own[here] - start] = np.inf
        at = squares.argmin(axis=1)
        found = squares[np.arange(len(x)), at]
        closer = found < best
        best[closer], rows[closer] = found[closer], at[closer] + start
    return np.sqrt(np.maximum(best, 0)), rows
