"""Whether rows that claim to belong to examples do: held against the same rows in other orders."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from phvae.determinism.seeding import numpy_generator

__all__ = ["in_order"]

MOST = 1000  # examples compared, from the first on
ORDERS = 99  # others that the given one must surpass
APART = 3.0  # by that many of their standard deviations
Agreement = Callable[[np.ndarray], float]  # of the rows of one side with those of the other in an order
STILL = 1e-3  # share of the examples' variance, or of the prior's, below which rows are all alike and have no order


def in_order(x: np.ndarray, y: np.ndarray, *, alike: bool) -> bool:
    """Whether row i of `y` belongs to row i of `x`, as far as it can be seen.

    Reconstructions are correlated with their own examples, codes by their distances from one another (Mantel 1967):
    more than in each of 99 other orders, and by three of their standard deviations. Rows of `y` that are all alike, as
    a collapsed model's, have no order and pass.

    Args:
        x: (N, ...) examples.
        y: (N, ...) reconstructions in the same units, or codes (N, L).
        alike: whether they are in the same units.
    """
    n = min(len(x), len(y), MOST)
    one, two = (np.asarray(part[:n], dtype=np.float64).reshape(n, -1) for part in (x, y))
    one, two = one - one.mean(0), two - two.mean(0)
    if np.square(two).sum() <= STILL * (np.square(one).sum() if alike else n):
        return True
    agreement = _products(one, two) if alike else _mantel(one, two)
    generator = numpy_generator(0, "order")
    others = np.array([agreement(generator.permutation(n)) for _ in range(ORDERS)])
    own = agreement(np.arange(n))
    return bool(own > max(others.max(), others.mean() + APART * others.std()))


def _products(one: np.ndarray, two: np.ndarray) -> Agreement:
    """The sum of inner products of rows."""
    pairs = one @ two.T
    return lambda order: float(pairs[np.arange(len(order)), order].sum())


def _mantel(one: np.ndarray, two: np.ndarray) -> Agreement:
    """The sum of products of distances."""
    near, far = _distances(one), _distances(two)
    return lambda order: float((near * far[np.ix_(order, order)]).sum())


def _distances(points: np.ndarray) -> np.ndarray:
    """Distances of all pairs, around their mean: (N, N)."""
    squares = np.square(points).sum(1)
    found = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * points @ points.T, 0))
    centred: np.ndarray = found - found.mean()
    return centred
