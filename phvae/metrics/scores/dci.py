"""DCI, and which level of codes predicts which factor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from phvae.determinism.seeding import derive
from phvae.metrics.factors import CodesAndFactors, applies, bounds_of, rows_of
from phvae.metrics.metric import Metric, Shown
from phvae.metrics.rows import Row, Undefined, at_least, attempt

if TYPE_CHECKING:
    from phvae.metrics.options import EvaluationConfig
    from phvae.metrics.rows import Inputs

__all__ = [
    "LEVEL_TREES",
    "METRICS",
    "applies",
    "dci",
    "dci_from_importances",
    "informativeness",
    "reference",
    "rows",
    "scores",
]

LEVEL_TREES = 5
LEAF = 20  # points of a leaf, at least
# Fitting rows below which a tree cannot split: of so many a bootstrap holds 40 different ones, on average.
LEAST_ROWS = 63
PARTS = ("disentanglement", "completeness", "informativeness")


def _asked(regressor: str, inputs: Inputs) -> bool:
    return regressor in inputs.settings.dci


_DCI = tuple(
    Metric(
        name=f"dci_{regressor}_{part}",
        group="disentanglement",
        label=f"DCI {part} ({regressor})",
        definition={
            "disentanglement": "1 - entropy over factors of a code's importances, averaged over codes by importance",
            "completeness": "1 - entropy over codes of a factor's importances, averaged over factors by importance",
            "informativeness": "test accuracy of predicting a factor from all codes, mean over factors",
        }[part]
        + "; classifier: "
        + {
            "forest": "random forest of 20 trees, all codes at each split, at least 20 points a leaf",
            "boosting": "gradient boosting, 100 stages of depth 3 (protocol of Locatello et al. 2019)",
        }[regressor],
        unit="1",
        higher_is_better=True,
        source="Eastwood and Williams 2018, sec. 2",
        comparable_from={"disentanglement": 3_000, "completeness": 1_500, "informativeness": 3_000}[part],
        invariances={
            "dci_forest_disentanglement": ("nearly", "yes", "nearly", "nearly", "yes", "nearly"),
            "dci_forest_completeness": ("nearly", "yes", "nearly", "no", "yes", "nearly"),
            "dci_forest_informativeness": ("nearly", "yes", "nearly", "nearly", "yes", "nearly"),
        }.get(f"dci_{regressor}_{part}", ()),
        when=partial(_asked, regressor),
        shown={
            "dci_forest_disentanglement": (Shown(table=30, panel=120),),
            "dci_forest_completeness": (Shown(table=40),),
            "dci_forest_informativeness": (Shown(table=50),),
            "dci_boosting_disentanglement": (Shown(table=60),),
        }.get(f"dci_{regressor}_{part}", ()),
    )
    for regressor in ("forest", "boosting")
    for part in PARTS
)
METRICS = (
    *_DCI,
    Metric(
        name="level_{k}_informativeness",
        group="disentanglement",
        label="informativeness of level {k}",
        definition="test accuracy of predicting a factor from the codes of level k alone (a forest of 5 trees, at "
        "least 20 points a leaf), mean over factors",
        unit="1",
        higher_is_better=True,
        source="Eastwood and Williams 2018, sec. 2, by level",
        comparable_from=3_000,
    ),
    Metric(
        name="level_{k}_informativeness_{factor}",
        group="disentanglement",
        label="informativeness of level {k} on {factor}",
        definition="the same for one factor: which level carries which factor",
        unit="1",
        higher_is_better=True,
        source="Eastwood and Williams 2018, sec. 2, by level",
        comparable_from=3_000,
    ),
)


def _forest(seed: int, trees: int = 20, threads: int = 1) -> Any:
    """The forest of the field's tables: a default forest gives quite other values of DCI."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        trees, max_features=None, min_samples_leaf=LEAF, random_state=_state(seed), n_jobs=threads
    )


def _boosting(seed: int) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier

    return GradientBoostingClassifier(random_state=_state(seed))


def _state(seed: int) -> int:
    return derive(seed, "trees") % 2**32


def _fit(model: Any, table: CodesAndFactors, factor: int) -> tuple[np.ndarray, float]:
    model.fit(table.fit_codes.astype(np.float32), table.fit_factors[:, factor])
    accuracy = model.score(table.test_codes.astype(np.float32), table.test_factors[:, factor])
    return model.feature_importances_, float(accuracy)


def dci(table: CodesAndFactors, regressor: str, seed: int, threads: int = 1) -> dict[str, float]:
    """Disentanglement, completeness and informativeness of one classifier a factor.

    Args:
        table: codes and factors.
        regressor: "forest" (seconds) or "boosting" (minutes; the protocol of Locatello et al. 2019).
        seed: of the trees; every factor has the same.
        threads: threads of the forest, or processes over the factors of boosting. No value depends on it.

    Raises:
        Undefined: one code or one factor only, or codes or rows that no tree can split.

    Source: Eastwood and Williams (2018), section 2, with impurity importances and test accuracy.
    """
    count = table.fit_factors.shape[1]
    if table.fit_codes.shape[1] < 2 or count < 2:
        raise Undefined(f"DCI compares codes and factors, found {table.fit_codes.shape[1]} and {count} that vary")
    if regressor == "forest":
        at_least(LEAST_ROWS, len(table.fit_codes), "fitting rows of a forest")
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
    return {f"dci_{regressor}_{name}": value for name, value in zip(PARTS, values, strict=True)}


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


def informativeness(table: CodesAndFactors, columns: np.ndarray, seed: int, threads: int = 1) -> np.ndarray:
    """Test accuracy of predicting each factor from some of the codes, with a forest of 5 trees, shape (F,).

    Raises:
        Undefined: so few rows that no tree can split: every code would tell what the commonest value does.
    """
    at_least(LEAST_ROWS, len(table.fit_codes), "fitting rows of a forest")
    part = replace(table, fit_codes=table.fit_codes[:, columns], test_codes=table.test_codes[:, columns])
    count = len(table.names)
    return np.array([_fit(_forest(seed, LEVEL_TREES, threads), part, j)[1] for j in range(count)])


def scores(table: CodesAndFactors, settings: EvaluationConfig, seed: int, threads: int = 1) -> list[Row]:
    """DCI by every regressor of the settings, and the informativeness of every level."""
    n = len(table.fit_codes) + len(table.test_codes)
    found: list[Row] = []
    for regressor in settings.dci:
        parts = [f"dci_{regressor}_{part}" for part in PARTS]
        text = {"forest": "forest of 20 trees, leaf 20", "boosting": "boosting, 100 stages"}[regressor]
        compute = partial(dci, table, regressor, seed, threads)
        found += attempt(parts, compute, n=n, settings=f"{text}; {table.settings}")
    for k, columns in enumerate(table.levels, start=1):
        name = f"level_{k}_informativeness"
        parts = [name, *(f"{name}_{factor}" for factor in table.names)]
        text = f"forest of {LEVEL_TREES} trees, leaf 20; codes {columns[0]} to {columns[-1]}; {table.settings}"
        found += attempt(parts, _level(table, parts, columns, seed, threads), n=n, settings=text)
    return found


def _level(
    table: CodesAndFactors, names: Sequence[str], columns: np.ndarray, seed: int, threads: int
) -> Callable[[], Mapping[str, float]]:
    def compute() -> Mapping[str, float]:
        accuracy = informativeness(table, columns, seed, threads)
        return dict(zip(names, (float(a) for a in (accuracy.mean(), *accuracy)), strict=True))

    return compute


rows = partial(rows_of, METRICS, scores)
reference = partial(bounds_of, scores)
