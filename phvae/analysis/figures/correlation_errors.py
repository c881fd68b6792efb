"""Correlations of a table's columns, and how far models miss them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure

from phvae.analysis.figures.lettering import wrap
from phvae.analysis.figures.style import DOUBLE, grid_of, new_figure, styled

__all__ = ["CorrelationErrors"]

NAMED = 25  # columns whose names have room


@dataclass(frozen=True)
class CorrelationErrors:
    """Correlations among the test rows, and the difference from them among drawn rows.

    Attributes:
        truth: (D, D) correlations of the test rows.
        samples: label -> (D, D) correlations of drawn rows.
        columns: names of the D columns.
    """

    kind: ClassVar[str] = "correlation_errors"
    truth: np.ndarray
    samples: Mapping[str, np.ndarray]
    columns: Sequence[str]

    def caption(self) -> str:
        """What to see in it."""
        return (
            "Correlations of the columns among the test rows (first panel), and by how much those of rows drawn with "
            "observation noise differ from them (first seed), on one scale. White is right: a panel that repeats the "
            "first one in the opposite colours has learnt no correlation."
        )

    def draw(self) -> Figure:
        """Draw it."""
        panels = {"test rows": self.truth} | {
            f"{label}: difference": found - self.truth for label, found in self.samples.items()
        }
        across = min(3, len(panels))
        with styled():
            figure = new_figure(DOUBLE, 0.6 + 2.2 * -(-len(panels) // across))
            axes = grid_of(figure, len(panels), across, sharex=True, sharey=True)
            for ax, (title, matrix) in zip(axes, panels.items(), strict=True):
                image = ax.imshow(matrix, vmin=-1, vmax=1, cmap="RdBu_r", interpolation="nearest")
                ax.set_title(wrap(title, 30))
                ax.tick_params(length=0)
                ax.spines[:].set_visible(True)
                if len(self.columns) <= NAMED:
                    places, names = range(len(self.columns)), [wrap(name, 10) for name in self.columns]
                    ax.set_xticks(places, names, rotation=90, fontsize=6)
                    ax.set_yticks(places, names, fontsize=6)
                else:
                    ax.set_xticks([])
                    ax.set_yticks([])
            figure.colorbar(image, ax=axes, shrink=0.8, pad=0.01, label="correlation, or its difference")
        return figure
