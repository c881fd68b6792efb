"""What figures that compare variants share: rows with a value, titles, ticks and widths of panels."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from phvae.analysis.figures.lettering import wrap
from phvae.analysis.figures.style import DOUBLE
from phvae.analysis.presentation.metric_labels import direction, metric_label

__all__ = ["few_ticks", "panel_width", "present", "title_metric"]


def present(table: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Rows of these metrics that have a value and a seed."""
    return table[table["metric"].isin(metrics) & table["value"].notna() & table["seed"].notna()]


def few_ticks(ax: Axes, most: int = 4) -> None:
    """Ticks on the lower axis whose numbers have room: few, short, and with a common power of ten."""
    formatter = ScalarFormatter(useOffset=False)
    formatter.set_powerlimits((-3, 5))
    ax.xaxis.set_major_formatter(formatter)
    ax.xaxis.set_major_locator(MaxNLocator(most, steps=[1, 2, 5, 10]))


def title_metric(ax: Axes, table: pd.DataFrame, metric: str, inches: float = DOUBLE / 3) -> None:
    """Name the metric above the panel, which is `inches` wide, and below the name which way is better."""
    known = table.loc[table["metric"] == metric, "higher_is_better"].dropna()
    text = direction(bool(known.iloc[0])) if len(known) else ""
    ax.set_title(wrap(metric_label(metric), int(inches / 0.068)) + (f"\n{text}" if text else ""), linespacing=1.25)


def panel_width(labels: Sequence[str], count: int) -> float:
    """Width in inches of each of `count` panels beside their rows' labels."""
    return (DOUBLE - 0.07 * max(len(line) for label in labels for line in label.split("\n"))) / count
