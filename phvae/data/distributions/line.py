"""Exact one-dimensional densities: mixtures with pdf, cdf and quantiles in closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

__all__ = ["Component", "Density1D", "lognormal", "normal", "student_t", "uniform", "weibull"]

Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Component:
    """One part of a mixture: its weight, pdf, cdf, sampler, and an interval that holds all but 1e-12 of it."""

    weight: float
    pdf: Function
    cdf: Function
    draw: Callable[[np.random.Generator, int], np.ndarray]
    support: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Density1D:
    """A mixture on the line with exact pdf, cdf and quantiles."""

    components: tuple[Component, ...]

    def pdf(self, x: Any) -> np.ndarray:
        """Density at x, any shape."""
        x = np.asarray(x, dtype=np.float64)
        return np.sum([c.weight * c.pdf(x) for c in self.components], axis=0)

    def cdf(self, x: Any) -> np.ndarray:
        """P(X <= x) at x, any shape."""
        x = np.asarray(x, dtype=np.float64)
        return np.sum([c.weight * c.cdf(x) for c in self.components], axis=0)

    def quantile(self, p: Any) -> np.ndarray:
        """The smallest x with cdf(x) >= p, for 0 < p < 1, by bisection to the last bit but a few."""
        p = np.asarray(p, dtype=np.float64)
        if np.any((p <= 0) | (p >= 1)):
            raise ValueError(f"quantile needs 0 < p < 1, found {p.min()}..{p.max()}")
        low, high = (np.full(p.shape, edge) for edge in self.support)
        for _ in range(100):
            middle = (low + high) / 2
            below = self.cdf(middle) < p
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return high

    def sample(self, n: int, generator: np.random.Generator) -> np.ndarray:
        """n independent draws, (n, 1) float64."""
        weights = np.array([c.weight for c in self.components])
        which = generator.choice(len(weights), size=n, p=weights / weights.sum())
        x = np.empty(n)
        for i, component in enumerate(self.components):
            rows = which == i
            x[rows] = component.draw(generator, int(rows.sum()))
        return x[:, None]

    @property
    def support(self) -> tuple[float, float]:
        """An interval that holds all but 1e-12 of the mass."""
        return min(c.support[0] for c in self.components), max(c.support[1] for c in self.components)

    @cached_property
    def iqr(self) -> float:
        """The interquartile range, in the units of x."""
        low, high = self.quantile([0.25, 0.75])
        return float(high - low)


def normal(weight: float, mean: float, sd: float) -> Component:
    """A normal component."""
    from scipy.special import ndtr

    return Component(
        weight,
        pdf=lambda x: np.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi)),
        cdf=lambda x: ndtr((x - mean) / sd),
        draw=lambda generator, n: generator.normal(mean, sd, n),
        support=(mean - 8 * sd, mean + 8 * sd),
    )


def uniform(weight: float, low: float, high: float) -> Component:
    """A uniform component on [low, high]."""
    return Component(
        weight,
        pdf=lambda x: np.where((x >= low) & (x <= high), 1 / (high - low), 0.0),
        cdf=lambda x: np.clip((x - low) / (high - low), 0, 1),
        draw=lambda generator, n: generator.uniform(low, high, n),
        support=(low, high),
    )


def weibull(weight: float, shape: float, scale: float) -> Component:
    """A Weibull component: cdf 1 - exp(-(x / scale)^shape) for x > 0."""

    def pdf(x: np.ndarray) -> np.ndarray:
        t = np.maximum(x, 0) / scale
        return np.where(x > 0, shape / scale * t ** (shape - 1) * np.exp(-(t**shape)), 0.0)

    return Component(
        weight,
        pdf=pdf,
        cdf=lambda x: -np.expm1(-((np.maximum(x, 0) / scale) ** shape)),
        draw=lambda generator, n: scale * generator.weibull(shape, n),
        support=(0.0, scale * 40 ** (1 / shape)),
    )


def lognormal(weight: float, mean: float, sd: float) -> Component:
    """A log-normal component: log x is normal with this mean and standard deviation."""
    from scipy.special import ndtr

    def standardised(x: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.where(x > 0, (np.log(np.maximum(x, 0)) - mean) / sd, -np.inf)

    return Component(
        weight,
        pdf=lambda x: np.exp(-0.5 * standardised(x) ** 2) / (np.where(x > 0, x, 1.0) * sd * np.sqrt(2 * np.pi)),
        cdf=lambda x: ndtr(standardised(x)),
        draw=lambda generator, n: generator.lognormal(mean, sd, n),
        support=(0.0, float(np.exp(mean + 8 * sd))),
    )


def student_t(weight: float, df: float) -> Component:
    """A Student t component with `df` degrees of freedom."""
    from scipy.special import gammaln, stdtr, stdtrit

    constant = float(np.exp(gammaln((df + 1) / 2) - gammaln(df / 2))) / np.sqrt(df * np.pi)
    reach = -float(stdtrit(df, 1e-13))
    return Component(
        weight,
        pdf=lambda x: constant * (1 + x * x / df) ** (-(df + 1) / 2),
        cdf=lambda x: stdtr(df, x),
        draw=lambda generator, n: generator.standard_t(df, n),
        support=(-reach, reach),
    )
