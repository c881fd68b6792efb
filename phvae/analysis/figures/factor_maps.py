"""Which code carries which factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure

from phvae.analysis.figures.lettering import wrap
from phvae.analysis.figures.scores_in_words import with_score
from phvae.analysis.figures.style import DOUBLE, grid_of, new_figure, styled

__all__ = ["FactorMaps", "information"]

MOST_COLUMNS = 6  # with more, titles and names of factors run into each other


@dataclass(frozen=True)
class FactorMaps:
    """How much each code tells about each factor: mutual information over the factor's entropy, codes by level.

    Attributes:
        matrices: label -> (codes, factors) in [0, 1].
        levels: label -> number of levels; codes are ordered level by level.
        factor_names: names of the columns.
        scores: label -> a score of disentanglement, in words.
    """

    kind: ClassVar[str] = "factor_maps"
    matrices: Mapping[str, np.ndarray]
    levels: Mapping[str, int]
    factor_names: Sequence[str]
    scores: Mapping[str, str] = field(default_factory=dict)

    def caption(self) -> str:
        """What to see in it."""
        score = " The number above a panel is the mean over seeds." if self.scores else ""
        return (
            "Mutual information of each code with each factor over the factor's entropy, first seed, codes ordered by "
            "level; the scale ends at the largest value of all panels. A disentangled code has one dark cell a row; a "
            f"level that carries one scale has its dark cells in one block.{score}"
        )

    def draw(self) -> Figure:
        """Draw it."""
        codes = max(len(m) for m in self.matrices.values())
        top = max(0.1, *(float(m.max()) for m in self.matrices.values()))
        with styled():
            rows = -(-len(self.matrices) // MOST_COLUMNS)
            figure = new_figure(DOUBLE, rows * (0.95 + 0.155 * codes))
            axes = grid_of(figure, len(self.matrices), -(-len(self.matrices) // rows))
            for ax, (label, matrix) in zip(axes, self.matrices.items(), strict=True):
                image = ax.imshow(matrix, vmin=0, vmax=top, cmap="magma_r", aspect="auto", interpolation="nearest")
                levels = self.levels[label]
                size = len(matrix) // levels
                for k in range(1, levels):
                    ax.axhline(k * size - 0.5, color="#0072B2", linewidth=1)
                middles = [k * size + (size - 1) / 2 for k in range(levels)]
                names = [f"level {k + 1}" for k in range(levels)] if levels > 1 else ["code"]
                ax.set_yticks(middles, names, rotation=90, va="center")
                ax.set_xticks(
                    range(len(self.factor_names)), self.factor_names, rotation=45, ha="right", rotation_mode="anchor"
                )
                ax.tick_params(length=0)
                ax.spines[:].set_visible(True)
                ax.set_title(with_score(wrap(label, 20), self.scores.get(label)), linespacing=1.25)
            figure.colorbar(
                image, ax=axes, shrink=0.8, pad=0.01, label="MI(code, factor) / H(factor)", aspect=20 * rows
            )
        return figure


def information(codes: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Mutual information of each code with each factor over the factor's entropy, (codes, factors) in [0, 1].

    Codes (N, L) are cut into the bins of the MIG protocol; a factor (N, F) of one value gives 0. Examples whose code is
    not finite are left out.
    """
    from phvae.metrics.information import entropy, equal_width_bins, mutual_information

    finite = np.isfinite(codes).all(axis=1)
    if not finite.any():
        return np.zeros((codes.shape[1], factors.shape[1]))
    codes, factors = codes[finite], factors[finite]
    known = entropy(factors)
    shares: np.ndarray = mutual_information(equal_width_bins(codes), factors) / np.where(known > 0, known, 1)
    return shares
