"""Scores from predicting factors with codes: DCI, SAP, explicitness, informativeness."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from phvae.determinism.seeding import derive
from phvae.metrics.disentanglement_table import Table, require
from phvae.metrics.rows import Undefined

__all__ = [
    "LEVEL_TREES",
    "area_under_roc",
    "dci",
    "dci_from_importances",
    "explicitness",
    "informativeness",
    "sap",
    "sap_r2",
]

LEVEL_TREES = 5


def _forest(seed: int, trees: int = 20, threads: int = 1) -> Any:
    """The forest of the field's tables: a default forest gives quite other values of DCI."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        trees, max_features=None, min_samples_leaf=20, random_state=_state(seed), n_jobs=threads
    )


def _boosting(seed: int) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier

    return GradientBoostingClassifier(random_state=_state(seed))


def _state(seed: int) -> int:
    return derive(seed, "trees") % 2**32


def _fit(model: Any, table: Table, factor: int) -> tuple[np.ndarray, float]:
    model.fit(table.fit_codes.astype(np.float32), table.fit_factors[:, factor])
    accuracy = model.score(table.test_codes.astype(np.float32), table.test_factors[:, factor])
    return model.feature_importances_, float(accuracy)


def dci(table: Table, regressor: str, seed: int, threads: int = 1) -> dict[str, float]:
    """Disentanglement, completeness and informativeness of one classifier a factor.

    Args:
        table: codes and factors.
        regressor: "forest" (seconds) or "boosting" (minutes; the protocol of Locatello et al. 2019).
        seed: of the trees; every factor has the same.
        threads: threads of the forest, or processes over the factors of boosting. No value depends on it.

    Raises:
        Undefined: one code or one factor only, or codes that no tree can split.

    Source: Eastwood and Williams (2018), section 2, with impurity importances and test accuracy.
    """
    count = table.fit_factors.shape[1]
    if table.fit_codes.shape[1] < 2 or count < 2:
        raise Undefined(f"DCI compares codes and factors, found {table.fit_codes.shape[1]} and {count} that vary")
    if regressor == "forest":
        fitted = [_fit(_forest(seed, threads=threads), table, j) for j in range(count)]
    else:
        from joblib import Parallel, delayed

        # The factor with the most classes takes longest: it starts first.
        sizes = [len(np.unique(column)) for column in table.fit_factors.T]
        order = sorted(range(count), key=lambda j: -sizes[j])
        jobs = (delayed(_fit)(_boosting(seed), table, j) for j in order)
        done = dict(zip(order, Parallel(n_jobs=min(threads, count), batch_size=1)(jobs), strict=True))
        fitted = [done[j] for j in range(count)]
    importances = np.stack([importance for importance, _ in fitted], axis=1)
    disentanglement, completeness = dci_from_importances(importances)
    values = (disentanglement, completeness, float(np.mean([accuracy for _, accuracy in fitted])))
    names = ("disentanglement", "completeness", "informativeness")
    return {f"dci_{regressor}_{name}": value for name, value in zip(names, values, strict=True)}


def dci_from_importances(importances: np.ndarray) -> tuple[float, float]:
    """Disentanglement and completeness of a matrix of importances (codes, factors), entries >= 0.

    >>> dci_from_importances(np.eye(3)), dci_from_importances(np.ones((2, 2)))
    ((1.0, 1.0), (0.0, 0.0))

    Raises:
        Undefined: no code has any importance.
    """
    total = importances.sum()
    if not total > 0:
        raise Undefined("no code has any importance for any factor")
    scores = []
    for matrix in (importances, importances.T):
        weight = matrix.sum(axis=1)
        share = np.divide(matrix, weight[:, None], out=np.zeros_like(matrix), where=weight[:, None] > 0)
        logs = np.log(share, out=np.zeros_like(share), where=share > 0)
        gain = 1 + (share * logs).sum(axis=1) / np.log(matrix.shape[1])
        scores.append(float((weight * gain).sum() / total))
    return scores[0], scores[1]


def informativeness(table: Table, columns: np.ndarray, seed: int, threads: int = 1) -> np.ndarray:
    """Test accuracy of predicting each factor from some of the codes, with a forest of 5 trees, shape (F,)."""
    part = replace(table, fit_codes=table.fit_codes[:, columns], test_codes=table.test_codes[:, columns])
    count = len(table.names)
    return np.array([_fit(_forest(seed, LEVEL_TREES, threads), part, j)[1] for j in range(count)])


def _gap(matrix: np.ndarray) -> float:
    if matrix.shape[0] < 2:
        raise Undefined("a gap needs two codes, found 1")
    ranked = np.sort(matrix, axis=0)
    return float(np.mean(ranked[-1] - ranked[-2]))


def sap(table: Table) -> float:
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
            machine = LinearSVC(C=0.01, class_weight="balanced", dual=False).fit(fit, table.fit_factors[:, j])
            accuracy[i, j] = machine.score(test, table.test_factors[:, j])
    return _gap(accuracy)


def sap_r2(table: Table) -> float:
    """The gap of `sap` with the squared correlation of a code and the factor's index, on the fitting points.

    Raises:
        Undefined: one code only.

    Source: Kumar et al. (2018), section 3, for factors that are numbers.
    """
    a = table.fit_codes - table.fit_codes.mean(axis=0)
    b = table.fit_factors - table.fit_factors.mean(axis=0)
    scale = np.outer((a**2).sum(axis=0), (b**2).sum(axis=0))
    return _gap(np.divide((a.T @ b) ** 2, scale, out=np.zeros_like(scale), where=scale > 0))


def explicitness(table: Table) -> float:
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
