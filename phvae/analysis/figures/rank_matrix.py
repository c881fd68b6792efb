"""Variants by data sets: how much better than the baseline each is on each, and its mean rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phvae.analysis.figures.lettering import row_labels, wrap
from phvae.analysis.figures.looks import Look
from phvae.analysis.figures.panels import panel_width
from phvae.analysis.figures.style import DOUBLE, new_figure, styled
from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.presentation.numbers import number
from phvae.analysis.statistics.over_sets import IntervalEstimate
from phvae.words import plural

__all__ = ["RankMatrix"]

STRONGEST = 0.85  # share of cells that are paler than the darkest


@dataclass(frozen=True)
class RankMatrix:
    """The paired gain of every variant over the baseline on every data set, and mean ranks with intervals.

    Attributes:
        metric: what is measured.
        gains: variants (the baseline first) by data sets, better upwards; NaN where there is no pair.
        resolved: as `gains`, whether a variant is better or worse, by the rule of the tables.
        ranks: the mean rank of each variant.
        ranked: the data sets that ranks are means over.
        unit: what 1 is, in words; with `matters` the smallest effect that matters.
        matters: whether the unit is the smallest effect that matters.
        looks: variant -> how it is drawn.
        labels: variant -> name shown.
    """

    kind: ClassVar[str] = "rank_matrix"
    metric: str
    gains: pd.DataFrame
    resolved: pd.DataFrame
    ranks: IntervalEstimate
    ranked: Sequence[str]
    unit: str
    matters: bool
    looks: Mapping[str, Look]
    labels: Mapping[str, str] = field(default_factory=dict)

    def caption(self) -> str:
        """What to see in it."""
        one = f"the smallest effect that matters ({self.unit})" if self.matters else self.unit
        others = [name for name in self.gains.columns if name not in self.ranked]
        without = f", without {', '.join(others)}, where some value is missing or carries a caution" if others else ""
        return (
            f"How much better than {self._labels[0]} each variant is on each data set, paired by seed; 1 is {one}. "
            "Blue is better, red worse; bold where the rule of the tables says so, else not resolved. Right: "
            f"mean rank over {plural(len(self.ranked), 'data set')}{without}; 1 is best. Bars hold 95 % of draws of "
            "seeds within each data set: what other seeds would give on them."
        )

    def alt(self) -> str:
        """What is seen in it, in words."""
        told = (
            f"{label} {number(rank, 2)} ({number(low, 2)} to {number(high, 2)}), better than {self._labels[0]} on "
            f"{int((row[0] & (row[1] > 0)).sum())} and worse on {int((row[0] & (row[1] < 0)).sum())}"
            for label, rank, low, high, *row in zip(
                self._labels[1:], *(part[1:] for part in self.ranks), self.resolved.to_numpy()[1:],
                self.gains.to_numpy()[1:], strict=True,
            )
        )  # fmt: skip
        name, sets = metric_label(self.metric, unit=False), plural(len(self.gains.columns), "data set")
        return f"{name} on {sets}, mean rank: {'; '.join(told)}."

    def draw(self) -> Figure:
        """Draw it."""
        shown, height = row_labels(self._labels)
        with styled():
            figure = new_figure(DOUBLE, 1.3 + max(0.2, height) * len(shown))
            matrix, side = figure.subplots(1, 2, sharey=True, width_ratios=[3, 1])
            _matrix(matrix, self.gains.to_numpy(dtype=float), self.resolved.to_numpy())
            names = [str(name) for name in self.gains.columns]
            fits = 0.055 * max(map(len, names)) < 0.75 * panel_width(shown, 1) / len(names)
            slanted: Any = {} if fits else {"rotation": 30, "ha": "left", "rotation_mode": "anchor"}
            matrix.set_xticks(range(len(names)), names, **slanted)
            matrix.set_yticks(range(len(shown)), shown)
            for i, variant in enumerate(self.gains.index):
                value, low, high = (part[i] for part in self.ranks)
                look = self.looks[variant]
                side.plot([low, high], [i, i], color=look.colour, linewidth=1.3, solid_capstyle="butt")
                side.plot([value], [i], color=look.colour, marker=look.marker, markersize=4.5, zorder=look.depth)
            side.set(xlim=(0.7, len(shown) + 0.3), xticks=range(1, len(shown) + 1))
            side.set_xlabel("← better")
            side.set_title(wrap(f"mean rank, {plural(len(self.ranked), 'set')}", 24))
            side.tick_params(labelleft=False, length=2)
            figure.suptitle(
                f"{metric_label(self.metric, unit=False)}: gain over {self._labels[0]}; 1 is {self.unit}",
                x=0.01, ha="left", fontsize=7.5,
            )  # fmt: skip
        return figure

    @property
    def _labels(self) -> list[str]:
        return [self.labels.get(variant, variant) for variant in self.gains.index]


def _matrix(ax: Axes, gains: np.ndarray, resolved: np.ndarray) -> None:
    """The cells with their numbers; the few farthest from zero are as dark as the next."""
    known = np.abs(gains[np.isfinite(gains)])
    most = 1.25 * max(1.0, float(np.quantile(known, STRONGEST, method="lower")))
    ax.imshow(np.ma.masked_invalid(gains), vmin=-most, vmax=most, cmap="RdBu", aspect="auto", interpolation="nearest")
    for (i, j), gain in np.ndenumerate(gains):
        dark = abs(gain) > 0.6 * most
        colour = "white" if dark else "black" if resolved[i, j] else "#555555"
        weight = "bold" if resolved[i, j] else "normal"
        ax.text(j, i, _short(gain), ha="center", va="center", fontsize=6, color=colour, weight=weight)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _short(gain: float) -> str:
    """One decimal, none from 10 on.

    >>> _short(0.83), _short(-0.01), _short(-16.2), _short(float("nan"))
    ('0.8', '0.0', '−16', '–')
    """
    if np.isnan(gain):
        return "–"
    return f"{round(gain, 1) + 0.0:.{0 if abs(gain) >= 10 else 1}f}".replace("-", "−")  # + 0.0: no minus before a zero
