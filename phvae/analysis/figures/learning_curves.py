"""Validation terms epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from phvae.analysis.figures.looks import Look
from phvae.analysis.figures.style import DOUBLE, new_figure, shared_legend, styled

__all__ = ["LearningCurves"]


_TERMS = {"validation_reconstruction": "reconstruction [nats]", "validation_kl": "KL(q‖p) [nats]"}


@dataclass(frozen=True)
class LearningCurves:
    """Validation reconstruction and unweighted KL by epoch: the two terms that mean the same for every divergence.

    The line is the median over seeds, the band spans them all. The first epoch, or tenth of them, may leave the panel.

    Attributes:
        history: columns dataset, variant, seed, epoch, validation_reconstruction, validation_kl; a column of panels
            for each data set.
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
            "Validation terms by epoch; the line is the median over seeds, the band spans all. Curves that still fall "
            "at the end mean a budget too small for the comparison."
        )

    def draw(self) -> Figure:
        """Draw it."""
        datasets = list(dict.fromkeys(self.history["dataset"]))
        variants = list(dict.fromkeys(self.history["variant"]))
        with styled():
            figure = new_figure(DOUBLE, 3.4)
            axes = figure.subplots(2, len(datasets), squeeze=False, sharex="col")
            for column, dataset in enumerate(datasets):
                here = self.history[self.history["dataset"] == dataset]
                for row, (term, label) in enumerate(_TERMS.items()):
                    ax = axes[row, column]
                    late = here.loc[here["epoch"] > max(1, 0.1 * here["epoch"].max()), term].replace(
                        [np.inf, -np.inf], np.nan
                    )
                    for variant in variants:
                        curve = here[here["variant"] == variant].groupby("epoch")[term]
                        if curve.ngroups == 0:
                            continue
                        middle, low, high = curve.median(), curve.min(), curve.max()
                        style = self.looks[variant]
                        ax.fill_between(middle.index, low, high, color=style.colour, alpha=0.15, linewidth=0)
                        name = self.labels.get(variant, variant)
                        ax.plot(middle.index, middle, color=style.colour, linestyle=style.line, label=name)
                    bottom, top = float(late.min()), float(late.max())
                    if bottom <= top:  # neither after one epoch, nor where all values are infinite
                        room = 0.06 * (top - bottom) or 1.0
                        ax.set_ylim(bottom - room, top + room)
                    if column == 0:
                        ax.set_ylabel(f"validation\n{label}")
                axes[0, column].set_title(dataset)
                axes[1, column].set_xlabel("epoch")
            figure.align_ylabels(axes[:, 0])
            shared_legend(figure, list(axes.flat), 4)
        return figure
