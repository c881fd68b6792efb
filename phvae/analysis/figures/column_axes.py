"""Axes of a table's columns: their limits, and ticks that stay short in any unit."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, ScalarFormatter

__all__ = ["bins", "limits", "share", "short_ticks"]


def limits(truth: np.ndarray) -> list[tuple[float, float]]:
    """What is shown of each column of (m, D) rows: all but the outermost in a thousand, and some room."""
    low, high = np.quantile(truth, [0.001, 0.999], axis=0)
    room = np.where(high > low, 0.08 * (high - low), 1.0)
    return list(zip((low - room).tolist(), (high + room).tolist(), strict=True))


def bins(truth: np.ndarray, span: tuple[float, float], most: int) -> np.ndarray:
    """Edges of at most about `most` bins over an interval; of many whole numbers each bin holds equally many."""
    low, high = span
    if high - low < most or (truth != np.rint(truth)).any():
        return np.linspace(low, high, most + 1)
    step = np.ceil((high - low) / most)
    return np.arange(np.floor(low) - 0.5, high + step, step)


def share(x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Share of all numbers in each bin: those beyond the ends count as lost, not as moved."""
    counts: np.ndarray = np.histogram(x, edges)[0] / len(x)
    return counts


def short_ticks(ax: Axes, *names: str) -> None:
    """At most three ticks an axis ("x", "y"); what all their numbers share is written once."""
    for name in names:
        formatter = ScalarFormatter(useOffset=True)
        formatter.set_powerlimits((-3, 4))
        axis = getattr(ax, f"{name}axis")
        axis.set_major_locator(MaxNLocator(3))
        axis.set_major_formatter(formatter)
        axis.get_offset_text().set_fontsize(6)
