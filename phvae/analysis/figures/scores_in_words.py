"""Scores in words, beside what they judge: in the label of a row, in the title of a panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from phvae.analysis.figures.panels import present
from phvae.analysis.presentation.numbers import column_places, number
from phvae.metrics.registry import lookup

__all__ = ["mean_scores", "named_scores", "with_score"]


def mean_scores(table: pd.DataFrame, metrics: Sequence[str], labels: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Metric -> label -> mean over seeds, all in the same decimals; what has no value is absent."""
    means = present(table, metrics).groupby(["metric", "variant"], sort=False)["value"].mean()
    places = column_places(means)
    found: dict[str, dict[str, str]] = {metric: {} for metric in metrics}
    for metric, variant, mean in means.reset_index().itertuples(index=False):
        found[metric][labels[variant]] = number(mean, places=places)
    return found


def named_scores(table: pd.DataFrame, metrics: Sequence[str], labels: Mapping[str, str]) -> dict[str, str]:
    """Label -> name and mean of the first of these metrics that the table knows; empty where it knows none."""
    for metric in metrics:
        if means := mean_scores(table, [metric], labels)[metric]:
            return {label: f"{lookup(metric).label} {mean}" for label, mean in means.items()}
    return {}


def with_score(label: str, score: str | None) -> str:
    """A label, its score in the next line where there is one."""
    return f"{label}\n{score}" if score else label
