"""Every seed as a thin line through the variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from phvae.analysis.figures.lettering import row_labels
from phvae.analysis.figures.looks import Look
from phvae.analysis.figures.panels import panel_width, present, title_metric
from phvae.analysis.figures.style import DOUBLE, grid_of, new_figure, styled

__all__ = ["PairedSeeds"]


@dataclass(frozen=True)
class PairedSeeds:
    """Every seed as a thin line through the variants: lines that run alike show what pairing by seed removes.

    Attributes:
        table: long table of one data set and training size.
        metrics: a panel each.
        variants: the columns, the baseline first.
        looks: variant -> how it is drawn.
        labels: variant -> name shown.
    """

    kind: ClassVar[str] = "paired_seeds"
    table: pd.DataFrame
    metrics: Sequence[str]
    variants: Sequence[str]
    looks: Mapping[str, Look]
    labels: Mapping[str, str] = field(default_factory=dict)

    def caption(self) -> str:
        """What to see in it."""
        return (
            "Every seed as a thin line through the variants; bars are means. Parallel lines show variation that "
            "pairing by seed removes; crossing lines show differences that are not resolved."
        )

    def draw(self) -> Figure:
        """Draw it."""
        rows = present(self.table, self.metrics)
        shown, height = row_labels([self.labels.get(v, v) for v in self.variants])
        panel = panel_width(shown, len(self.metrics))
        with styled():
            figure = new_figure(DOUBLE, 0.85 + 1.5 * height * max(len(self.variants), 3))
            axes = grid_of(figure, len(self.metrics), len(self.metrics), sharey=True)
            at = np.arange(len(self.variants))
            for ax, metric in zip(axes, self.metrics, strict=True):
                values = rows[rows["metric"] == metric].pivot_table(index="seed", columns="variant", values="value")
                values = values.reindex(columns=list(self.variants))
                ax.plot(values.to_numpy(dtype=float).T, at, color="#9A9A9A", linewidth=0.6, zorder=1)
                for i, variant in enumerate(self.variants):
                    seen = values[variant].dropna().to_numpy(dtype=float)
                    if len(seen) == 0:
                        ax.text(
                            0.5, i, "no runs", transform=ax.get_yaxis_transform(), ha="center", va="center", fontsize=6
                        )
                        continue
                    style = self.looks[variant]
                    ax.scatter(seen, np.full(len(seen), i), color=style.colour, marker=style.marker, s=11, linewidths=0)
                    ax.vlines(seen.mean(), i - 0.3, i + 0.3, color=style.colour, linewidth=1.6, zorder=3)
                ax.locator_params(axis="x", nbins=4)
                title_metric(ax, rows, metric, panel)
            axes[0].set_yticks(at, shown)
            axes[0].set_ylim(len(self.variants) - 0.5, -0.5)
            for ax in axes[1:]:
                ax.tick_params(labelleft=False)
        return figure
