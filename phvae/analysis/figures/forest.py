"""Differences from the baseline with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from phvae.analysis.figures.lettering import row_labels, wrap
from phvae.analysis.figures.panels import panel_width, present
from phvae.analysis.figures.style import DOUBLE, grid_of, new_figure, styled
from phvae.analysis.presentation.metric_labels import metric_label, short_unit
from phvae.analysis.statistics.against_baseline import against
from phvae.analysis.statistics.verdict import BETTER, WORSE

__all__ = ["Forest"]


@dataclass(frozen=True)
class Forest:
    """Difference of every variant from the baseline, paired by seed, with its 95 % interval.

    Filled: better or worse, by the rule of the tables. Hollow: not resolved, or neither direction is better. The shaded
    half is the better one.

    Attributes:
        table: long table of one data set and training size.
        metrics: a panel each.
        baseline: the variant that others are compared with.
        labels: variant -> name shown.
    """

    kind: ClassVar[str] = "forest"
    table: pd.DataFrame
    metrics: Sequence[str]
    baseline: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def caption(self) -> str:
        """What to see in it."""
        return (
            f"Difference of each variant from {self.labels.get(self.baseline, self.baseline)}, paired by seed, with "
            "its 95 % interval (the wider of Student's and Hall's). Filled: better or worse, by the rule of the "
            "tables. Hollow: not resolved, or neither direction is better. The shaded half is better. No correction "
            "for the number of comparisons; the claims are judged in their own table."
        )

    def draw(self) -> Figure:
        """Draw it."""
        rows = present(self.table, self.metrics)
        variants = [v for v in dict.fromkeys(rows["variant"]) if v != self.baseline]
        judged = against(self.table, self.baseline).set_index(["metric", "variant"])
        shown, height = row_labels([self.labels.get(v, v) for v in variants])
        panel = panel_width(shown, len(self.metrics))
        with styled():
            figure = new_figure(DOUBLE, 0.9 + height * max(len(variants), 3))
            axes = grid_of(figure, len(self.metrics), len(self.metrics), sharey=True)
            for ax, metric in zip(axes, self.metrics, strict=True):
                here = rows[rows["metric"] == metric]
                up = here["higher_is_better"].dropna()
                for i, variant in enumerate(variants):
                    if (metric, variant) not in judged.index:
                        continue
                    row = judged.loc[(metric, variant)]
                    if not row["pairs"]:
                        ax.text(
                            0.5, i, "no pairs", transform=ax.get_yaxis_transform(), ha="center", va="center", fontsize=6
                        )
                        continue
                    mean, *ends = row[["difference", "difference_low", "difference_high"]].astype(float)
                    low, high = (mean if np.isnan(end) else end for end in ends)
                    resolved = row["word"] in (BETTER, WORSE)
                    colour = "#0072B2" if resolved else "#444444"
                    ax.errorbar(
                        mean, i, xerr=[[mean - low], [high - mean]], fmt="o" if resolved else "D", color=colour,
                        markerfacecolor=colour if resolved else "white", capsize=1.8, elinewidth=0.9, markersize=3.6,
                    )  # fmt: skip
                ax.axvline(0, color="black", linewidth=0.7)
                left, right = ax.get_xlim()
                if len(up):
                    ax.axvspan(0, right if up.iloc[0] else left, color="#EAF2F8", linewidth=0, zorder=0)
                ax.set_xlim(left, right)
                ax.locator_params(axis="x", nbins=4)
                ax.set_title(wrap(metric_label(metric, unit=False), int(panel / 0.068)))
                ax.set_xlabel(f"difference{_unit(here)}")
            axes[0].set_yticks(range(len(variants)), shown)
            axes[0].set_ylim(len(variants) - 0.5, -0.5)
            for ax in axes[1:]:
                ax.tick_params(labelleft=False)
        return figure


def _unit(rows: pd.DataFrame) -> str:
    unit = short_unit(str(rows["unit"].iloc[0])) if len(rows) else ""
    return f" [{unit}]" if unit else ""
