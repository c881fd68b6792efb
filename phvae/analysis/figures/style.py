"""How every figure looks: widths, type, colours that survive grey print, words on axes, files with equal bytes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from phvae.files import atomic

__all__ = [
    "COLOURS",
    "DOUBLE",
    "Look",
    "direction",
    "grid_of",
    "label_apart",
    "looks",
    "metric_label",
    "new_figure",
    "row_labels",
    "save",
    "shared_legend",
    "styled",
    "wrap",
]

DOUBLE = 7.0  # inches: two columns of a page
DPI = 200

# Okabe and Ito (2008): told apart with every common colour blindness; ordered so that neighbours differ in grey too.
COLOURS = ("#000000", "#D55E00", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#7A7A7A")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h")
_LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.2, 1.2, 1.2)), (0, (3, 3)))

_MEASURED_ON = {"samples_mean": "samples (means)", "samples_model": "samples (with noise)"}

_RC: Any = {
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same figure on every machine
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.formatter.useoffset": False,
    "grid.linewidth": 0.4,
    "grid.color": "#DDDDDD",
    "lines.linewidth": 1.1,
    "lines.markersize": 4,
    "hatch.linewidth": 0.5,
    "image.cmap": "cividis",
    "pdf.fonttype": 42,  # text stays text: editable and searchable
    "figure.dpi": 110,
}


@dataclass(frozen=True)
class Look:
    """How one variant is drawn: colour, marker and line together, so that grey print still tells them apart."""

    colour: str
    marker: str
    line: Any

    @property
    def keywords(self) -> dict[str, Any]:
        """As keywords of `Axes.plot`."""
        return {"color": self.colour, "marker": self.marker, "linestyle": self.line}


def looks(variants: Iterable[str]) -> dict[str, Look]:
    """A look for each variant, in the given order; no two alike up to 24.

    >>> looks(["vae", "ph-vae-3"])["vae"].colour
    '#000000'
    """
    return {
        name: Look(COLOURS[i % 8], _MARKERS[i % 12], _LINES[(i + i // 8) % len(_LINES)])
        for i, name in enumerate(variants)
    }


@contextmanager
def styled() -> Iterator[None]:
    """Draw inside this block with the project's style; the caller's own settings come back after it."""
    import seaborn

    with mpl.rc_context({**seaborn.axes_style("ticks"), **_RC}):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches whose layout keeps labels apart; no window and no global state."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.03, hspace=0.03)  # type: ignore[union-attr, call-arg]
    return figure


def grid_of(figure: Figure, n: int, columns: int, **options: Any) -> list[Axes]:
    """n axes in rows of at most `columns`; the places left over are removed, not left empty."""
    columns = min(n, columns)
    rows = -(-n // columns)
    found = list(figure.subplots(rows, columns, squeeze=False, **options).flat)
    for spare in found[n:]:
        spare.remove()
    return found[:n]


def shared_legend(figure: Figure, axes: Sequence[Axes], columns: int) -> None:
    """One legend above all panels, each name once, in at most `columns` and in no more than the width holds."""
    found: dict[str, Artist] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    labels = [wrap(label, 40) for label in found]
    widest = 0.55 + 0.06 * max(len(line) for label in labels for line in label.split("\n"))
    columns = max(1, min(columns, len(found), int(figure.get_size_inches()[0] / widest)))
    figure.legend(handles=list(found.values()), labels=labels, loc="outside upper center", ncols=columns)


def label_apart(ax: Axes, labels: Mapping[str, tuple[float, float]], avoid: Sequence[tuple[float, float]] = ()) -> None:
    """Write labels beside their points so that they cover neither each other nor the points of `avoid`.

    Where no place is free the usual one, above to the right, is taken. The figure's layout must be final.
    """
    size, figure = 5.5, ax.get_figure(root=True)
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


def save(figure: Figure, path: Path) -> list[Path]:
    """Write `path`.png and `path`.pdf, each whole or not at all; equal figures give equal bytes."""
    metadata: Mapping[str, dict[str, Any]] = {"png": {"Software": None}, "pdf": {"CreationDate": None}}
    written = []
    for suffix in ("png", "pdf"):
        target = path.with_name(f"{path.name}.{suffix}")
        with atomic(target) as temporary, mpl.rc_context(_RC):
            figure.savefig(temporary, format=suffix, dpi=DPI, metadata=metadata[suffix])
        figure.set_layout_engine("none")  # laid out once, for both files
        written.append(target)
    return written
