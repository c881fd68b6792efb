"""What several scores of codes share: the terms of KL, and which coordinates count as active."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["ACTIVE", "MIN_POINTS", "kl_parts"]

MIN_POINTS = 60  # examples below which what codes say of factors, or of each other, is chance
ACTIVE = 0.01  # variance of the posterior mean above which a coordinate counts as active


def kl_parts(codes: Mapping[str, np.ndarray], prior: str) -> np.ndarray:
    """Every example's, level's and coordinate's part of KL(q || p), (N, n, d) nats: docs/method.md, section 4.

    Args:
        codes: log_variance and whitened (N, n, d), coupling (n, n).
        prior: hierarchical, or standard: there the posterior variance of a level is that of A's row.
    """
    log_variance, centre = codes["log_variance"].astype(np.float64), codes["whitened"].astype(np.float64)
    variance = np.exp(log_variance)
    if prior == "standard":
        variance = np.einsum("kl,nlj->nkj", codes["coupling"].astype(np.float64) ** 2, variance)
    return 0.5 * (variance + centre**2 - 1 - log_variance)
