"""One-dimensional densities with exact pdf and cdf, and the set drawn from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from phvae.data.recipe import SPLITS, About, Builder, Kind, Recipe, Sources
from phvae.seeding import numpy_generator

__all__ = ["Claw", "Component", "Density1D", "DensitySet", "Trimodal", "normal"]

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


class DensitySet(Kind):
    """Draws from a known density: three independent splits from three fixed seeds."""

    n_train: Annotated[int, Field(ge=10)] = Field(10_000, description="capacity of the training pool")
    n_validation: Annotated[int, Field(ge=1)] = 2_000
    n_test: Annotated[int, Field(ge=1)] = 10_000

    def density(self) -> Any:
        """The exact density."""
        raise NotImplementedError

    def read(self, sources: Sources) -> Recipe:
        """Nothing to read: the set is drawn."""
        return Recipe((), self._write)

    def _write(self, builder: Builder) -> None:
        density = self.density()
        counts = dict(zip(SPLITS, (self.n_train, self.n_validation, self.n_test), strict=True))
        draws = {
            split: density.sample(n, numpy_generator(0, "density", type(self).__name__, split))
            for split, n in counts.items()
        }
        # method note, section 2: the 0.5 % and 99.5 % training quantiles become 0.1 and 0.9, nothing is clipped
        low, high = np.quantile(draws["train"], [0.005, 0.995], axis=0)
        scale = 0.8 / (high - low)
        offset = 0.1 - scale * low
        for split, x in draws.items():
            builder.put(split, (offset + scale * x).astype(np.float32))
        builder.facts["scaling"] = {"offset": offset.tolist(), "scale": scale.tolist()}
        builder.facts["split"] = "independent draws, one fixed seed a split"


def _about(title: str, citation: str, note: str = "") -> About:
    return About(title, "drawn by phvae", "public domain (generated)", citation, note)


class Trimodal(DensitySet):
    """Three normal modes of different weight and width."""

    about: ClassVar[About] = _about("Three-mode normal mixture", "none", ".3 N(-2, .5²) + .4 N(0, .3²) + .3 N(2, .7²)")

    def density(self) -> Density1D:
        """The mixture."""
        return Density1D((normal(0.3, -2.0, 0.5), normal(0.4, 0.0, 0.3), normal(0.3, 2.0, 0.7)))


class Claw(DensitySet):
    """The claw: a normal with five narrow fingers."""

    about: ClassVar[About] = _about(
        "Claw density",
        "J. S. Marron and M. P. Wand (1992), Exact mean integrated squared error, Ann. Statist. 20, density #10",
        "0.5 N(0, 1) + sum over l=0..4 of 0.1 N(l/2 - 1, .1²)",
    )

    def density(self) -> Density1D:
        """The mixture."""
        return Density1D((normal(0.5, 0.0, 1.0), *(normal(0.1, i / 2 - 1, 0.1) for i in range(5))))
