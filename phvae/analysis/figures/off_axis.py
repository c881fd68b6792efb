"""Panels that most of what they show fills: few far values are cut, with an arrow and their number at the edge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from phvae.analysis.presentation.numbers import number

__all__ = ["mark_beyond", "span_of"]

REACH = 1.5  # spreads beyond the middle half: Tukey's fences
WORTH = 0.25  # an end is cut where this shortens the axis by more than this share of what is left
ROOM = 0.05
ARROWS = {(1, 0): ">", (-1, 0): "<", (0, 1): "^", (0, -1): "v"}


def span_of(points: Iterable[Sequence[float]], also: Iterable[float] = ()) -> tuple[float, float]:
    """Where an axis begins and ends: it holds all intervals, but few far ones do not squeeze the others.

    A value is far beyond Tukey's fences, with the intervals' usual length as the least spread.

    Args:
        points: for each value where its interval begins, the value, and where it ends; NaN where there is none.
        also: what the axis must hold, such as the value of the baseline.

    >>> span_of([(x - 1, x, x + 1) for x in (0, 1, 2, 3, 100)])
    (-1.25, 4.25)
    >>> span_of([(0, 0, 0), (10, 10, 10)])
    (-0.5, 10.5)
    """
    rows, held = np.array([*points], dtype=float).reshape(-1, 3), [*also]
    rows = rows[np.isfinite(rows[:, 1])]
    begin, value, end = np.where(np.isfinite(rows), rows, rows[:, [1]]).T
    every = np.array([*begin, *end, *held])
    if not len(every):
        return 0.0, 1.0
    low, high = float(every.min()), float(every.max())
    if len(value):
        first, third = np.quantile(value, [0.25, 0.75])
        reach = REACH * max(third - first, float(np.median(end - begin)))
        near = (value >= first - reach) & (value <= third + reach)
        start = float(min(max(begin[near].min(), first - reach), *held, np.inf))
        stop = float(max(min(end[near].max(), third + reach), *held, -np.inf))
        worth = WORTH * (stop - start)
        low, high = start if start - low > worth else low, stop if high - stop > worth else high
    room = ROOM * ((high - low) or abs(low) or 1.0)
    return low - room, high + room


def mark_beyond(ax: Axes, x: Any, y: Any, **look: Any) -> None:
    """An arrow with a number at the edge where points lie off a panel whose limits are final.

    Points that leave it at the same side share an arrow, with the least and the greatest of their numbers.

    Args:
        ax: the panel.
        x: of each point, or one for all.
        y: likewise.
        look: keywords of `Axes.plot`, but for marker and line.
    """
    (left, right), (bottom, top) = sorted(ax.get_xlim()), sorted(ax.get_ylim())
    points = np.stack(np.broadcast_arrays(np.atleast_1d(x), np.atleast_1d(y)), axis=-1).astype(float)
    across = (points[:, 0] > right).astype(int) - (points[:, 0] < left)
    up = np.where(across == 0, (points[:, 1] > top).astype(int) - (points[:, 1] < bottom), 0)
    for (side, rise), marker in ARROWS.items():
        beyond = points[(across == side) & (up == rise)]
        if not len(beyond):
            continue
        at = np.clip(beyond.mean(axis=0), (left, bottom), (right, top))
        far = sorted({number(value, 2).replace("-", "−"): value for value in beyond[:, 0 if side else 1]}.items(),
                     key=lambda one: one[1])  # fmt: skip
        text = far[0][0] if len(far) == 1 else f"{far[0][0]} to {far[-1][0]}"
        ax.plot(*at[:, None], clip_on=False, **look | {"marker": marker, "linestyle": "none"})
        ax.annotate(
            text, at, xytext=(-5 * side, -5 * rise), textcoords="offset points", fontsize=6, color="#333333",
            rotation=0 if side else 90, ha={1: "right", -1: "left", 0: "center"}[side],
            va={1: "top", -1: "bottom", 0: "center"}[rise], zorder=look.get("zorder", 3) + 1,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
        )  # fmt: skip
