"""Scores from mutual information between binned codes and factors: MIG and modularity."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from phvae.metrics.factors import CodesAndFactors, applies, bounds_of, rows_of
from phvae.metrics.information import BINS, entropy, equal_width_bins, mutual_information, quantile_bins
from phvae.metrics.metric import Metric, Shown
from phvae.metrics.rows import Row, Undefined, attempt

if TYPE_CHECKING:
    from phvae.metrics.options import EvaluationConfig

__all__ = ["METRICS", "applies", "mig", "modularity", "reference", "rows", "scores"]

METRICS = (
    Metric(
        name="mig",
        group="disentanglement",
        label="MIG",
        definition="mutual information gap: mean over factors of the gap between the two codes with the most mutual "
        "information, over the factor's entropy; plug-in estimate, 20 equal-width bins a code (protocol of Locatello "
        "et al. 2019)",
        unit="1",
        higher_is_better=True,
        source="Chen et al. 2018, eq. 6",
        comparable_from=400,
        invariances=("yes", "yes", "no", "yes", "yes", "yes"),
        shown=(Shown(table=10, sizes=50, orders=50, headline=60, panel=110),),
    ),
    Metric(
        name="mig_quantile",
        group="disentanglement",
        label="MIG (quantile bins)",
        definition="MIG with 20 quantile bins a code: unchanged by increasing maps of a code, robust to outliers",
        unit="1",
        higher_is_better=True,
        source="Chen et al. 2018, eq. 6",
        comparable_from=400,
        invariances=("yes", "yes", "yes", "yes", "yes", "yes"),
        shown=(Shown(table=20),),
    ),
    Metric(
        name="modularity",
        group="disentanglement",
        label="modularity",
        definition="mean over codes of 1 - (squared mutual information with all factors but the best) / (best squared, "
        "times the other factors' number); 20 equal-width bins; a code without information counts 0",
        unit="1",
        higher_is_better=True,
        source="Ridgeway and Mozer 2018, sec. 3",
        comparable_from=4_000,
        invariances=("yes", "yes", "no", "no", "yes", "yes"),
        shown=(Shown(table=100),),
    ),
)


def mig(bins: np.ndarray, factors: np.ndarray) -> float:
    """Mutual information gap: mean over factors of (best - second best code's MI) / H(factor).

    Args:
        bins: (N, L) bin numbers of codes.
        factors: (N, F) class indices, none of them constant.

    Raises:
        Undefined: one code only, so that there is no second best.

    Source: Chen et al. (2018), equation 6; 20 equal-width bins in Locatello et al. (2019).
    """
    if bins.shape[1] < 2:
        raise Undefined("a gap needs two codes, found 1")
    ranked = np.sort(mutual_information(bins, factors), axis=0)
    return float(np.mean((ranked[-1] - ranked[-2]) / entropy(factors)))


def modularity(bins: np.ndarray, factors: np.ndarray) -> float:
    """Mean over codes of 1 - sum_{f != best} MI_f^2 / (MI_best^2 (F - 1)); a code without information counts 0.

    Args:
        bins: (N, L) bin numbers of codes.
        factors: (N, F) class indices.

    Raises:
        Undefined: one factor only.

    Source: Ridgeway and Mozer (2018), section 3; over all codes, as in Locatello et al. (2019).
    """
    if factors.shape[1] < 2:
        raise Undefined("modularity compares factors, found 1 that varies")
    squares = mutual_information(bins, factors) ** 2
    best = squares.max(axis=1)
    rest = squares.sum(axis=1) - best
    share = np.divide(rest, best * (squares.shape[1] - 1), out=np.ones_like(best), where=best > 0)
    return float(np.mean(1 - share))


def scores(table: CodesAndFactors, settings: EvaluationConfig, seed: int, threads: int = 1) -> list[Row]:
    """MIG with both kinds of bins, and modularity, from the fitting rows of a table."""
    n, factors = len(table.fit_codes), table.fit_factors
    width, quantile = f"{BINS} equal-width bins; {table.settings}", f"{BINS} quantile bins; {table.settings}"
    codes = table.fit_codes
    return [
        *attempt(["mig"], lambda: {"mig": mig(equal_width_bins(codes), factors)}, n=n, settings=width),
        *attempt(
            ["mig_quantile"], lambda: {"mig_quantile": mig(quantile_bins(codes), factors)}, n=n, settings=quantile
        ),
        *attempt(
            ["modularity"], lambda: {"modularity": modularity(equal_width_bins(codes), factors)}, n=n, settings=width
        ),
    ]


rows = partial(rows_of, METRICS, scores)
reference = partial(bounds_of, scores)
