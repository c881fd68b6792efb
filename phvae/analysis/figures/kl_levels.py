"""KL(q||p) of each variant split into its levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from phvae.analysis.figures.lettering import row_labels
from phvae.analysis.figures.levels import HATCHES, level_colour, level_table
from phvae.analysis.figures.off_axis import mark_beyond, span_of
from phvae.analysis.figures.panels import few_ticks
from phvae.analysis.figures.style import DOUBLE, grid_of, new_figure, shared_legend, styled

__all__ = ["KlLevels"]


@dataclass(frozen=True)
class KlLevels:
    """KL(q||p) of each variant as a bar, split into its levels; mean over seeds, the whisker their standard deviation.

    Attributes:
        table: long table; a panel for each data set, and a row for each variant that has kl_level_{k} on one of them.
        labels: variant -> name shown.
    """

    kind: ClassVar[str] = "kl_levels"
    table: pd.DataFrame
    labels: Mapping[str, str] = field(default_factory=dict)

    def caption(self) -> str:
        """What to see in it."""
        return (
            "KL(q‖p) split into its levels; mean over seeds, whiskers the total's standard deviation; an arrow with a "
            "number is a total off the panel. A level of zero width carries nothing."
        )

    def draw(self) -> Figure:
        """Draw it."""
        rows = level_table(self.table, r"^kl_level_(?P<level>\d+)$")
        datasets = list(dict.fromkeys(rows["dataset"]))
        variants = list(dict.fromkeys(rows["variant"]))
        shown, height = row_labels([self.labels.get(v, v) for v in variants])
        with styled():
            figure = new_figure(DOUBLE, 0.75 + 1.05 * height * max(len(variants), 3) * -(-len(datasets) // 4))
            axes = grid_of(figure, len(datasets), 4)
            for ax, dataset in zip(axes, datasets, strict=True):
                cell = rows[rows["dataset"] == dataset]
                means = cell.pivot_table(index="variant", columns="level", values="value").reindex(variants)
                totals = cell.groupby(["variant", "seed"])["value"].sum().groupby("variant").std().reindex(variants)
                spread = totals.fillna(0).to_numpy()
                left, at = np.zeros(len(variants)), np.arange(len(variants))
                ran = means.notna().any(axis=1).to_numpy()
                for level in means.columns:
                    width = means[level].fillna(0).to_numpy()
                    ax.barh(
                        at, width, left=left, height=0.74, color=level_colour(level), edgecolor="white", linewidth=0.4,
                        hatch=HATCHES[(level - 1) % len(HATCHES)], label=f"level {level}",
                    )  # fmt: skip
                    left += width
                ax.errorbar(
                    left[ran], at[ran], xerr=spread[ran], fmt="none", ecolor="black", elinewidth=0.7, capsize=1.5
                )
                ax.set_xlim(0, span_of(zip(left - spread, left, left + spread, strict=True), (0,))[1])
                ax.set_ylim(len(variants) - 0.5, -0.5)
                for i in at[ran]:
                    mark_beyond(ax, left[i], i, color="black", markersize=3)
                for i in at[~ran]:  # an empty place would read as a KL of 0
                    word = _why(self.table, dataset, variants[i])
                    ax.annotate(word, (0, i), (2, 0), textcoords="offset points", va="center", fontsize=6)
                ax.set_yticks(at, shown)
                few_ticks(ax)
                ax.set_title(dataset)
                ax.set_xlabel("KL [nats]")
                if not ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                    ax.tick_params(labelleft=False)
            shared_legend(figure, axes, 8)
        return figure


def _why(table: pd.DataFrame, dataset: str, variant: str) -> str:
    """Why a variant has no levels on a data set."""
    status = set(table.loc[(table["dataset"] == dataset) & (table["variant"] == variant), "status"])
    if status <= {"missing"}:
        return "not run"
    return "diverged" if status == {"diverged"} else "no value"
