"""How dependent the codes are on one another: Gaussian total correlation, mean mutual information."""

from __future__ import annotations

import numpy as np

from phvae.metrics.disentanglement_information import BINS, equal_width_bins, mutual_information
from phvae.metrics.rows import Inputs, Row, Undefined, attempt

__all__ = ["gaussian_total_correlation", "mean_mutual_information", "rows"]


def _varying(codes: np.ndarray) -> np.ndarray:
    codes = np.asarray(codes, dtype=np.float64)
    if not np.isfinite(codes).all():
        raise ValueError("the table of codes holds values that are not finite")
    varying = codes[:, np.ptp(codes, axis=0) > 0] if len(codes) else codes[:, :0]
    if varying.shape[1] < 2:
        raise Undefined(f"dependence needs two codes that vary, found {varying.shape[1]} of {codes.shape[1]}")
    return varying


def gaussian_total_correlation(codes: np.ndarray) -> float:
    """-1/2 log det of the correlation matrix of codes (N, L), in nats; constant codes are left out.

    It is KL(N(m, C) || the product of its marginals), which depends on the correlations only.

    Raises:
        Undefined: fewer than two codes vary, or their covariance is singular (the value would be infinite).
        ValueError: codes that are not finite.

    >>> x = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [2.0, 2.0], [-2.0, -2.0]])
    >>> round(gaussian_total_correlation(x), 6)  # correlation 2/3: -1/2 log(1 - 4/9)
    0.293893
    """
    kept = _varying(codes)
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(kept, rowvar=False))
    if eigenvalues[0] < 1e-12 * len(eigenvalues):
        raise Undefined("the codes' covariance is singular: some code is a linear function of the others")
    return float(-0.5 * np.log(eigenvalues).sum() + 0.0)


def mean_mutual_information(codes: np.ndarray) -> float:
    """Mean over pairs of different codes (N, L) of their plug-in mutual information in nats, 20 equal-width bins.

    Raises:
        Undefined: fewer than two codes vary.
        ValueError: codes that are not finite.
    """
    bins = equal_width_bins(_varying(codes))
    found = mutual_information(bins, bins)
    return float(found[~np.eye(len(found), dtype=bool)].mean())


def rows(inputs: Inputs) -> list[Row]:
    """gaussian_tc and mean_code_mi of the whitened codes."""
    whitened = inputs.codes["whitened"]
    n = len(whitened)
    codes = whitened.reshape(n, -1)
    return [
        *attempt(["gaussian_tc"], lambda: {"gaussian_tc": gaussian_total_correlation(codes)}, n=n),
        *attempt(
            ["mean_code_mi"],
            lambda: {"mean_code_mi": mean_mutual_information(codes)},
            n=n,
            settings=f"{BINS} equal-width bins",
        ),
    ]
