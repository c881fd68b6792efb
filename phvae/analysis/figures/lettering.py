"""Words on figures: broken into lines, and kept off each other."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

__all__ = ["label_apart", "row_labels", "wrap"]


def label_apart(ax: Axes, labels: Mapping[str, tuple[float, float]], avoid: Sequence[tuple[float, float]] = ()) -> None:
    """Write labels beside their points so that they cover neither each other nor the points of `avoid`.

    Where no place is free the usual one, above to the right, is taken. The figure's layout must be final.
    """
    size, figure = 6.0, ax.get_figure(root=True)
    assert figure is not None
    unit = figure.dpi / 72

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x, y = ax.transData.transform(point) / unit
        return float(x), float(y)

    taken = [(x - 2.5, y - 2.5, x + 2.5, y + 2.5) for x, y in map(place, [*avoid, *labels.values()])]
    frame = ax.get_window_extent()
    bottom, right = frame.y0 / unit, frame.x1 / unit + 6  # a letter may stand in the margin
    for text, point in labels.items():
        (x, y), width, height = place(point), 0.58 * size * len(text), size + 0.5
        near = [(4.0, 3.0), (-width - 4, 3.0), (4.0, -height - 3), (-width - 4, -height - 3)]
        far = [(dx, 9.0 if dy > 0 else -height - 9) for dx, dy in near]
        boxes = [(x + dx - 1, y + dy, x + dx + width + 1, y + dy + height) for dx, dy in (*near, *far)]
        free = [
            i
            for i, (left, low, end, high) in enumerate(boxes)
            if low > bottom
            and end <= right
            and not any(left < c and a < end and low < d and b < high for a, b, c, d in taken)
        ]
        chosen = free[0] if free else 0
        taken.append(boxes[chosen])
        ax.annotate(
            text, point, xytext=(*near, *far)[chosen], textcoords="offset points", fontsize=size, color="#333333",
            path_effects=[withStroke(linewidth=1.5, foreground="white")],
        )  # fmt: skip


def wrap(text: str, width: int = 16) -> str:
    """Break a label at spaces so that no line is longer than `width` where that is possible; given breaks stay.

    >>> wrap("PH-VAE 3, log-ratio", 10)
    'PH-VAE 3,\\nlog-ratio'
    """
    options: Any = {"width": width, "break_long_words": False, "break_on_hyphens": False}
    return "\n".join(line for part in text.split("\n") for line in textwrap.wrap(part, **options) or [""])


def row_labels(labels: Sequence[str], width: int = 26) -> tuple[list[str], float]:
    r"""Labels of rows, wrapped, and the height in inches that one row needs.

    >>> row_labels(["VAE", "PH-VAE of order three, matched"])
    (['VAE', 'PH-VAE of order three,\nmatched'], 0.25)
    """
    wrapped = [wrap(label, width) for label in labels]
    return wrapped, 0.125 * max(1.4, *(float(label.count("\n") + 1) for label in wrapped))
