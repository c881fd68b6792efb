"""The numbers that weigh the objective: level weights, polynomial coefficients, warm-up (loads no torch)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phvae.config import Hierarchical, LogPolynomial, Schedule

__all__ = ["level_weights", "log_coefficients", "reconstruction_weights", "schedule_weight"]


def level_weights(options: Hierarchical, order: int) -> list[float]:
    """omega_k of the level-weighted divergence; their sum is order * beta unless `normalise` is off."""
    if options.weights == "uniform":
        raw: Sequence[float] = [1.0] * order
    elif options.weights == "geometric":
        raw = [options.ratio**k for k in range(order)]
    else:
        raw = options.weights
    gain = options.beta * (order / math.fsum(raw) if options.normalise or isinstance(options.weights, str) else 1.0)
    return [gain * value for value in raw]


def log_coefficients(options: LogPolynomial) -> list[float]:
    """c_1..c_m of the log-ratio polynomial: as listed, or 1/j! up to the degree."""
    if options.coefficients is not None:
        return list(options.coefficients)
    return [1 / math.factorial(j) for j in range(1, options.degree + 1)]


def reconstruction_weights(weights: str | Sequence[float], order: int) -> list[float]:
    """lambda_k of the reconstruction terms."""
    if weights == "first":
        return [1.0] + [0.0] * (order - 1)
    if weights == "uniform":
        return [1 / order] * order
    return [float(value) for value in weights]


def schedule_weight(schedule: Schedule, step: int, steps: int) -> float:
    """Factor on the divergence at `step` (from 0) of `steps`: 1, or growing linearly to 1 over the warm-up."""
    length = schedule.warm_up * steps if schedule.name == "linear" else 0.0
    return 1.0 if step >= length else (step + 1) / (length + 1)
