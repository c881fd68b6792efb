"""What the reconstruction loses in each frequency band when one level is replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import pandas as pd
from matplotlib.figure import Figure

from phvae.analysis.figures.lettering import wrap
from phvae.analysis.figures.levels import HATCHES, level_table
from phvae.analysis.figures.style import DOUBLE, grid_of, new_figure, shared_legend, styled

__all__ = ["LevelDrop"]


@dataclass(frozen=True)
class LevelDrop:
    """Change of the reconstruction in each frequency band, over the data's power there, when one level is replaced.

    Attributes:
        table: long table of one data set with rows drop_level_{k}_{low,mid,high}; a panel for each variant.
        labels: variant -> name shown.
    """

    kind: ClassVar[str] = "level_drop"
    table: pd.DataFrame
    labels: Mapping[str, str] = field(default_factory=dict)

    def caption(self) -> str:
        """What to see in it."""
        return (
            "Change of the reconstruction by frequency band when one level is replaced by its prior mean; mean over "
            "seeds, whiskers span all seeds. Information split by scale shows as different bands for different levels."
        )

    def draw(self) -> Figure:
        """Draw it."""
        rows = level_table(self.table, r"^drop_level_(?P<level>\d+)_(?P<band>low|mid|high)$")
        variants = list(dict.fromkeys(rows["variant"]))
        bands = ("low", "mid", "high")
        colours = ("#0B3C5D", "#D55E00", "#F0C75E")
        count = len(variants)
        with styled():
            figure = new_figure(DOUBLE, 0.45 + 1.5 * -(-count // 4))
            axes = grid_of(figure, count, 4, sharey=True)
            for ax, variant in zip(axes, variants, strict=True):
                cell = rows[rows["variant"] == variant]
                means = cell.pivot_table(index="level", columns="band", values="value", aggfunc="mean")
                low = cell.pivot_table(index="level", columns="band", values="value", aggfunc="min")
                high = cell.pivot_table(index="level", columns="band", values="value", aggfunc="max")
                for i, band in enumerate(bands):
                    ax.bar(
                        means.index + (i - 1) * 0.27, means[band], width=0.27, color=colours[i], edgecolor="black",
                        linewidth=0.4, hatch=HATCHES[i], yerr=[means[band] - low[band], high[band] - means[band]],
                        error_kw={"elinewidth": 0.7, "capsize": 1.5}, label=f"{band} frequencies",
                    )  # fmt: skip
                ax.set_xticks(means.index)
                ax.set_xlabel("level replaced")
                ax.set_title(wrap(self.labels.get(variant, variant), 22))
                ax.axhline(0, color="black", linewidth=0.5)
                if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                    ax.set_ylabel("change / data power")
            shared_legend(figure, axes, 3)
        return figure
