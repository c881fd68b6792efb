"""The columns of a table, each on its own: what models draw beside the test rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure

from phvae.analysis.figures.column_axes import bins, limits, share, short_ticks
from phvae.analysis.figures.lettering import wrap
from phvae.analysis.figures.looks import Look
from phvae.analysis.figures.style import DOUBLE, grid_of, new_figure, shared_legend, styled

__all__ = ["Marginals"]

BINS = 32
_ACROSS = 4


@dataclass(frozen=True)
class Marginals:
    """Each column of drawn rows beside the test rows.

    Attributes:
        samples: label -> (n, D) rows, original units.
        truth: (m, D) test rows, original units.
        columns: names of the D columns.
        looks: label -> how it is drawn.
        left_out: how many columns of the table are not shown.
    """

    kind: ClassVar[str] = "marginals"
    samples: Mapping[str, np.ndarray]
    truth: np.ndarray
    columns: Sequence[str]
    looks: Mapping[str, Look]
    left_out: int = 0

    def caption(self) -> str:
        """What to see in it."""
        chosen = f" Shown are the columns that models miss most; {self.left_out} more are not." if self.left_out else ""
        return (
            "Each column of rows drawn with observation noise (lines, first seed) beside that of the test rows (grey), "
            "in the column's own unit. A model that learnt a column fills the grey shape: look for missing modes, and "
            f"for mass where the data have none.{chosen}"
        )

    def draw(self) -> Figure:
        """Draw it."""
        count = len(self.columns)
        with styled():
            figure = new_figure(DOUBLE, 0.4 + 1.3 * -(-count // _ACROSS))
            axes = grid_of(figure, count, _ACROSS)
            for j, (ax, name, span) in enumerate(zip(axes, self.columns, limits(self.truth), strict=True)):
                edges = bins(self.truth[:, j], span, BINS)
                ax.stairs(share(self.truth[:, j], edges), edges, fill=True, color="#D9D9D9", label="test rows")
                for label, rows in self.samples.items():
                    look = self.looks[label]
                    heights = share(rows[:, j], edges)
                    line = {"color": look.colour, "linestyle": look.line, "linewidth": 0.9, "zorder": look.depth}
                    ax.stairs(heights, edges, label=label, **line)
                ax.set_title(wrap(name, 24))
                ax.set_xlim(*span)
                ax.set_yticks([])
                ax.spines["left"].set_visible(False)
                short_ticks(ax, "x")
            shared_legend(figure, axes, 5)
        return figure
