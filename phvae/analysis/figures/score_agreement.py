"""Which scores order the runs of a data set alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from phvae.analysis.figures.style import DOUBLE, new_figure, styled
from phvae.analysis.presentation.metric_labels import metric_label

__all__ = ["ScoreAgreement"]


@dataclass(frozen=True)
class ScoreAgreement:
    """Rank correlations of scores over all runs of a data set.

    Attributes:
        correlations: scores by scores in [-1, 1], turned so that more is better; NaN where not known.
        runs: the fewest and the most runs behind them.
    """

    kind: ClassVar[str] = "score_agreement"
    correlations: pd.DataFrame
    runs: Sequence[int]

    def caption(self) -> str:
        """What to see in it."""
        few, many = self.runs
        count = f"{few} to {many}" if few < many else str(many)
        return (
            f"Spearman's rank correlation of scores, in tenths, over {count} runs, turned so that more is "
            "better: dark blue pairs call the same runs better, dark red ones opposite runs. A score that agrees with "
            "none measures something of its own, or nothing."
        )

    def draw(self) -> Figure:
        """Draw it."""
        values = self.correlations.to_numpy()
        labels = [metric_label(name, unit=False) for name in self.correlations.columns]
        side = min(0.28, (DOUBLE - 2.4) / len(labels))
        with styled():
            figure = new_figure(min(DOUBLE, 4.4 + side * len(labels)), 1.7 + side * len(labels))
            figure.get_layout_engine().set(h_pad=0.1)  # type: ignore[union-attr, call-arg] # slanted words grow with dots
            ax = figure.subplots()
            shown = np.ma.masked_where(~np.tri(len(labels), k=-1, dtype=bool) | np.isnan(values), values)
            shown = shown[1:, :-1]  # the first row and the last column of a triangle are empty
            image = ax.imshow(shown, vmin=-1, vmax=1, cmap="RdBu", interpolation="nearest")
            for i, j in zip(*np.nonzero(~np.ma.getmaskarray(shown)), strict=True):
                tenths = round(10 * shown[i, j])
                colour = "white" if abs(tenths) > 6 else "black"
                ax.text(j, i, str(tenths).replace("-", "−"), ha="center", va="center", fontsize=6, color=colour)
            ax.set_yticks(range(len(labels) - 1), labels[1:])
            ax.set_xticks(range(len(labels) - 1), labels[:-1], rotation=45, ha="right", rotation_mode="anchor")
            ax.tick_params(length=0)
            ax.spines[:].set_visible(False)
            scale = ax.inset_axes((0.5, 0.9, 0.45, 0.03))  # the triangle leaves that corner empty
            figure.colorbar(image, cax=scale, orientation="horizontal", label="rank correlation")
        return figure
