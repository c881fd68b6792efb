"""Whether a figure's words can be read: none is small, cut or covered, no panel empty."""

from __future__ import annotations

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.text import Text


def texts(figure: Figure) -> list[tuple[Text, mpl.transforms.Bbox]]:
    """Every text that is seen, with its place on the figure."""
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    hidden: set[int] = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            room = 1e-6 * (high - low)
            kept = [t for t in axis.get_major_ticks() if low - room <= t.get_loc() <= high + room]
            labels = {id(label) for t in [*axis.majorTicks, *axis.minorTicks] for label in (t.label1, t.label2)}
            hidden |= labels - {id(tick.label1) for tick in kept}
    return [
        (text, text.get_window_extent(renderer))
        for text in figure.findobj(Text)
        if isinstance(text, Text) and text.get_visible() and text.get_text().strip() and id(text) not in hidden
    ]


def check_layout(figure: Figure) -> None:
    figure.draw_without_rendering()
    found = texts(figure)
    width, height = figure.bbox.width, figure.bbox.height
    for text, box in found:
        assert text.get_fontsize() >= 6, f"{text.get_text()!r} is of {text.get_fontsize()} points"
        cut = min(box.x0, box.y0, width - box.x1, height - box.y1)
        assert cut > -1, f"{text.get_text()!r} is cut by {-cut:.1f} pixels"
    for i, (one, a) in enumerate(found):
        for two, b in found[i + 1 :]:
            if one.get_rotation() % 90 or two.get_rotation() % 90:
                continue  # rotated labels have boxes larger than their letters
            wide = min(a.x1, b.x1) - max(a.x0, b.x0)
            tall = min(a.y1, b.y1) - max(a.y0, b.y0)
            assert min(wide, tall) < 1.5, f"{one.get_text()!r} lies on {two.get_text()!r}"
    for axes in figure.axes:
        assert axes.has_data() or axes.get_label() == "<colorbar>", "an empty panel"
