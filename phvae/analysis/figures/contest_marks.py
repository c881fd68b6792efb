"""The marks of a contest figure: a point with its interval, cut where the axis ends, and where that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patheffects import withStroke

from phvae.analysis.figures.contest_bands import ContestPoint
from phvae.analysis.figures.off_axis import mark_beyond

__all__ = ["CURVE_ERROR", "draw_contest", "limits", "mark_keywords", "ticks"]

NEAR, USUAL = 1.5, 4.0  # the axis reaches as far as NEAR at least, and is not cut before USUAL
CURVE_ERROR = "#C4CAD0"
HALO = withStroke(linewidth=1.5, foreground="white")
SHARE, ROOM = 0.85, 1.25  # this share of all points lies inside, with room beyond


def limits(points: Sequence[ContestPoint]) -> tuple[float, float]:
    """Where the axis ends: it holds all intervals, but few far points do not squeeze the others."""
    ends = np.array([(point.start, point.position, point.end) for point in points], dtype=float)
    far = np.abs(ends[:, 1][np.isfinite(ends[:, 1])])
    most = max(USUAL, ROOM * float(np.quantile(far, SHARE, method="lower"))) if len(far) else USUAL
    known = ends[np.isfinite(ends)]
    low, high = (1.04 * float(end(known, initial=0.0)) for end in (np.min, np.max))
    return max(-most, min(-NEAR, low)), min(most, max(NEAR, high))


def ticks(low: float, high: float) -> list[float]:
    """Ticks with -1, 0 and 1 among them, and a whole step for the others.

    >>> ticks(-3.0, 1.5), ticks(-40.0, 9.0)
    ([-3.0, -2.0, -1.0, 0.0, 1.0], [-40.0, -30.0, -20.0, -10.0, 0.0])
    """
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 1e4, 1e5, 1e9) if (high - low) / step <= 9)
    steps = [step * k for k in range(int(np.ceil(low / step)), int(high // step) + 1)]
    ones = [-1.0, 1.0] if step in (2, 5) else []
    return sorted(float(at) for at in {*steps, *ones})


def mark_keywords(point: ContestPoint, *, pale: bool) -> dict[str, Any]:
    """How a point is drawn, as keywords of `Axes.plot`: in its colour or a paler one; hollow for a stand-in."""
    colour = _pale(point.look.colour) if pale else point.look.colour
    face = "white" if point.stand_in else colour
    return {"color": colour, "marker": point.look.marker, "markerfacecolor": face, "linestyle": "none"}


def draw_contest(ax: Axes, point: ContestPoint, y: float, inside: tuple[float, float], height: float) -> None:
    """One point with its interval on a line that is `height` points high: black where it is the hardest, else pale.

    The limits of the axes are final: what lies off them has an arrow, a point there its number beside it.
    """
    if point.reason:
        ax.text(0, y, point.reason, ha="center", va="center", fontsize=6, color="#555555", path_effects=[HALO])
        return
    low, high = inside
    look = mark_keywords(point, pale=not point.hardest)
    edge, width, order = ("black", 1.3, 5) if point.hardest else (look["color"], 0.9, 3)
    look |= {"markeredgecolor": edge, "markeredgewidth": 0.8 if point.hardest or point.stand_in else 0.4}
    look |= {"markersize": min(4.2, max(2.6, 0.5 * height)) * (1.25 if point.hardest else 1)}
    if point.error:
        ax.fill_betweenx([y - 0.3, y + 0.3], -point.error, point.error, color=CURVE_ERROR, linewidth=0, zorder=0.5)
    start, end = np.clip([point.start, point.end], low, high)
    ax.plot([start, end], [y, y], color=edge, linewidth=width, solid_capstyle="butt", zorder=order)
    for at, arrow, cut in (
        (low, "<", point.start < low <= point.position),
        (high, ">", point.end > high >= point.position),
    ):
        if cut:
            ax.plot([at], [y], clip_on=False, zorder=order, **look | {"marker": arrow, "markersize": 2.5})
    mark_beyond(ax, point.position, y, zorder=order + 1, **look)
    if low <= point.position <= high:
        ax.plot([point.position], [y], clip_on=False, zorder=order + 1, **look)


def _pale(colour: str) -> str:
    """A third of the way to white."""
    red, green, blue = to_rgb(colour)
    return to_hex(((1 + 2 * red) / 3, (1 + 2 * green) / 3, (1 + 2 * blue) / 3))
