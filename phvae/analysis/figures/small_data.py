"""Metrics by the number of training examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import pandas as pd
from matplotlib.figure import Figure

from phvae.analysis.figures.interval_lines import draw_lines
from phvae.analysis.figures.looks import Look
from phvae.analysis.figures.panels import present, title_metric
from phvae.analysis.figures.style import DOUBLE, grid_of, new_figure, shared_legend, styled
from phvae.analysis.results.long_table import size_key

__all__ = ["SmallData"]


@dataclass(frozen=True)
class SmallData:
    """Each metric against the number of training examples; mean over seeds, the bar its 95 % interval.

    Attributes:
        table: long table of one data set, all training sizes.
        metrics: a panel each.
        variants: the lines.
        looks: variant -> how it is drawn.
        labels: variant -> name shown.
    """

    kind: ClassVar[str] = "small_data"
    table: pd.DataFrame
    metrics: Sequence[str]
    variants: Sequence[str]
    looks: Mapping[str, Look]
    labels: Mapping[str, str] = field(default_factory=dict)

    def caption(self) -> str:
        """What to see in it."""
        return (
            "Metrics by number of training examples; mean over seeds, the bar its 95 % interval; markers beside each "
            "other are of one number of examples. A help for small data shows as a gap that widens to the left."
        )

    def draw(self) -> Figure:
        """Draw it."""
        rows = present(self.table, self.metrics)
        sizes = sorted(dict.fromkeys(rows["n_train"].astype(str)), key=size_key)
        columns = 2 if len(self.metrics) == 4 else min(len(self.metrics), 3)
        with styled():
            figure = new_figure(DOUBLE, 0.5 + 1.7 * -(-len(self.metrics) // columns))
            axes = grid_of(figure, len(self.metrics), columns)
            for ax, metric in zip(axes, self.metrics, strict=True):
                here = rows[rows["metric"] == metric]
                ax.set_xlim(-0.4, len(sizes) - 0.6)
                lines = {}
                for variant in self.variants:
                    groups = {str(n): g["value"] for n, g in here[here["variant"] == variant].groupby("n_train")}
                    if groups:
                        known = {i: groups[n] for i, n in enumerate(sizes) if n in groups}
                        lines[self.labels.get(variant, variant)] = self.looks[variant], known
                draw_lines(ax, lines)
                ax.set_xticks(range(len(sizes)), sizes)
                ax.set_xlabel("training examples")
                title_metric(ax, rows, metric, DOUBLE / columns)
            shared_legend(figure, axes, 4)
        return figure
