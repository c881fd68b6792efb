"""Unsupervised disentanglement ranking: how well the codes of several seeds of one cell match."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np

from phvae.metrics.codes import MIN_POINTS, kl_parts
from phvae.metrics.metric import Metric, Shown
from phvae.metrics.rows import Row, Undefined, at_least, attempt

__all__ = ["METRICS", "relative_strength", "rows", "udr"]

METRICS = (
    Metric(
        name="udr_lasso",
        group="groups",
        label="UDR (Lasso)",
        definition="unsupervised disentanglement ranking: how well codes of models of different seeds match one to "
        "one, by Lasso(.1) weights (a perfect match gives .9); median over partners, mean over seeds; codes with KL "
        "of at most .01 left out",
        unit="1",
        higher_is_better=True,
        source="Duan et al. 2020, eq. 4",
        comparable_from=300,
        invariances=("yes", "yes", "no", "yes", "", ""),
        shown=(Shown(table=130),),
    ),
    Metric(
        name="udr_spearman",
        group="groups",
        label="UDR (Spearman)",
        definition="the same with absolute Spearman correlations",
        unit="1",
        higher_is_better=True,
        source="Duan et al. 2020, eq. 4",
        comparable_from=300,
        invariances=("yes", "yes", "yes", "yes", "", ""),
        shown=(Shown(table=140),),
    ),
)

KL_THRESHOLD = 0.01
LASSO_ALPHA = 0.1


def rows(codes: Sequence[Mapping[str, np.ndarray]], prior: str) -> list[Row]:
    """The rows of a cell's seeds together.

    Args:
        codes: of each seed that did not diverge, for the same test examples: as `Inputs.codes`.
        prior: the cell's prior.
    """
    tables = [one["whitened"].reshape(len(one["whitened"]), -1).astype(np.float64) for one in codes]
    divergences = [kl_parts(one, prior).mean(axis=0).reshape(-1) for one in codes]
    n = min((len(table) for table in tables), default=0)
    silent = sum(not _informative(table, kl).any() for table, kl in zip(tables, divergences, strict=True))
    seeds = f"{len(tables)} seeds"
    if silent:  # the mean is over the others: what collapsed must not pass for reproduced
        seeds = f"{len(tables) - silent} of {seeds}; {silent} without an informative code"
    settings = f"{seeds}; codes with KL > {KL_THRESHOLD}; median over partners, mean over seeds"
    found: list[Row] = []
    for method in ("lasso", "spearman"):
        compute = functools.partial(_mean_udr, tables, divergences, method)
        found += attempt([f"udr_{method}"], compute, n=n, settings=settings)
    return found


def _mean_udr(tables: Sequence[np.ndarray], divergences: Sequence[np.ndarray], method: str) -> dict[str, float]:
    return {f"udr_{method}": float(np.mean(udr(tables, divergences, method)))}


def relative_strength(matrix: np.ndarray) -> float:
    """How close a matrix of code similarities is to a one-to-one matching, in [0, 1] for entries in [0, 1].

    Duan et al. (2020), equation 4, as their code has it: a column's or a row's largest entry, squared, over its sum,
    averaged over the columns, over the rows, and over these two; a column of zeros counts 0. The equation as printed
    pools columns and rows, which is the same where both models keep as many codes.

    >>> relative_strength(np.eye(3)), relative_strength(np.full((2, 2), 0.5))
    (1.0, 0.25)
    """
    halves = []
    for axis in (0, 1):
        total = matrix.sum(axis=axis)
        halves.append(np.divide(matrix.max(axis=axis) ** 2, total, out=np.zeros_like(total), where=total > 0).mean())
    return float(np.mean(halves))


def udr(tables: Sequence[np.ndarray], divergences: Sequence[np.ndarray], method: str = "lasso") -> np.ndarray:
    """Unsupervised disentanglement ranking of every model among its fellows.

    Args:
        tables: for each model, codes (N, L) of the same N examples.
        divergences: for each model, KL of each code in nats, (L,).
        method: "lasso" (absolute weights of Lasso(alpha=.1) that predicts one model's standardised codes from the
            other's) or "spearman" (absolute rank correlations).

    Returns:
        One score a model that has informative codes: the median over the other models. Duan et al. (2020), sec. 4.
        Lasso(.1) shrinks the weight of an exact copy to .9, so .9 is the ceiling of "lasso"; of "spearman" it is 1.

    Raises:
        Undefined: fewer than two models have a code with KL above .01, or fewer than 60 examples.
    """
    if len(tables) < 2:
        raise Undefined(f"UDR compares seeds: found {len(tables)}, expected at least 2")
    at_least(MIN_POINTS, min(len(table) for table in tables), "examples")
    sizes = sorted({len(table) for table in tables})
    if len(sizes) > 1:
        raise ValueError(f"tables of {sizes} examples cannot be compared row by row: encode all seeds alike")
    if any(not np.isfinite(table).all() for table in tables):
        raise ValueError("a table of codes holds values that are not finite")
    kept = [table[:, _informative(table, kl)] for table, kl in zip(tables, divergences, strict=True)]
    kept = [table for table in kept if table.shape[1]]
    if len(kept) < 2:
        raise Undefined(f"{len(kept)} of {len(tables)} models have a code with KL above {KL_THRESHOLD}; 2 needed")
    similarity = {"lasso": _lasso, "spearman": _correlation}[method]
    if method == "spearman":
        from scipy.stats import rankdata

        kept = [rankdata(table, axis=0) for table in kept]
    kept = [(table - table.mean(axis=0)) / table.std(axis=0) for table in kept]
    scores = np.full((len(kept), len(kept)), np.nan)
    for i, predictors in enumerate(kept):
        for j, targets in enumerate(kept):
            if i != j:
                scores[i, j] = relative_strength(similarity(predictors, targets))
    medians: np.ndarray = np.nanmedian(scores, axis=0)
    return medians


def _informative(table: np.ndarray, kl: np.ndarray) -> np.ndarray:
    """Which codes of a model vary and have a KL above .01, (L,) bool; codes that are not finite count."""
    return (kl > KL_THRESHOLD) & (table.std(axis=0) != 0)


def _correlation(predictors: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.abs(predictors.T @ targets) / len(targets)


def _lasso(predictors: np.ndarray, targets: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import Lasso

    weights = Lasso(alpha=LASSO_ALPHA, precompute=True, tol=1e-9, max_iter=10_000).fit(predictors, targets).coef_
    return np.abs(np.atleast_2d(weights)).T
