"""Every variant beside the baseline: each seed, and the interval of the paired difference."""

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
from phvae.analysis.figures.panels import few_ticks, panel_width, present, title_metric
from phvae.analysis.figures.style import DOUBLE, grid_of, new_figure, styled
from phvae.analysis.results.long_table import RUN
from phvae.analysis.statistics.against_baseline import against
from phvae.analysis.statistics.verdict import BETTER, WORSE

__all__ = ["PairedSeeds"]

ABOVE, BELOW = -0.14, 0.22  # of a row: where the interval is, and where the seeds are


@dataclass(frozen=True)
class PairedSeeds:
    """Every variant beside the baseline: its seeds, a thin line each, and the interval of the paired difference.

    The interval of the difference, 95 %, starts from the baseline's mean: where it leaves out that line, they differ.
    Filled: better or worse, by the rule of the tables. Hollow: not resolved, or neither direction is better. The shaded
    half is the better one.

    Attributes:
        table: long table of one data set and training size.
        metrics: a panel each.
        variants: the rows, the baseline first.
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
        name = self.labels.get(self.variants[0], self.variants[0])
        return (
            f"Each variant beside {name} (the line): the 95 % interval of the difference paired by seed (the wider of "
            f"Student's and Hall's), drawn from {name}'s mean; below it every seed, joined by thin lines. Filled: "
            "better or worse, by the rule of the tables; hollow: not resolved, or neither direction is better. The "
            "shaded half is better; an arrow with a number is off the panel. Parallel lines show variation that "
            "pairing removes. No correction for the number of comparisons; the claims are judged in their own table."
        )

    def draw(self) -> Figure:
        """Draw it."""
        wanted = self.table["metric"].isin([*self.metrics, RUN]) & self.table["variant"].isin(self.variants)
        table = self.table[wanted]
        judged = against(table, self.variants[0])
        rows = present(table, self.metrics)
        shown, height = row_labels([self.labels.get(v, v) for v in self.variants])
        panel = panel_width(shown, len(self.metrics))
        with styled():
            figure = new_figure(DOUBLE, 0.85 + 1.2 * height * max(len(self.variants), 3))
            axes = grid_of(figure, len(self.metrics), len(self.metrics), sharey=True)
            axes[0].set_yticks(range(len(self.variants)), shown)
            axes[0].set_ylim(len(self.variants) - 0.5, -0.5)
            for ax, metric in zip(axes, self.metrics, strict=True):
                self._panel(ax, rows[rows["metric"] == metric], judged[judged["metric"] == metric].set_index("variant"))
                few_ticks(ax)
                title_metric(ax, rows, metric, panel)
            for ax in axes[1:]:
                ax.tick_params(labelleft=False)
        return figure

    def _panel(self, ax: Axes, rows: pd.DataFrame, judged: pd.DataFrame) -> None:
        """One metric: `judged` is `against` the baseline, indexed by variant."""
        values = rows.pivot_table(index="seed", columns="variant", values="value").reindex(columns=list(self.variants))
        seeds = values.to_numpy(dtype=float).T
        baseline = float(judged["mean"].get(self.variants[0], np.nan))
        columns = ["difference_low", "difference", "difference_high"]
        ends = baseline + judged[columns].reindex(list(self.variants)).to_numpy(dtype=float)
        ends[0] = baseline
        whole = np.column_stack([seeds, ends])
        some = np.isfinite(whole).any(axis=1)
        middle = np.where(np.isfinite(ends[some, 1]), ends[some, 1], np.nanmean(whole[some], axis=1))
        spread = zip(np.nanmin(whole[some], axis=1), middle, np.nanmax(whole[some], axis=1), strict=True)
        front = [self.looks[variant].depth > Look.depth for variant in self.variants]
        ax.set_xlim(*span_of(spread, [at for at in ends[front, 1] if np.isfinite(at)]))
        self._better(ax, rows, baseline)
        (left, right), at = ax.get_xlim(), np.arange(len(self.variants))
        ax.plot(seeds, at + BELOW, color="#C4C4C4", linewidth=0.4, zorder=1)
        for i, variant in enumerate(self.variants):
            seen, (low, mean, high) = seeds[i][np.isfinite(seeds[i])], ends[i]
            look, word = self.looks[variant], judged["word"].get(variant, "")
            ax.scatter(seen, np.full(len(seen), i + BELOW), color=look.colour, s=4, linewidths=0, alpha=0.7, zorder=2)
            if not np.isfinite(mean):
                text = "no pairs" if len(seen) else "no value"
                ax.text(0.5, i, text, transform=ax.get_yaxis_transform(), ha="center", va="center", fontsize=6)
                continue
            face = look.colour if i == 0 or word in (BETTER, WORSE) else "white"
            errors = np.nan_to_num([[mean - low], [high - mean]])
            keywords = look.keywords | {"linestyle": "none"}
            ax.errorbar(
                mean, i + ABOVE, xerr=errors, markerfacecolor=face, capsize=1.5, elinewidth=0.9, markersize=3.6,
                **keywords,
            )  # fmt: skip
            mark_beyond(ax, mean, i + ABOVE, color=look.colour, zorder=look.depth, markersize=3.6)
            if left <= mean <= right:
                mark_beyond(ax, seen, i + BELOW, color=look.colour, zorder=look.depth, markersize=2.5)

    def _better(self, ax: Axes, rows: pd.DataFrame, baseline: float) -> None:
        """The baseline's line, and the shade of the better half."""
        if not np.isfinite(baseline):
            return
        ax.axvline(baseline, color="black", linewidth=0.7, zorder=1.5)
        up = rows["higher_is_better"].dropna()
        if len(up):
            left, right = ax.get_xlim()
            ax.axvspan(baseline, right if up.iloc[0] else left, color="#EAF2F8", linewidth=0, zorder=0)
