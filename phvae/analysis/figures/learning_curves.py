"""Figures of training: the validation terms epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from phvae.analysis.style import DOUBLE, looks, new_figure, shared_legend, styled

__all__ = ["learning_curves"]

_TERMS = {"validation_reconstruction": "reconstruction [nats]", "validation_kl": "KL(q‖p) [nats]"}


def learning_curves(history: pd.DataFrame, labels: Mapping[str, str] | None = None) -> Figure:
    """Validation reconstruction and unweighted KL by epoch: the two terms that mean the same for every divergence.

    The line is the median over seeds, the band spans them all. The first epoch, or tenth of them, may leave the panel.

    Args:
        history: columns dataset, variant, seed, epoch, validation_reconstruction, validation_kl; a column of panels
            for each data set.
        labels: variant -> name shown.
    """
    names = dict(labels or {})
    datasets = list(dict.fromkeys(history["dataset"]))
    variants = list(dict.fromkeys(history["variant"]))
    look = looks(variants)
    with styled():
        figure = new_figure(DOUBLE, 3.4)
        axes = figure.subplots(2, len(datasets), squeeze=False, sharex="col")
        for column, dataset in enumerate(datasets):
            here = history[history["dataset"] == dataset]
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
                    style = look[variant]
                    ax.fill_between(middle.index, low, high, color=style.colour, alpha=0.15, linewidth=0)
                    ax.plot(
                        middle.index,
                        middle,
                        color=style.colour,
                        linestyle=style.line,
                        label=names.get(variant, variant),
                    )
                bottom, top = float(late.min()), float(late.max())
                room = 0.06 * (top - bottom) or 1.0
                ax.set_ylim(bottom - room, top + room)
                if column == 0:
                    ax.set_ylabel(f"validation\n{label}")
            axes[0, column].set_title(dataset)
            axes[1, column].set_xlabel("epoch")
        figure.align_ylabels(axes[:, 0])
        shared_legend(figure, list(axes.flat), 4)
    return figure
