"""Separated attribute predictability: by one-code classifiers, and by correlations."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from phvae.metrics.factors import CodesAndFactors, applies, bounds_of, rows_of
from phvae.metrics.metric import Metric, Shown
from phvae.metrics.rows import Row, Undefined, attempt

if TYPE_CHECKING:
    from phvae.metrics.options import EvaluationConfig

__all__ = ["METRICS", "applies", "reference", "rows", "sap", "sap_r2", "scores"]

METRICS = (
    Metric(
        name="sap",
        group="disentanglement",
        label="SAP",
        definition="separated attribute predictability: mean over factors of the gap between the two best test "
        "accuracies of one-code linear SVMs, C = .01, balanced classes (protocol of Locatello et al. 2019)",
        unit="1",
        higher_is_better=True,
        source="Kumar et al. 2018, sec. 3",
        comparable_from=10_000,
        invariances=("yes", "no", "no", "yes", "yes", "yes"),
        shown=(Shown(table=70),),
    ),
    Metric(
        name="sap_r2",
        group="disentanglement",
        label="SAP (R2)",
        definition="the same gap with the squared correlation of a code and the factor's index, on the training points",
        unit="1",
        higher_is_better=True,
        source="Kumar et al. 2018, sec. 3",
        comparable_from=200,
        invariances=("yes", "yes", "no", "yes", "yes", "no"),
    ),
)


def _gap(matrix: np.ndarray) -> float:
    if matrix.shape[0] < 2:
        raise Undefined("a gap needs two codes, found 1")
    ranked = np.sort(matrix, axis=0)
    return float(np.mean(ranked[-1] - ranked[-2]))


def sap(table: CodesAndFactors) -> float:
    """Mean over factors of the gap between the two best codes' test accuracies, each code alone in a linear SVM.

    Raises:
        Undefined: one code only.

    Source: Kumar et al. (2018), section 3; LinearSVC(C=.01, class_weight="balanced") in Locatello et al. (2019).
    """
    from sklearn.svm import LinearSVC

    accuracy = np.empty((table.fit_codes.shape[1], len(table.names)))
    for i in range(accuracy.shape[0]):
        fit, test = table.fit_codes[:, i : i + 1], table.test_codes[:, i : i + 1]
        for j in range(accuracy.shape[1]):
            # The primal problem has two unknowns a class and a unique solution: no random order of coordinates.
            # nothing is drawn without the dual, but a seed is, from the global generator where none is given
            machine = LinearSVC(C=0.01, class_weight="balanced", dual=False, random_state=0)
            machine.fit(fit, table.fit_factors[:, j])
            accuracy[i, j] = machine.score(test, table.test_factors[:, j])
    return _gap(accuracy)


def sap_r2(table: CodesAndFactors) -> float:
    """The gap of `sap` with the squared correlation of a code and the factor's index, on the fitting points.

    Raises:
        Undefined: one code only.

    Source: Kumar et al. (2018), section 3, for factors that are numbers.
    """
    a = table.fit_codes - table.fit_codes.mean(axis=0)
    b = table.fit_factors - table.fit_factors.mean(axis=0)
    scale = np.outer((a**2).sum(axis=0), (b**2).sum(axis=0))
    return _gap(np.divide((a.T @ b) ** 2, scale, out=np.zeros_like(scale), where=scale > 0))


def scores(table: CodesAndFactors, settings: EvaluationConfig, seed: int, threads: int = 1) -> list[Row]:
    """Both gaps of a table."""
    fit, both, sizes = len(table.fit_codes), len(table.fit_codes) + len(table.test_codes), table.settings
    return [
        *attempt(["sap"], lambda: {"sap": sap(table)}, n=both, settings=f"LinearSVC(C=.01, balanced); {sizes}"),
        *attempt(["sap_r2"], lambda: {"sap_r2": sap_r2(table)}, n=fit, settings=sizes),
    ]


rows = partial(rows_of, METRICS, scores)
reference = partial(bounds_of, scores)
