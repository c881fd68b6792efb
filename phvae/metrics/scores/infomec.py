"""InfoMEC: modularity, explicitness and compactness in shares of the factors' information, for continuous codes."""

from __future__ import annotations

import warnings
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from phvae.metrics.factors import CodesAndFactors, applies, bounds_of, require, rows_of, typical_rows
from phvae.metrics.information import entropy, neighbour_information
from phvae.metrics.metric import Metric, Shown
from phvae.metrics.rows import Row, Undefined, attempt

if TYPE_CHECKING:
    from phvae.metrics.options import EvaluationConfig

__all__ = ["METRICS", "applies", "concentration", "infoe", "information_shares", "reference", "rows", "scores"]

METRICS = (
    Metric(
        name="infom",
        group="disentanglement",
        label="InfoM",
        definition="modularity: mean over active codes of the share that the best factor has in the code's information "
        "on all factors, rescaled so that equal shares give 0; mutual information by 10 nearest neighbours, over the "
        "factor's entropy; a code without information counts 0",
        unit="1",
        higher_is_better=True,
        source="Hsu et al. 2023",
        comparable_from=400,
        invariances=("yes", "yes", "no", "yes", "yes", "yes"),
        shown=(Shown(table=122),),
    ),
    Metric(
        name="infoc",
        group="disentanglement",
        label="InfoC",
        definition="compactness: mean over factors of the share that the best active code has in all active codes' "
        "information on the factor, rescaled so that equal shares give 0; mutual information as for `infom`; a factor "
        "without information counts 0",
        unit="1",
        higher_is_better=True,
        source="Hsu et al. 2023",
        comparable_from=4_000,
        invariances=("yes", "yes", "no", "yes", "yes", "yes"),
        shown=(Shown(table=126),),
    ),
    Metric(
        name="infoe",
        group="disentanglement",
        label="InfoE",
        definition="explicitness: mean over factors of 1 - (log-loss of an unpenalised logistic regression with "
        "balanced classes on all standardised codes, on the rows that fitted it) / (the log of the number of values)",
        unit="1",
        higher_is_better=True,
        source="Hsu et al. 2023",
        comparable_from=400,
        invariances=("nearly", "nearly", "no", "yes", "yes", "nearly"),
        shown=(Shown(table=124),),
    ),
)

NEIGHBOURS = 10
ACTIVE_SHARE = 1 / 20  # of the widest code's range, above which a code is active
ITERATIONS = 100  # of the regression: codes that tell a factor's values exactly have no finite solution


def _standardised(codes: np.ndarray) -> np.ndarray:
    """The codes that vary, each of mean 0 and variance 1."""
    codes = codes[:, np.ptp(codes, axis=0) > 0]
    centred: np.ndarray = codes - codes.mean(axis=0)
    return centred / centred.std(axis=0)


def information_shares(table: CodesAndFactors) -> np.ndarray:
    """Mutual information of every active code and factor over the factor's entropy, (A, F); active by its range.

    Ross's estimate (2014) between a continuous code and a discrete factor.

    Raises:
        Undefined: fewer than 11 fitting rows of the typical value of some factor.
    """
    needed = NEIGHBOURS + 1
    rule = f"{NEIGHBOURS} nearest neighbours need {needed} fitting rows of each factor's typical value"
    require(table.names, typical_rows(table), [needed] * len(table.names), rule)
    width = np.ptp(table.fit_codes, axis=0)
    codes = _standardised(table.fit_codes[:, width > ACTIVE_SHARE * width.max()])
    found = [[neighbour_information(code, factor, NEIGHBOURS) for factor in table.fit_factors.T] for code in codes.T]
    return np.array(found) / entropy(table.fit_factors)


def concentration(shares: np.ndarray) -> float:
    """Mean over rows of the largest entry over the row's sum, rescaled from [1 / columns, 1] to [0, 1].

    A row of zeros, of which the authors' program makes NaN, counts 0.

    >>> concentration(np.eye(2)), concentration(np.ones((3, 2))), concentration(np.zeros((1, 2)))
    (1.0, 0.0, 0.0)

    Raises:
        Undefined: one column only.
    """
    least = 1 / shares.shape[1]
    if least == 1:
        raise Undefined("a share of one is no share: two factors and two active codes are needed")
    total = shares.sum(axis=1)
    best = np.divide(shares.max(axis=1), total, out=np.full(len(total), least), where=total > 0)
    return float((best.mean() - least) / (1 - least))


def infoe(table: CodesAndFactors) -> float:
    """Mean over factors of the share of its entropy, classes balanced, that a logistic regression on all codes tells.

    The regression ends after 100 steps of L-BFGS at the latest, and is scored on the rows that fitted it: the authors'
    program does both.

    Raises:
        Undefined: a value of a factor that the fitting rows lack.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    there = [len(np.unique(column)) for column in table.fit_factors.T]
    require(table.names, there, table.values, "InfoE needs each value of a factor in the fitting rows")
    codes = _standardised(table.fit_codes)
    told = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for factor, values in zip(table.fit_factors.T, table.values, strict=True):
            model = LogisticRegression(C=np.inf, class_weight="balanced", max_iter=ITERATIONS).fit(codes, factor)
            told.append(1 - log_loss(factor, model.predict_proba(codes)) / np.log(values))
    return float(np.mean(told))


def scores(table: CodesAndFactors, settings: EvaluationConfig, seed: int, threads: int = 1) -> list[Row]:
    """The three scores of a table's fitting rows."""
    n = len(table.fit_codes)
    neighbours = f"{NEIGHBOURS} neighbours; codes of a range above 1/20 of the widest; {table.settings}"
    regression = f"unpenalised, balanced, at most {ITERATIONS} iterations; scored on its fitting rows; {table.settings}"

    shares = cache(lambda: information_shares(table))
    return [
        *attempt(["infom"], lambda: {"infom": concentration(shares())}, n=n, settings=neighbours),
        *attempt(["infoc"], lambda: {"infoc": concentration(shares().T)}, n=n, settings=neighbours),
        *attempt(["infoe"], lambda: {"infoe": infoe(table)}, n=n, settings=regression),
    ]


rows = partial(rows_of, METRICS, scores)
reference = partial(bounds_of, scores)
