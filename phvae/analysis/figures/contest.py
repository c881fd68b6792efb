"""A claim's contests: the challenger against every control, in units of the effect that matters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from phvae.analysis.claims.answers import MEANINGS, SYMBOLS
from phvae.analysis.claims.schema import Claim
from phvae.analysis.figures.contest_bands import ContestBand, contest_bands
from phvae.analysis.figures.contest_marks import CURVE_ERROR, draw_contest, limits, mark_keywords, ticks
from phvae.analysis.figures.lettering import wrap
from phvae.analysis.figures.looks import Look
from phvae.analysis.figures.style import DOUBLE, new_figure, shared_legend, styled
from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.presentation.numbers import number

__all__ = ["ContestPlot"]

COLOURS = {"supported": "#007A57", "contradicted": "#B34700"}
FEWEST, GAP = 2.2, 0.8  # in lines: the least height of a band, and what lies between two
SEEDS_END, NAME_START = 36, 42  # points to the right of the axis
LINE, TIGHT, TALL = 0.12, 0.062, 7.2  # inches: a line, the least one, and the height above which lines move closer


@dataclass(frozen=True)
class ContestPlot:
    """The challenger against each control with the 95 % interval, a band a data set that could be tested.

    The hardest control is black, the others are pale; hollow where a smaller variant stands in for the challenger.

    Attributes:
        claim: the claim.
        contests: its contests on the data sets shown, as `ledger.contests` gives them.
        verdicts: its verdicts there, as `ledger.decide` gives them; a band each.
        labels: variant -> name shown.
        looks: variant -> how it is drawn.
    """

    kind: ClassVar[str] = "contest"
    claim: Claim
    contests: pd.DataFrame
    verdicts: pd.DataFrame
    labels: Mapping[str, str]
    looks: Mapping[str, Look]

    @property
    def bands(self) -> list[ContestBand]:
        """What is drawn."""
        return contest_bands(self.claim, self.contests, self.verdicts, self.labels, self.looks)

    def caption(self) -> str:
        """What to see in it."""
        return (
            f"{self._challenger} against each control, paired by seed, with the 95 % interval, in units of the "
            f"smallest effect that matters ({self._matters()}); hollow where a smaller variant stands in for it, "
            "an arrow with a number for what lies off the axis. A claim holds on a data set where all points lie "
            "clearly right of zero, the black one too, and it matters beyond the shaded part; a win against the curve "
            "must exceed the curve's own error."
        )

    def alt(self) -> str:
        """What is seen in it, in words."""
        told = (
            f"{band.name} {MEANINGS[band.word]}, against {band.hardest.control} {number(band.hardest.position, 2)} "
            f"({number(band.hardest.start, 2)} to {number(band.hardest.end, 2)})"
            for band in self.bands
        )
        return f"The hardest contest of each data set, in units of the effect that matters: {'; '.join(told)}."

    def draw(self) -> Figure:
        """Draw it."""
        bands = self.bands
        heights = [max(FEWEST, len(band.points)) + GAP for band in bands]
        line = min(LINE, max(TIGHT, TALL / sum(heights)))
        bottoms = np.cumsum(heights)
        middles = bottoms - np.array(heights) / 2
        inside = limits([point for band in bands for point in band.points])
        with styled():
            figure = new_figure(DOUBLE, 1.6 + line * sum(heights))
            ax = figure.subplots()
            ax.set(xlim=inside, ylim=(bottoms[-1], 0))
            for band, middle, bottom in zip(bands, middles, bottoms, strict=True):
                for i, point in enumerate(band.points):
                    draw_contest(ax, point, middle + i - (len(band.points) - 1) / 2, inside, 72 * line)
                ax.axhline(bottom, color="#D5D8DB", linewidth=0.5)
                _result(ax, band, middle)
            ax.set_yticks(middles, [wrap(band.name, 18) for band in bands])
            self._dress(ax, inside, {band.word for band in bands})
            _legend(figure, ax, bands)
        return figure

    @property
    def _challenger(self) -> str:
        return self.labels.get(self.claim.challenger, self.claim.challenger)

    def _matters(self) -> str:
        relative = self.claim.matters.relative
        if self.claim.compare == "spread":
            return f"a spread {100 * (relative or 0):g} % smaller"
        return f"{100 * relative:g} % of the control's value" if relative else f"{self.claim.matters.absolute:g}"

    def _dress(self, ax: Axes, inside: tuple[float, float], words: set[str]) -> None:
        """Mark zero and what matters; say what the axis is, which way is better, and what the symbols say."""
        for at, colour, line in ((-1, "#9AA0A6", "--"), (0, "black", "-"), (1, "#9AA0A6", "--")):
            ax.axvline(at, color=colour, linewidth=0.7, linestyle=line, zorder=1)
        ax.set_xticks(ticks(*inside))
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        key = "    ".join(f"{symbol} {MEANINGS[word]}" for word, symbol in SYMBOLS.items() if word in words)
        ax.set_xlabel(f"{self._axis()};  1 is {self._matters()}\n{self._measured()}\n{key}", linespacing=1.5)
        ax.set_title(wrap(self.claim.text, 90), pad=18)
        above: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom"}
        for text, x, offset, side in (
            (f"←  {self._challenger} worse", 0, 0, "left"),
            ("better  →", 1, 0, "right"),
            ("seeds", 1, SEEDS_END, "right"),
            ("hardest (black)", 1, NAME_START, "left"),
        ):
            ax.annotate(text, (x, 1), xytext=(offset, 4), ha=side, fontsize=6.5, **above)

    def _axis(self) -> str:
        if self.claim.compare == "spread":
            return f"log(ratio of spreads) / log(1 − {self.claim.matters.relative:g})"
        sides = "control − challenger" if self.claim.direction == "lower" else "challenger − control"
        return f"({sides}) / the effect that matters"

    def _measured(self) -> str:
        spread = "spread of " if self.claim.compare == "spread" else ""
        return f"{spread}{metric_label(self.claim.metric)}, {self.claim.direction} is better"


def _result(ax: Axes, band: ContestBand, y: float) -> None:
    """The verdict, the seeds and the hardest control, at the right edge of a band."""
    for text, offset, side, size, colour in (
        (SYMBOLS[band.word], 11, "center", 9, COLOURS.get(band.word, "#444444")),
        (band.seeds, SEEDS_END, "right", 6, "black"),
        (wrap(band.hardest.control, 24), NAME_START, "left", 6, "black"),
    ):
        ax.annotate(
            text, (1, y), xytext=(offset, 0), xycoords=("axes fraction", "data"), textcoords="offset points", ha=side,
            va="center", fontsize=size, color=colour,
        )  # fmt: skip


def _legend(figure: Figure, ax: Axes, bands: list[ContestBand]) -> None:
    """An entry a control in its own colour, and what is shaded."""
    points = [point for band in bands for point in band.points]
    for point in points:
        ax.add_artist(Line2D([], [], label=point.control, **mark_keywords(point, pale=False)))
    ax.axvspan(-1, 1, color="#EDEFF2", linewidth=0, zorder=0, label=MEANINGS["small"])
    if any(point.error for point in points):
        ax.add_patch(Rectangle((0, 0), 0, 0, color=CURVE_ERROR, linewidth=0, label="the curve's own error"))
    shared_legend(figure, [ax], 4)
