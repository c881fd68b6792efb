"""Explicitness: how well a logistic regression tells the values of factors."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from phvae.metrics.factors import CodesAndFactors, applies, bounds_of, require, rows_of
from phvae.metrics.metric import Metric, Shown
from phvae.metrics.rows import Row, attempt

if TYPE_CHECKING:
    from phvae.metrics.options import EvaluationConfig

__all__ = ["METRICS", "applies", "area_under_roc", "explicitness", "reference", "rows", "scores"]

METRICS = (
    Metric(
        name="explicitness",
        group="disentanglement",
        label="explicitness",
        definition="one-vs-rest area under the ROC curve of a logistic regression on standardised codes, on test "
        "points, mean over classes and factors",
        unit="1",
        higher_is_better=True,
        source="Ridgeway and Mozer 2018, sec. 3",
        comparable_from=300,
        invariances=("nearly", "yes", "no", "yes", "yes", "nearly"),
        shown=(Shown(table=110),),
    ),
)


def explicitness(table: CodesAndFactors) -> float:
    """Mean over factors and classes of the one-vs-rest ROC area of a logistic regression on standardised codes.

    Raises:
        Undefined: a class that the fitting or the test points lack: it has no area, and belongs to the mean.

    Source: Ridgeway and Mozer (2018), section 3; not rescaled from [.5, 1], as in Locatello et al. (2019).
    """
    from sklearn.linear_model import LogisticRegression

    pairs = list(zip(table.fit_factors.T, table.test_factors.T, strict=True))
    both = [len(np.intersect1d(known, truth)) for known, truth in pairs]
    require(table.names, both, table.values, "explicitness needs each value of a factor in fitting and test rows")
    spread = table.fit_codes.std(axis=0)
    active = spread > 0
    mean = table.fit_codes[:, active].mean(axis=0)
    fit = (table.fit_codes[:, active] - mean) / spread[active]
    test = (table.test_codes[:, active] - mean) / spread[active]
    areas = []
    for known, truth in pairs:
        model = LogisticRegression(max_iter=1000).fit(fit, known)
        areas.append(area_under_roc(model.predict_proba(test), truth[:, None] == model.classes_).mean())
    return float(np.mean(areas))


def area_under_roc(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of every column of `scores` (N, K) for `positive` (N, K); NaN where one class only.

    >>> area_under_roc(np.array([[0.1], [0.4], [0.35], [0.8]]), np.array([[0], [0], [1], [1]]) == 1).tolist()
    [0.75]
    """
    from scipy.stats import rankdata

    yes = positive.sum(axis=0).astype(np.float64)
    no = len(positive) - yes
    ranks = np.where(positive, rankdata(scores, axis=0), 0.0).sum(axis=0)
    found = np.full(len(yes), np.nan)
    np.divide(ranks - yes * (yes + 1) / 2, yes * no, out=found, where=yes * no > 0)
    return found


def scores(table: CodesAndFactors, settings: EvaluationConfig, seed: int, threads: int = 1) -> list[Row]:
    """The row of a table."""
    n = len(table.fit_codes) + len(table.test_codes)
    text = f"logistic regression; {table.settings}"
    return attempt(["explicitness"], lambda: {"explicitness": explicitness(table)}, n=n, settings=text)


rows = partial(rows_of, METRICS, scores)
reference = partial(bounds_of, scores)
