"""How every figure looks: widths, type, panels and legends, files with equal bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from phvae.analysis.figures.lettering import wrap
from phvae.files import atomic

__all__ = ["DOUBLE", "grid_of", "new_figure", "save", "shared_legend", "styled"]

DOUBLE = 7.0  # inches: two columns of a page
DPI = 200

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


def save(figure: Figure, path: Path, suffixes: Sequence[str] = ("png", "pdf")) -> list[Path]:
    """Write `path`.png and `path`.pdf, each whole or not at all; equal figures give equal bytes."""
    metadata: Mapping[str, dict[str, Any]] = {"png": {"Software": None}, "pdf": {"CreationDate": None}}
    written = []
    with mpl.rc_context(_RC):
        _lay_out(figure)
        for suffix in suffixes:
            target = path.with_name(f"{path.name}.{suffix}")
            with atomic(target) as temporary:
                figure.savefig(temporary, format=suffix, dpi=DPI, metadata=metadata[suffix])
            written.append(target)
    return written


def _lay_out(figure: Figure) -> None:
    """Place everything, once: with a layout left to do, `savefig` draws each file twice."""
    if engine := figure.get_layout_engine():
        figure.dpi = DPI
        engine.execute(figure)
        figure.set_layout_engine(None)
