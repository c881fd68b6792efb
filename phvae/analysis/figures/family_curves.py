"""Scores over the rate: a curve for each tuned family, with the weight that was chosen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phvae.analysis.figures.looks import Look
from phvae.analysis.figures.off_axis import mark_beyond, span_of
from phvae.analysis.figures.panels import few_ticks, present, title_metric
from phvae.analysis.figures.style import DOUBLE, grid_of, new_figure, shared_legend, styled
from phvae.analysis.statistics.rate_distortion import RATE

__all__ = ["FamilyCurves"]


@dataclass(frozen=True)
class FamilyCurves:
    """Scores against rate KL(q||p): a line a family of variants that differ in the weight of their divergence alone.

    Attributes:
        table: long table of one data set and training size, of the seeds that chose no weight.
        metrics: a panel each.
        families: name -> its variants, in the order of their line.
        chosen: variants whose weight was chosen.
        looks: family -> how it is drawn.
    """

    kind: ClassVar[str] = "family_curves"
    table: pd.DataFrame
    metrics: Sequence[str]
    families: Mapping[str, Sequence[str]]
    chosen: Collection[str]
    looks: Mapping[str, Look]

    def caption(self) -> str:
        """What to see in it."""
        return (
            "Scores against rate KL(q‖p): a line a family, a point a weight of its divergence, mean and standard "
            "deviation over the seeds that chose no weight. Filled: the weight chosen on the others; an arrow with "
            "a number: off the panel. Where the rates of two lines do not overlap, nothing compares them there."
        )

    def draw(self) -> Figure:
        """Draw it."""
        columns = min(len(self.metrics), 3)
        with styled():
            figure = new_figure(DOUBLE, 0.5 + 2.1 * -(-len(self.metrics) // columns))
            axes = grid_of(figure, len(self.metrics), columns)
            for ax, metric in zip(axes, self.metrics, strict=True):
                rows = present(self.table, [RATE, metric])
                wide = rows.pivot_table(index=["variant", "seed"], columns="metric", values="value").dropna()
                by_variant = wide.groupby("variant")[[RATE, metric]]
                mean, spread = by_variant.mean(), by_variant.std().fillna(0)
                ax.set_xlim(*span_of((), [*(mean - spread)[RATE], *(mean + spread)[RATE]]))
                ends = mean - spread, mean, mean + spread
                ax.set_ylim(*span_of(zip(*(end[metric] for end in ends), strict=True)))
                for family, variants in self.families.items():
                    self._line(ax, mean, spread, metric, family, variants)
                few_ticks(ax)
                title_metric(ax, self.table, metric, DOUBLE / columns)
                ax.set_xlabel("rate: KL [nats]")
            shared_legend(figure, axes, 4)
        return figure

    def _line(
        self, ax: Axes, mean: pd.DataFrame, spread: pd.DataFrame, metric: str, family: str, variants: Sequence[str]
    ) -> None:
        """One family in a panel; `mean` and `spread`: rate and metric, indexed by variant."""
        known = [variant for variant in variants if variant in mean.index]
        if not known:
            return
        look = self.looks[family]
        ax.errorbar(
            mean.loc[known, RATE], mean.loc[known, metric], xerr=spread.loc[known, RATE],
            yerr=spread.loc[known, metric], elinewidth=0.6, markerfacecolor="white", markersize=4.5, label=family,
            **look.keywords,
        )  # fmt: skip
        filled = mean.loc[[variant for variant in known if variant in self.chosen]]
        ax.plot(
            filled[RATE], filled[metric], color=look.colour, marker=look.marker, markersize=6, linestyle="none",
            zorder=7,
        )  # fmt: skip
        for variant in known:
            mark_beyond(ax, mean.loc[variant, RATE], mean.loc[variant, metric], color=look.colour, zorder=look.depth)
