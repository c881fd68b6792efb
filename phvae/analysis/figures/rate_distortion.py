"""Distortion against rate: the beta-VAE's curve, where the other variants lie, and how far from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phvae.analysis.figures.contest_marks import CURVE_ERROR
from phvae.analysis.figures.lettering import label_apart
from phvae.analysis.figures.looks import Look
from phvae.analysis.figures.off_axis import mark_beyond, span_of
from phvae.analysis.figures.panels import few_ticks, present
from phvae.analysis.figures.style import DOUBLE, new_figure, shared_legend, styled
from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.results.roles import on_curve
from phvae.analysis.statistics import paired_interval
from phvae.analysis.statistics.curve_margin import curve_margin
from phvae.analysis.statistics.rate_distortion import RATE, matched

__all__ = ["RateDistortion"]

MEAN = {"color": "black", "marker": "o", "markersize": 3, "linewidth": 1.2, "zorder": 5}


@dataclass(frozen=True)
class RateDistortion:
    """Distortion against rate KL(q||p): the curve through the beta-VAEs, and where the other variants lie.

    Below each panel the difference from the curve at a run's own rate and seed: a variant beats every choice of beta
    only where it lies below.

    Attributes:
        table: long table of one training size a data set.
        distortions: data set -> its metric; a pair of panels each.
        looks: variant -> how it is drawn.
        labels: variant -> name shown.
    """

    kind: ClassVar[str] = "rate_distortion"
    table: pd.DataFrame
    distortions: Mapping[str, str]
    looks: Mapping[str, Look]
    labels: Mapping[str, str] = field(default_factory=dict)

    def caption(self) -> str:
        """What to see in it."""
        return (
            "Distortion against rate. Thin grey lines: the β-VAE's curve of each seed; black: their mean. Other "
            "variants: mean and standard deviation over seeds; an arrow with a number is off the panel. Below, what "
            "is left of the distortion at equal rate: each run minus its own seed's curve at the run's rate, mean and "
            "95 % interval; a variant whose rate the curve does not reach is not there. Only what lies below zero, "
            "beyond the curve's own error where it is shaded, is better than every choice of β."
        )

    def draw(self) -> Figure:
        """Draw it."""
        count = len(self.distortions)
        columns = 2 if count == 4 else min(count, 3)
        rows = -(-count // columns)
        with styled():
            figure = new_figure(DOUBLE, 0.5 + 2.9 * rows)
            grid = figure.add_gridspec(2 * rows, columns, height_ratios=[2, 1] * rows)
            labelled = []
            for i, (dataset, metric) in enumerate(self.distortions.items()):
                above = figure.add_subplot(grid[2 * (i // columns), i % columns])
                below = figure.add_subplot(grid[2 * (i // columns) + 1, i % columns], sharex=above)
                here = self.table[self.table["dataset"] == dataset]
                labelled.append((above, *self._curve(above, here, metric)))
                self._left(below, here, metric, labelled[-1][1])
                above.tick_params(labelbottom=False)
                above.set_title(dataset)
                above.set_ylabel(metric_label(metric))
                below.set_ylabel("minus\nthe curve")
                below.set_xlabel("rate: KL [nats]")
                figure.align_ylabels([above, below])
            shared_legend(figure, figure.axes, 4)
            figure.draw_without_rendering()
            for ax, mean, others in labelled:
                points = {f"β={beta:g}": (x, y) for beta, (x, y) in zip(mean.index, mean.to_numpy(), strict=True)}
                label_apart(ax, points, others)
        return figure

    def _curve(self, ax: Axes, table: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, list[tuple[float, float]]]:
        """Rate and distortion; returns the points of the curve, indexed by beta, and those of the others."""
        rows = present(table, [RATE, metric])
        wide = rows.pivot_table(index=["variant", "seed"], columns="metric", values="value", sort=False)[[RATE, metric]]
        wide = wide.dropna()
        betas = rows[on_curve(rows)].drop_duplicates("variant").set_index("variant")["beta"]
        curve = wide[wide.index.isin(betas.index, level="variant")]
        for _, seed in curve.groupby("seed"):
            ax.plot(*seed.sort_values(RATE).to_numpy(dtype=float).T, color="#BDBDBD", linewidth=0.5)
        mean = curve.groupby(curve.index.get_level_values("variant").map(betas.to_dict())).mean().sort_values(RATE)
        others = wide[~wide.index.isin(betas.index, level="variant")].groupby("variant", sort=False)
        points, spread = others.mean(), others.std().fillna(0)
        looks = [self.looks[str(variant)] for variant in points.index]
        front = points[[look.depth > Look.depth for look in looks]]
        for name, limit in ((RATE, ax.set_xlim), (metric, ax.set_ylim)):
            ends = (points - spread)[name], points[name], (points + spread)[name]
            limit(*span_of(zip(*ends, strict=True), [*mean[name], *front[name]]))
        few_ticks(ax)
        ax.plot(mean[RATE], mean[metric], label="β-VAE, mean", **MEAN)  # type: ignore[arg-type]
        found = zip(points.index, looks, points.to_numpy(), spread.to_numpy(), strict=True)
        for variant, look, (x, y), (dx, dy) in found:
            ax.errorbar(
                x, y, xerr=dx, yerr=dy, color=look.colour, marker=look.marker, linestyle="none", zorder=look.depth,
                elinewidth=0.7, markeredgecolor="white", markeredgewidth=0.3, markersize=4.8,
                label=self.labels.get(variant, variant),
            )  # fmt: skip
            mark_beyond(ax, x, y, color=look.colour, zorder=look.depth)
        return mean, [(x, y) for x, y in points.to_numpy()]

    def _left(self, ax: Axes, table: pd.DataFrame, metric: str, mean: pd.DataFrame) -> None:
        """What is left of the distortion at equal rate."""
        margin = [curve_margin(metric, value) for value in mean[metric]]
        ax.fill_between(mean[RATE], np.negative(margin), margin, color=CURVE_ERROR, linewidth=0, zorder=0)
        ax.axhline(0, color="black", linewidth=0.9, zorder=1)
        runs = matched(table, metric).dropna(subset=["difference"])
        found = {}
        for variant, rows in runs.groupby("variant", sort=False):
            difference = rows["difference"].to_numpy(dtype=float)
            found[str(variant)] = rows["rate"].mean(), difference.mean(), *map(float, paired_interval(difference))
        ax.set_ylim(*span_of(((low, at, high) for _, at, low, high in found.values()), (0.0,)))
        for variant, (x, at, low, high) in found.items():
            look, errors = self.looks[variant], np.nan_to_num([[at - low], [high - at]])
            ax.errorbar(
                x, at, yerr=errors, color=look.colour, marker=look.marker, linestyle="none", zorder=look.depth,
                elinewidth=0.8, capsize=1.5, markersize=3.6,
            )  # fmt: skip
            mark_beyond(ax, x, at, color=look.colour, zorder=look.depth)
        ax.locator_params(axis="y", nbins=4)
