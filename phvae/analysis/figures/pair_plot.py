"""Pairs of a table's columns: what two models draw over the test rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phvae.analysis.figures.column_axes import bins, limits, share, short_ticks
from phvae.analysis.figures.lettering import wrap
from phvae.analysis.figures.looks import Look
from phvae.analysis.figures.style import DOUBLE, new_figure, shared_legend, styled

__all__ = ["PairPlot"]

POINTS = 400  # of the test rows and of each model: the first
BINS = 24


@dataclass(frozen=True)
class PairPlot:
    """Pairs of columns of drawn rows over the test rows: one model below the diagonal, another above.

    Attributes:
        samples: label -> (n, D) rows, original units; of one or two models, the first is below the diagonal.
        truth: (m, D) test rows, original units.
        columns: names of the D columns.
        looks: label -> how it is drawn.
    """

    kind: ClassVar[str] = "pair_plot"
    samples: Mapping[str, np.ndarray]
    truth: np.ndarray
    columns: Sequence[str]
    looks: Mapping[str, Look]

    def caption(self) -> str:
        """What to see in it."""
        sides = list(self.samples)
        where = f"{sides[0]} below the diagonal" + (f", {sides[1]} above it" if len(sides) > 1 else "")
        return (
            f"Rows drawn with observation noise (coloured, first seed: {where}) over the test rows (grey), {POINTS} of "
            "each at most, in the columns' own units; the columns that hang together most. On the diagonal each column "
            "alone. Coloured points should cover the grey ones and lie nowhere else."
        )

    def draw(self) -> Figure:
        """Draw it."""
        size, spans = len(self.columns), limits(self.truth)
        with styled():
            figure = new_figure(DOUBLE, 0.4 + DOUBLE * 0.9)
            axes = figure.subplots(size, size, squeeze=False)
            for (i, j), ax in np.ndenumerate(axes):
                if i == j:
                    self._column(ax, i, spans[i])
                else:
                    self._pair(ax, j, i, list(self.samples)[0 if i > j else -1])
                    ax.set_ylim(*spans[i])
                ax.set_xlim(*spans[j])
                _dress(ax, i, j, size)
                if i == size - 1:
                    ax.set_xlabel(wrap(self.columns[j], 18))
                if j == 0:
                    ax.set_ylabel(wrap(self.columns[i], 18))
            shared_legend(figure, list(axes.flat), 3)
        return figure

    def _column(self, ax: Axes, i: int, span: tuple[float, float]) -> None:
        edges = bins(self.truth[:, i], span, BINS)
        ax.stairs(share(self.truth[:, i], edges), edges, fill=True, color="#D9D9D9", label="test rows")
        for label, rows in self.samples.items():
            look = self.looks[label]
            ax.stairs(share(rows[:, i], edges), edges, color=look.colour, linestyle=look.line, label=label)

    def _pair(self, ax: Axes, x: int, y: int, label: str) -> None:
        for rows, colour, alpha in ((self.truth, "#A6A6A6", 0.7), (self.samples[label], self.looks[label].colour, 0.5)):
            ax.scatter(
                rows[:POINTS, x], rows[:POINTS, y], s=3, color=colour, alpha=alpha, linewidths=0, rasterized=True
            )


def _dress(ax: Axes, i: int, j: int, size: int) -> None:
    short_ticks(ax, "x", "y")
    if i < size - 1:
        ax.tick_params(labelbottom=False)
        ax.xaxis.get_offset_text().set_visible(False)
    if j > 0 or i == 0:  # the diagonal's heights are shares
        ax.tick_params(labelleft=False)
        ax.yaxis.get_offset_text().set_visible(False)
