"""Means over seeds with their intervals: lines through the ticks of a panel, beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from phvae.analysis.figures.looks import Look
from phvae.analysis.figures.off_axis import mark_beyond, span_of
from phvae.analysis.statistics import mean_interval
from phvae.determinism.seeding import numpy_generator

__all__ = ["draw_lines", "interval"]

Groups = Mapping[int, pd.Series]


def interval(values: np.ndarray | pd.Series) -> tuple[float, float, float]:
    """Where the 95 % interval of a mean begins, the mean, where it ends; of one seed the mean three times."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, mean, mean
    low, high = mean_interval(np.asarray(values, dtype=float)[None], numpy_generator(0, "figures", "interval"))
    return float(low[0]), mean, float(high[0])


def draw_lines(ax: Axes, lines: Mapping[str, tuple[Look, Groups]], also: Sequence[float] = ()) -> None:
    """A line for each name through the means of its values at every tick, and the limits of the upright axis.

    The line that lies in front has its markers on the ticks, the others beside them; those in front are never cut.

    Args:
        ax: the panel, with the final limits of its lower axis.
        lines: name -> its look, and tick -> values of the seeds.
        also: what the upright axis must hold.
    """
    ordered = sorted(lines.items(), key=lambda line: -line[1][0].depth)
    points = {name: np.array([interval(values) for values in groups.values()]) for name, (_, groups) in ordered}
    front = [end for name, (look, _) in ordered if look.depth > Look.depth for end in points[name].flat]
    whole = [(low.min(), np.median(mean), high.max()) for low, mean, high in (found.T for found in points.values())]
    ax.set_ylim(*span_of(whole, [*also, *front]))  # a line is far, not its points: a family counts as one
    for (name, (look, groups)), shift in zip(ordered, _beside(len(lines), np.ptp(ax.get_xlim())), strict=True):
        low, mean, high = points[name].T
        # lists: of arrays of one point, older matplotlib and NumPy make a warning between them
        errors = [(mean - low).tolist(), (high - mean).tolist()]
        x = [at + shift for at in groups]
        ax.errorbar(x, mean, yerr=errors, capsize=1.8, elinewidth=0.8, label=name, **look.keywords)
        for at, value in zip(x, mean, strict=True):
            mark_beyond(ax, at, value, color=look.colour, zorder=look.depth)


def _beside(count: int, length: float) -> list[float]:
    """Shifts of markers that share a tick, on an axis of a length on which ticks are 1 apart or more.

    >>> _beside(3, 4.0)
    [0.0, 0.1, -0.1]
    """
    step = min(0.025 * length, 0.8 / max(count, 1))
    return [step * ((i + 1) // 2) * (1 if i % 2 else -1) + 0.0 for i in range(count)]
