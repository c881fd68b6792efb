"""Validation terms epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from phvae.analysis.figures.lettering import wrap
from phvae.analysis.figures.looks import Look
from phvae.analysis.figures.style import DOUBLE, new_figure, shared_legend, styled
from phvae.analysis.presentation.metric_labels import metric_label

__all__ = ["LearningCurves"]
_TERMS = ("reconstruction", "validation_kl")


@dataclass(frozen=True)
class LearningCurves:
    """Validation reconstruction and unweighted KL by epoch: the two terms that mean the same for every divergence.

    The reconstruction is that of sampled codes, as the score that other figures show where it is one. The line is the
    median over seeds, the band spans them all. The first epoch, or tenth of them, may leave the panel.

    Attributes:
        history: columns dataset, variant, seed, epoch, validation_kl, reconstruction, and the metric that this one is
            (empty: nats of the objective); a column of panels for each data set.
        looks: variant -> how it is drawn.
        labels: variant -> name shown.
    """

    kind: ClassVar[str] = "learning_curves"
    history: pd.DataFrame
    looks: Mapping[str, Look]
    labels: Mapping[str, str] = field(default_factory=dict)

    def caption(self) -> str:
        """What to see in it."""
        return (
            "Validation terms by epoch, of sampled codes; the line is the median over seeds, the band spans all. "
            "Curves that still fall at the end mean a budget too small for the comparison."
        )

    def draw(self) -> Figure:
        """Draw it."""
        datasets = list(dict.fromkeys(self.history["dataset"]))
        with styled():
            figure = new_figure(DOUBLE, 3.4)
            axes = figure.subplots(2, len(datasets), squeeze=False, sharex="col")
            for column, dataset in enumerate(datasets):
                here = self.history[self.history["dataset"] == dataset]
                metric = here["metric"].iloc[0]
                score = metric_label(metric) if metric else "reconstruction [nats]"
                for ax, term, label in zip(axes[:, column], _TERMS, (score, "KL(q‖p) [nats]"), strict=True):
                    self._panel(ax, here, term)
                    ax.set_title(wrap(f"validation {label}", int(15 * DOUBLE / len(datasets))), linespacing=1.25)
                upper = axes[0, column]
                upper.set_title(f"{dataset}\n{upper.get_title(loc='left')}", linespacing=1.25)
                axes[1, column].set_xlabel("epoch")
                axes[1, column].xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], integer=True))
            shared_legend(figure, list(axes.flat), 4)
        return figure

    def _panel(self, ax: Axes, here: pd.DataFrame, term: str) -> None:
        """One term on one data set."""
        last = here["epoch"].max()
        shown = here[here["epoch"] > max(1, 0.1 * last)] if last > 1 else here
        late = shown[term].replace([np.inf, -np.inf], np.nan).dropna()
        for variant, rows in here.groupby("variant", sort=False):
            name, look = str(variant), self.looks[str(variant)]
            curve = rows.groupby("epoch")[term]
            middle, low, high = curve.median(), curve.min(), curve.max()
            ax.fill_between(
                middle.index, low, high, color=look.colour, alpha=0.12, linewidth=0, zorder=look.depth - 0.5
            )
            keywords = look.keywords | {"marker": "" if last > 1 else look.marker}  # a line of one epoch is none
            ax.plot(middle.index, middle, label=self.labels.get(name, name), **keywords)
        if len(late):
            bottom, top = float(late.min()), float(late.max())
            room = 0.06 * (top - bottom) or 1.0
            ax.set_ylim(bottom - room, top + room)
        else:
            ax.text(0.5, 0.5, "no finite value", transform=ax.transAxes, ha="center", fontsize=6)
