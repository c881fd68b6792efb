"""Which code carries which factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure

from phvae.analysis.figures.lettering import wrap
from phvae.analysis.figures.style import DOUBLE, grid_of, new_figure, styled

__all__ = ["FactorMaps", "information"]


@dataclass(frozen=True)
class FactorMaps:
    """How much each code tells about each factor: mutual information over the factor's entropy, codes by level.

    Attributes:
        matrices: label -> (codes, factors) in [0, 1].
        levels: label -> number of levels; codes are ordered level by level.
        factor_names: names of the columns.
    """

    kind: ClassVar[str] = "factor_maps"
    matrices: Mapping[str, np.ndarray]
    levels: Mapping[str, int]
    factor_names: Sequence[str]

    def caption(self) -> str:
        """What to see in it."""
        return (
            "Mutual information of each code with each factor over the factor's entropy, first seed, codes ordered by "
            "level. A disentangled code has one dark cell a row; a level that carries one scale has its dark cells in "
            "one block."
        )

    def draw(self) -> Figure:
        """Draw it."""
        count = len(self.matrices)
        codes = max(len(m) for m in self.matrices.values())
        with styled():
            figure = new_figure(DOUBLE, 0.85 + 0.155 * codes * -(-count // 4))
            axes = grid_of(figure, count, 4)
            for ax, (label, matrix) in zip(axes, self.matrices.items(), strict=True):
                image = ax.imshow(matrix, vmin=0, vmax=1, cmap="magma_r", aspect="auto", interpolation="nearest")
                size = len(matrix) // self.levels[label]
                for k in range(1, self.levels[label]):
                    ax.axhline(k * size - 0.5, color="#0072B2", linewidth=1)
                middles = [k * size + (size - 1) / 2 for k in range(self.levels[label])]
                ax.set_yticks(middles, [f"level {k + 1}" for k in range(self.levels[label])], rotation=90, va="center")
                ax.set_xticks(
                    range(len(self.factor_names)), self.factor_names, rotation=45, ha="right", rotation_mode="anchor"
                )
                ax.tick_params(length=0)
                ax.spines[:].set_visible(True)
                ax.set_title(wrap(label, 20))
            figure.colorbar(image, ax=axes, shrink=0.8, pad=0.01, label="MI(code, factor) / H(factor)")
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
