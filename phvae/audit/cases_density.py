"""Draws whose distance from a known density is known, and every score of densities on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from phvae.data.distributions.line import Density1D, normal
from phvae.data.kinds.densities import Trimodal
from phvae.determinism.seeding import numpy_generator
from phvae.metrics.mmd import bandwidth, mmd2
from phvae.metrics.scores.density import (
    MMD_POINTS,
    anderson_darling,
    cramer_von_mises,
    integration_grid,
    kolmogorov_smirnov,
    w1_exact,
)
from phvae.metrics.transport import sliced_w1

__all__ = ["draws", "scores", "values"]

_TEST, _TRAINING, _REPEATED = 10_000, 2_000, 30
_TRUTH = Trimodal().density()
_LEFT, _MIDDLE, _RIGHT = (-2.0, 0.5), (0.0, 0.3), (2.0, 0.7)


def _mixture(left: float, middle: float, right: float, beyond: float = 0.0) -> Density1D:
    weights = zip((left, middle, right), (_LEFT, _MIDDLE, _RIGHT), strict=True)
    return Density1D((*(normal(w, *mode) for w, mode in weights if w), *([normal(beyond, 6.0, 0.1)] if beyond else [])))


def draws(n: int, draw: int) -> Mapping[str, np.ndarray]:
    """Draws (n, 2) of each case: both columns independent, the truth in both but for the fault of the first.

    The scores of one dimension read the first column, those of two read both.
    """
    generator = numpy_generator(draw, "audit", "draws", n)

    def of(density: Density1D, count: int = n) -> np.ndarray:
        one, two = (d.sample(count, generator).reshape(-1) for d in (density, _TRUTH))
        return np.stack([one, two], axis=1)

    truth, iqr, median = of(_TRUTH), _TRUTH.iqr, float(_TRUTH.quantile(0.5))
    outliers = of(_TRUTH)
    outliers[: n // 200, 0] += 20 * iqr
    training = of(_TRUTH, _TRAINING)
    return {
        "truth": truth,
        "redrawn": of(_TRUTH),
        "permuted": truth[generator.permutation(n)],
        "dropped": of(_mixture(0, 4 / 7, 3 / 7)),
        "invented": of(_mixture(0.285, 0.38, 0.285, 0.05)),
        "imbalanced": of(_mixture(0.2, 0.4 * 8 / 7, 0.3 * 8 / 7)),
        "shifted": of(_TRUTH) + np.array([iqr / 20, 0]),
        "wide": median + (of(_TRUTH) - median) * np.array([1.05, 1]),
        "repeated": truth[generator.integers(0, _REPEATED, n)],
        "outliers": outliers[generator.permutation(n)],
        "copies": training[generator.integers(0, _TRAINING, n)],
        "half": of(_TRUTH, n // 2),
    }


@lru_cache(maxsize=1)
def _test() -> tuple[np.ndarray, np.ndarray, float]:
    """Test draws (10000, 2), the integration grid, the kernel's width."""
    generator = numpy_generator(0, "audit", "test draws")
    test = np.stack([_TRUTH.sample(_TEST, generator).reshape(-1) for _ in range(2)], axis=1)
    grid = integration_grid(_TRUTH.support, float(_TRUTH.quantile(0.5)), _TRUTH.iqr)
    return test, grid, bandwidth(test[:MMD_POINTS] / _TRUTH.iqr)


def scores(x: np.ndarray) -> dict[str, float]:
    """Every score of draws (n, 2), by the pattern of its name."""
    test, grid, width = _test()
    iqr, line = _TRUTH.iqr, x[:, 0]
    return {
        "w1_{output}": w1_exact(line, _TRUTH.cdf, grid) / iqr,
        "ks_{output}": kolmogorov_smirnov(line, _TRUTH.cdf),
        "cvm_{output}": cramer_von_mises(line, _TRUTH.cdf),
        "ad_{output}": anderson_darling(line, test[:, 0]),
        "sliced_w1_{output}": sliced_w1(x / iqr, test / iqr),
        "mmd_{output}": mmd2(x[:MMD_POINTS] / iqr, test[:MMD_POINTS] / iqr, width),
    }


def values(n: int, draw: int, folder: Path, only: str | None = None) -> Iterator[tuple[str, Mapping[str, float]]]:
    """The scores of each case, or of one; `folder` is not needed."""
    yield from ((name, scores(x)) for name, x in draws(n, draw).items() if only in (None, name))
