"""The scores of a data set, a dot a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phvae.analysis.figures.lettering import row_labels
from phvae.analysis.figures.looks import Look
from phvae.analysis.figures.off_axis import mark_beyond, span_of
from phvae.analysis.figures.panels import few_ticks, present, title_metric
from phvae.analysis.figures.style import DOUBLE, grid_of, new_figure, styled
from phvae.analysis.presentation.numbers import number

__all__ = ["ScoreStrips"]

_COLUMNS = 5


@dataclass(frozen=True)
class ScoreStrips:
    """The scores that a table shows, a strip a variant and a dot a seed: what lies behind each mean.

    Attributes:
        table: long table of one data set and training size.
        metrics: a panel each.
        variants: the strips, the baseline first.
        looks: variant -> how it is drawn.
        labels: variant -> name shown.
    """

    kind: ClassVar[str] = "score_strips"
    table: pd.DataFrame
    metrics: Sequence[str]
    variants: Sequence[str]
    looks: Mapping[str, Look]
    labels: Mapping[str, str] = field(default_factory=dict)

    def caption(self) -> str:
        """What to see in it."""
        return (
            "The scores that a table shows, a dot a seed; the dotted line is the floor (of a distance real data, of an "
            "error the mean image or row, of codes no information), the dashed one the ceiling, where they are known "
            "(named where it is off the panel). An arrow with a number is a dot off the panel. "
            "Strips that overlap are variants that seeds do not separate; a dot far from its strip is a run to look at."
        )

    def draw(self) -> Figure:
        """Draw it."""
        rows = present(self.table, self.metrics)
        shown, height = row_labels([self.labels.get(v, v) for v in self.variants])
        lines = -(-len(self.metrics) // _COLUMNS)
        with styled():
            figure = new_figure(DOUBLE, lines * (0.72 + 0.85 * height * max(len(self.variants), 4)))
            axes = grid_of(figure, len(self.metrics), _COLUMNS, sharey=True)
            for ax, metric in zip(axes, self.metrics, strict=True):
                here = rows[rows["metric"] == metric]
                values = [here.loc[here["variant"] == v, "value"].to_numpy(dtype=float) for v in self.variants]
                looks = [self.looks[variant] for variant in self.variants]
                front = [at for one, look in zip(values, looks, strict=True) if look.depth > Look.depth for at in one]
                ax.set_xlim(*span_of([(one.min(), one.mean(), one.max()) for one in values if len(one)], front))
                ax.set_ylim(len(self.variants) - 0.5, -0.5)
                for i, (one, look) in enumerate(zip(values, looks, strict=True)):
                    ax.scatter(one, np.full(len(one), i), color=look.colour, marker=look.marker, s=9, alpha=0.7)
                    mark_beyond(ax, one, i, color=look.colour)
                few_ticks(ax, 3)
                title_metric(ax, here, metric, DOUBLE / (_COLUMNS + 1))
                _levels(ax, here)
            for ax in axes:
                ax.set_yticks(range(len(shown)), shown)
        return figure


def _levels(ax: Axes, rows: pd.DataFrame) -> None:
    """The lines of the floor and the ceiling; one off the panel is named in the title."""
    low, high = ax.get_xlim()
    title = ax.get_title(loc="left")
    for name, line in (("floor", ":"), ("ceiling", "--")):
        level = float(rows[name].median())
        if low <= level <= high:
            ax.axvline(level, color="#7A7A7A", linewidth=0.7, linestyle=line, zorder=0)
        elif np.isfinite(level):
            text = number(level).replace("-", "−")
            title += f"\n{name} {text} →" if level > high else f"\n← {name} {text}"
    ax.set_title(title, linespacing=1.25)
