"""Estimates of log p(x): whether they are of a density, whether they have settled, and the error of their mean."""

from __future__ import annotations

import numpy as np

__all__ = ["error_of_mean", "is_density", "unsettled"]

LARGEST_SHARE = 0.05  # of examples whose estimate has not settled


def is_density(likelihood: str, binary: bool) -> bool:
    """Whether log p(x|z) is a log-density (or, on binary data, a log-probability) that sums to one over x."""
    return likelihood != "bernoulli" or binary


def unsettled(settled: np.ndarray, draws: int) -> str:
    """Why a mean of estimates decides nothing: more than one example in twenty has not settled; empty otherwise.

    >>> unsettled(np.array([True, False]), 8192)
    'the likelihood of 1 of 2 examples has not settled at 8,192 draws'
    """
    left = int((~settled).sum())
    if left <= LARGEST_SHARE * len(settled):
        return ""
    return f"the likelihood of {left} of {len(settled)} examples has not settled at {draws:,} draws"


def error_of_mean(errors: np.ndarray) -> float:
    """The Monte Carlo standard error of the mean of independent estimates."""
    return float(np.sqrt(np.square(errors).sum()) / len(errors))
