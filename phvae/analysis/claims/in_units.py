"""Contests on one scale: the effect in units of the effect that matters, better for the challenger upwards."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["in_units"]


def in_units(contests: pd.DataFrame) -> pd.DataFrame:
    """Where each contest lies between the challenger that is worse (negative) and the one that is better (positive).

    One is the smallest effect that matters. A difference is divided by it; the logarithm of a ratio of spreads by that
    of the largest ratio that matters, so that a ratio and its inverse are equally far from zero.

    Args:
        contests: as `contests.contests` gives them.

    Returns:
        One row a contest, of its index: position, start and end of the 95 % interval, and error, that of the curve
        where the control is the curve, else 0. NaN where there is no effect; infinite where nothing at all matters.
    """
    spread = (contests["compare"] == "spread").to_numpy()
    effect, low, high, matters, margin = contests[["effect", "low", "high", "matters", "margin"]].to_numpy(float).T
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = np.where(spread, -np.log1p(-matters), matters)
        unit = np.where(contests["direction"] == "higher", unit, -unit)
        position, one, other = (np.where(spread, np.log(size), size) / unit for size in (effect, low, high))
        error = np.where(margin > 0, margin / np.abs(unit), 0.0)
    start, end = np.minimum(one, other), np.maximum(one, other)
    return pd.DataFrame({"position": position, "start": start, "end": end, "error": error}, index=contests.index)
