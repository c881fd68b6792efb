"""Metrics against the order of the polynomial hierarchy, a line for each family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phvae.analysis.figures.interval_lines import draw_lines, interval
from phvae.analysis.figures.looks import Look
from phvae.analysis.figures.panels import present, title_metric
from phvae.analysis.figures.style import DOUBLE, grid_of, new_figure, shared_legend, styled
from phvae.analysis.results.roles import on_curve

__all__ = ["MetricByOrder"]


@dataclass(frozen=True)
class MetricByOrder:
    """Each metric against the order, a line for each family; mean over seeds with its 95 % interval.

    Attributes:
        table: long table of one data set and training size. The first point of the beta-VAE's curve with beta 1 is
            the grey band across.
        metrics: a panel each.
        looks: variant -> how it is drawn; a family looks like its middle variant.
        columns: panels in a row.
    """

    kind: ClassVar[str] = "metric_by_order"
    table: pd.DataFrame
    metrics: Sequence[str]
    looks: Mapping[str, Look]
    columns: int = 3

    def caption(self) -> str:
        """What to see in it."""
        return (
            "Metrics against the order of the polynomial hierarchy; mean over seeds with its 95 % interval, order 1 "
            "(VAE) as the grey band. PH-VAE stands on its tick, other families beside it; an arrow with a number is a "
            "value off the panel. A gain that the copies control shares is not due to the polynomials."
        )

    def draw(self) -> Figure:
        """Draw it."""
        rows = present(self.table, self.metrics)
        several = rows[rows["order"] > 1]
        middle = several.groupby("family")["variant"].agg(lambda names: names.unique()[names.nunique() // 2])
        orders = sorted({int(order) for order in several["order"]})
        plain = rows[on_curve(rows) & (rows["beta"] == 1)]
        plain = plain[plain["variant"].isin(plain["variant"].unique()[:1])]
        count = -(-len(self.metrics) // min(self.columns, len(self.metrics)))
        with styled():
            figure = new_figure(DOUBLE, 0.55 + 1.55 * count)
            axes = grid_of(figure, len(self.metrics), self.columns)
            for ax, metric in zip(axes, self.metrics, strict=True):
                here = several[several["metric"] == metric]
                ax.set_xlim(orders[0] - 0.5, orders[-1] + 0.5)
                also = _order_one(ax, plain.loc[plain["metric"] == metric, "value"].to_numpy())
                lines = {
                    str(family): (
                        self.looks[middle[family]],
                        {int(order): group["value"] for order, group in members.groupby("order")},  # type: ignore[arg-type]
                    )
                    for family, members in here.groupby("family", sort=False)
                }
                draw_lines(ax, lines, also)
                ax.set_xticks(orders)
                ax.set_xlabel("order")
                title_metric(ax, rows, metric)
            shared_legend(figure, axes, 3)
        return figure


def _order_one(ax: Axes, values: np.ndarray) -> tuple[float, ...]:
    """The line and the band of order 1, and what they span."""
    if not len(values):
        return ()
    below, level, above = interval(values)
    ax.axhspan(below, above, color="#E3E3E3", linewidth=0)
    ax.axhline(level, color="#555555", linewidth=0.9, label="order 1 (VAE)")
    return below, level, above
