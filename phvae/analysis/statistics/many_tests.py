"""p-values adjusted for their number."""

from __future__ import annotations

import numpy as np

from phvae.analysis.statistics.moments import Array

__all__ = ["holm"]


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
