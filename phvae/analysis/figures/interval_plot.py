"""Variants over several data sets: the middle half of their gains, and how often they beat the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phvae.analysis.figures.lettering import row_labels, wrap
from phvae.analysis.figures.looks import Look
from phvae.analysis.figures.style import DOUBLE, new_figure, styled
from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.presentation.numbers import number
from phvae.analysis.statistics.over_sets import IntervalEstimate
from phvae.words import plural

__all__ = ["IntervalPlot"]

SHARE, ROOM = 0.8, 2.0  # the axis reaches this far beyond the share of variants that are nearest to the baseline


@dataclass(frozen=True)
class IntervalPlot:
    """Interquartile mean of the gains on several data sets, and probability of improvement over the baseline.

    Agarwal et al. (2021), figs. 3 and 8.

    Attributes:
        metric: what is measured.
        baseline: the variant that the others are compared with.
        variants: the others, a row each.
        middle: the interquartile mean of the gains of each over the baseline, paired by seed, better upwards.
        improvement: the probability that a run of each is better than one of the baseline.
        datasets: the data sets that are pooled.
        unit: what 1 is, in words; with `matters` the smallest effect that matters.
        matters: whether the unit is the smallest effect that matters.
        looks: variant -> how it is drawn.
        labels: variant -> name shown.
    """

    kind: ClassVar[str] = "interval_plot"
    metric: str
    baseline: str
    variants: Sequence[str]
    middle: IntervalEstimate
    improvement: IntervalEstimate
    datasets: Sequence[str]
    unit: str
    matters: bool
    looks: Mapping[str, Look]
    labels: Mapping[str, str] = field(default_factory=dict)

    def caption(self) -> str:
        """What to see in it."""
        one = f"the smallest effect that matters ({self.unit}; shaded is less)" if self.matters else self.unit
        return (
            f"Left: the interquartile mean, over all runs on {', '.join(self.datasets)}, of the gain over "
            f"{self._baseline} at the same seed; 1 is {one}. Right: the probability that a run of a variant is better "
            f"than one of {self._baseline}, mean over the data sets. Bars hold 95 % of draws of seeds within each data "
            "set: what other seeds would give on these data sets, not what other data sets would. A variant whose bar "
            "reaches the black line is not shown to differ."
        )

    def alt(self) -> str:
        """What is seen in it, in words."""
        told = (
            f"{self._label(variant)} {number(mean, 2)} ({number(low, 2)} to {number(high, 2)}), better in "
            f"{100 * share:.0f} % of pairs of runs"
            for variant, mean, low, high, share in zip(self.variants, *self.middle, self.improvement.value, strict=True)
        )
        name, sets = metric_label(self.metric, unit=False), plural(len(self.datasets), "data set")
        return f"{name} over {sets}, interquartile mean of the gain over {self._baseline}: {'; '.join(told)}."

    def draw(self) -> Figure:
        """Draw it."""
        shown, height = row_labels([self._label(variant) for variant in self.variants])
        with styled():
            figure = new_figure(DOUBLE, 1.0 + height * max(len(self.variants), 3))
            left, right = figure.subplots(1, 2, sharey=True)
            inside = _limits(self.middle)
            for i, variant in enumerate(self.variants):
                _row(left, i, [part[i] for part in self.middle], self.looks[variant], inside)
                _row(right, i, [part[i] for part in self.improvement], self.looks[variant], (0.0, 1.0))
            if self.matters:
                left.axvspan(-1, 1, color="#EDEFF2", linewidth=0, zorder=0)
            left.axvline(0, color="black", linewidth=0.7, zorder=1)
            right.axvline(0.5, color="black", linewidth=0.7, zorder=1)
            name = metric_label(self.metric, unit=False)
            left.set_title(wrap(f"{name}: interquartile mean gain", 46))
            right.set_title(wrap(f"probability of improvement over {self._baseline}", 46))
            left.set(xlim=inside, xlabel=f"gain; 1 is {self.unit}   better →")
            right.set(xlim=(0, 1), xlabel="share of pairs of runs   better →")
            left.locator_params(axis="x", nbins=6, steps=[1, 2, 5, 10])
            left.set_yticks(range(len(shown)), shown)
            left.set_ylim(len(shown) - 0.5, -0.5)
            right.tick_params(labelleft=False)
        return figure

    @property
    def _baseline(self) -> str:
        return self._label(self.baseline)

    def _label(self, variant: str) -> str:
        return self.labels.get(variant, variant)


def _limits(estimate: IntervalEstimate) -> tuple[float, float]:
    """Where the axis ends: it holds all intervals, but few far variants do not squeeze the others."""
    most = max(1.5, ROOM * float(np.quantile(np.abs(estimate.value), SHARE, method="lower")))
    low, high = float(estimate.low.min()), float(estimate.high.max())
    return max(-most, min(-1.2, 1.05 * low)), min(most, max(1.2, 1.05 * high))


def _row(ax: Axes, y: int, estimate: Sequence[float], look: Look, inside: tuple[float, float]) -> None:
    """One variant: its number with the interval; an arrow with the number for what lies off the axis."""
    value, *ends = estimate
    low, high = inside
    ax.plot(np.clip(ends, low, high), [y, y], color=look.colour, linewidth=1.3, solid_capstyle="butt", zorder=3)
    if low <= value <= high:
        ax.plot([value], [y], color=look.colour, marker=look.marker, markersize=4.5, clip_on=False, zorder=look.depth)
        return
    at, arrow, inwards = (low, "<", 1) if value < low else (high, ">", -1)
    ax.plot([at], [y], color=look.colour, marker=arrow, markersize=4.5, clip_on=False, zorder=look.depth)
    ax.annotate(
        number(value, 2).replace("-", "−"), (at, y), xytext=(6 * inwards, 0), textcoords="offset points", fontsize=6,
        ha="left" if inwards > 0 else "right", va="center",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4}, zorder=look.depth,
    )  # fmt: skip
