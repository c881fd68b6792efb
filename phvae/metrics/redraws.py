"""A metric over several sets of samples: its mean, and its standard deviation over the sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from phvae.metrics.rows import Row, Undefined, at_least, attempt, row

__all__ = ["finite", "mean_row", "redrawn"]


def finite(what: str, values: np.ndarray, least: int = 1) -> np.ndarray:
    """The array itself, if it holds at least `least` examples and only finite numbers.

    Raises:
        Undefined: too few examples, NaN or infinities; the message says how many.
    """
    at_least(least, len(values), f"examples of {what}")
    if values.dtype.kind == "f":
        bad = int(np.size(values) - np.isfinite(values).sum())
        if bad:
            raise Undefined(f"{what}: {bad} of {np.size(values)} numbers are not finite")
    return values


def mean_row(metric: str, values: Sequence[float] | np.ndarray, *, n: int, settings: str = "") -> Row:
    """The row of the mean of a metric's values over redraws; `noise_sd` is their standard deviation, if there are two.

    >>> found = mean_row("ks_samples_mean", [0.1, 0.3], n=100)
    >>> round(found.value, 6), round(found.noise_sd, 6)
    (0.2, 0.141421)
    """
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return row(metric, float(np.mean(values)), n=n, settings=settings, noise_sd=spread)


def redrawn(
    metric: str, measure: Callable[[np.ndarray], float], sets: Sequence[np.ndarray], *, n: int, settings: str = ""
) -> Row:
    """`mean_row` of `measure` on each set; what it raises becomes the row's reason."""
    values: list[float] = []

    def compute() -> dict[str, float]:
        values.extend(float(measure(one)) for one in sets)
        return {metric: float(np.mean(values))}

    (found,) = attempt([metric], compute, n=n, settings=settings)
    return replace(found, noise_sd=mean_row(metric, values, n=n).noise_sd) if found.status == "ok" else found
