"""Interventional robustness: how little a code moves while its best factor is fixed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from phvae.metrics.factors import CodesAndFactors, applies, bounds_of, require, rows_of, typical_rows
from phvae.metrics.metric import Metric, Shown
from phvae.metrics.rows import Row, attempt

if TYPE_CHECKING:
    from phvae.metrics.options import EvaluationConfig

__all__ = ["METRICS", "applies", "irs", "reference", "rows", "scores"]

METRICS = (
    Metric(
        name="irs",
        group="disentanglement",
        label="IRS",
        definition="interventional robustness: 1 - the .99 quantile of a code's deviation from its mean given the best "
        "factor, over its largest deviation, averaged over codes by that deviation; constant codes left out",
        unit="1",
        higher_is_better=True,
        source="Suter et al. 2019, eq. 7",
        comparable_from=2_000,
        invariances=("yes", "no", "no", "yes", "yes", "yes"),
        shown=(Shown(table=120),),
    ),
)

IRS_QUANTILE = 0.99


def irs(table: CodesAndFactors, quantile: float = IRS_QUANTILE) -> float:
    """Interventional robustness: how little a code moves while its best factor is fixed and the others change.

    For every code and factor, the `quantile` of |code - mean of the code given the factor's value|, averaged over
    the values, over the code's largest deviation from its mean; 1 - that, best factor, averaged over the codes with
    their largest deviations as weights. Constant codes are left out.

    One row in 1 / (1 - quantile) lies above the quantile. With fewer rows of a value a code hardly leaves their mean,
    which would pass for robustness: with one row a value, noise scores 1.

    Raises:
        Undefined: the typical value of some factor has fewer than 1 / (1 - quantile) rows.

    Source: Suter et al. (2019), equation 7; the .99 quantile of Locatello et al. (2019).
    """
    needed = round(1 / (1 - quantile))
    rule = f"a {quantile:g} quantile needs {needed} fitting rows of each factor's typical value"
    require(table.names, typical_rows(table), [needed] * len(table.names), rule)
    codes = table.fit_codes[:, np.ptp(table.fit_codes, axis=0) > 0]
    largest = np.abs(codes - codes.mean(axis=0)).max(axis=0)
    moved = np.zeros((codes.shape[1], len(table.names)))
    for j, column in enumerate(table.fit_factors.T):
        values = np.unique(column)
        for value in values:
            group = codes[column == value]
            moved[:, j] += np.quantile(np.abs(group - group.mean(axis=0)), quantile, axis=0) / len(values)
    robust = 1 - moved.min(axis=1) / largest
    return float(np.average(robust, weights=largest))


def scores(table: CodesAndFactors, settings: EvaluationConfig, seed: int, threads: int = 1) -> list[Row]:
    """The row of a table's fitting rows."""
    n, text = len(table.fit_codes), f"quantile .99; {table.settings}"
    return attempt(["irs"], lambda: {"irs": irs(table)}, n=n, settings=text)


rows = partial(rows_of, METRICS, scores)
reference = partial(bounds_of, scores)
