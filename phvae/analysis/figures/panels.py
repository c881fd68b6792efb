"""What figures that compare variants share: rows with a value, intervals, titles and widths of panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from phvae.analysis.figures.lettering import wrap
from phvae.analysis.figures.style import DOUBLE
from phvae.analysis.presentation.metric_labels import direction, metric_label
from phvae.analysis.statistics import mean_interval
from phvae.determinism.seeding import numpy_generator

__all__ = ["interval", "interval_line", "panel_width", "present", "title_metric"]


def present(table: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Rows of these metrics that have a value and a seed."""
    return table[table["metric"].isin(metrics) & table["value"].notna() & table["seed"].notna()]


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean and its 95 % interval; without an interval (one seed) the mean three times."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, mean, mean
    low, high = mean_interval(np.asarray(values, dtype=float)[None], numpy_generator(0, "figures", "interval"))
    return mean, float(low[0]), float(high[0])


def interval_line(groups: Mapping[int, pd.Series]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Positions, means, and the ends of their intervals."""
    points = [(at, *interval(values.to_numpy(dtype=float))) for at, values in groups.items()]
    x, mean, low, high = np.array(points, dtype=float).T
    return x, mean, low, high


def title_metric(ax: Axes, table: pd.DataFrame, metric: str, inches: float = DOUBLE / 3) -> None:
    """Name the metric above the panel, which is `inches` wide, and below the name which way is better."""
    known = table.loc[table["metric"] == metric, "higher_is_better"].dropna()
    text = direction(bool(known.iloc[0])) if len(known) else ""
    ax.set_title(wrap(metric_label(metric), int(inches / 0.068)) + (f"\n{text}" if text else ""), linespacing=1.25)


def panel_width(labels: Sequence[str], count: int) -> float:
    """Width in inches of each of `count` panels beside their rows' labels."""
    return (DOUBLE - 0.07 * max(len(line) for label in labels for line in label.split("\n"))) / count
