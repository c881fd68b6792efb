"""Density and Coverage of features by nearest-neighbour balls, and their clipped forms."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from phvae.metrics.fidelity import checked

__all__ = ["BALL", "density_coverage"]

BALL = 5  # the neighbour that a ball reaches to: the value of both papers
_ROWS = 1_000  # rows of a distance matrix in memory at a time
_EDGE = 1e-9  # of a radius: a copy of the very neighbour that a ball reaches to is on its edge, whatever the rounding
_EXACT = 1e-12  # squared distances below this share of the squared norms are rounding: the points are equal


def density_coverage(generated: np.ndarray, real: np.ndarray) -> tuple[float, float, float, float]:
    """Density, Coverage, Clipped Density, Clipped Coverage, with balls that reach to the fifth real neighbour.

    Density: how many real points' balls a generated point lies in, over 5, on average; 1 where both are of one law,
    more where generated points crowd. Coverage: share of real points with a generated one in their ball. Naeem et al.
    (2020), sec. 3.

    Clipped Density: radii at most the median radius, a point's count at most 5, over the same of the real points among
    themselves; at most 1. Clipped Coverage: mean of a ball's count of generated points, at most 5, over 5, turned into
    the share of m samples of the data's own law that would give it. Salvy et al. (2025), the authors' program.

    Args:
        generated: (m, F).
        real: (n, F).

    Raises:
        Undefined: fewer than six images in a set, or features that are not finite.
    """
    x, y = checked(generated, real, BALL + 1)
    x, y = x - y.mean(axis=0), y - y.mean(axis=0)
    near, who = _neighbours(y)
    radii = near.max(axis=1)
    short = np.minimum(radii, np.median(radii))
    edge, short_edge = radii * (1 - _EDGE), short * (1 + _EDGE)
    counts, inside = np.zeros(len(y)), np.zeros(len(x))
    for rows, distances in _blocks(y, x):
        counts[rows] = (distances < edge[rows, None]).sum(axis=1)
        inside += (distances <= short_edge[rows, None]).sum(axis=0)
    own = np.bincount(who[near <= short[:, None]], minlength=len(y))
    clipped_density = np.minimum(inside / BALL, 1).mean() / np.minimum(own / BALL, 1).mean()
    filled = float(np.minimum(counts / BALL, 1).mean())
    return (
        float(counts.sum() / (BALL * len(x))),
        float((counts > 0).mean()),
        float(min(clipped_density, 1.0)),
        _share_of_good(filled, len(y), len(x)),
    )


def _blocks(y: np.ndarray, x: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """The distances of some rows of y to all of x, piece by piece; equal points are at 0."""
    norms = np.square(x).sum(axis=1)
    for start in range(0, len(y), _ROWS):
        rows = slice(start, start + _ROWS)
        scale = np.square(y[rows]).sum(axis=1)[:, None] + norms
        squares = scale - 2 * y[rows] @ x.T
        yield rows, np.sqrt(np.where(squares > _EXACT * scale, squares, 0.0))


def _neighbours(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances and row numbers of every point's five nearest others, (n, 5) each."""
    near, who = [], []
    for rows, distances in _blocks(y, y):
        distances[np.arange(len(distances)), np.arange(len(y))[rows]] = np.inf
        who.append(np.argpartition(distances, BALL - 1, axis=1)[:, :BALL])
        near.append(np.take_along_axis(distances, who[-1], axis=1))
    return np.concatenate(near), np.concatenate(who)


def _share_of_good(filled: float, n: int, m: int) -> float:
    """How many samples of the data's own law, over m + 1, fill the n balls no more than found.

    Of k such samples a beta-binomial number lies in a ball that reaches to the fifth of n - 1 neighbours. Below five
    samples the authors' program takes nothing to be expected; so does this.
    """
    from scipy.stats import betabinom

    some, sizes = np.arange(BALL), np.arange(BALL, m + 1)
    missing = betabinom.pmf(some, sizes[:, None], BALL, n - BALL) @ (BALL - some) / BALL
    expected = np.concatenate([np.zeros(BALL), 1 - missing])
    return float(np.searchsorted(expected, filled) / len(expected))
