"""Scores in words, beside what they judge: in the label of a row, in the title of a panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from phvae.analysis.figures.panels import present
from phvae.analysis.presentation.numbers import column_places, number
from phvae.metrics.registry import lookup

__all__ = ["mean_scores", "named_scores", "with_score"]


def mean_scores(table: pd.DataFrame, metric: str, labels: Mapping[str, str]) -> dict[str, str]:
    """Label -> mean over seeds of a metric, in as many decimals as the others; variants without a value are absent."""
    means = present(table, [metric]).groupby("variant", sort=False)["value"].mean()
    places = column_places(means)
    return {labels[str(variant)]: number(mean, places=places) for variant, mean in means.items()}


def named_scores(table: pd.DataFrame, metrics: Sequence[str], labels: Mapping[str, str]) -> dict[str, str]:
    """Label -> name and mean of the first of these metrics that the table knows; empty where it knows none."""
    known = set(present(table, metrics)["metric"])
    for metric in metrics:
        if metric in known:
            name = lookup(metric).label
            return {label: f"{name} {mean}" for label, mean in mean_scores(table, metric, labels).items()}
    return {}


def with_score(label: str, score: str | None) -> str:
    """A label, its score in the next line where there is one."""
    return f"{label}\n{score}" if score else label
