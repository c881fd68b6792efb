"""Exact two-dimensional densities: moons, rings and the pinwheel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

__all__ = ["Density2D", "moons", "pinwheel", "rings"]


@dataclass(frozen=True, eq=False)
class Density2D:
    """A density on the plane: its exact pdf, its sampler, and a box that holds all but 1e-9 of it."""

    evaluate: Callable[[np.ndarray], np.ndarray]
    draw: Callable[[int, np.random.Generator], np.ndarray]
    box: tuple[tuple[float, float], tuple[float, float]]

    def pdf(self, x: Any) -> np.ndarray:
        """Density at x (..., 2)."""
        x = np.asarray(x, dtype=np.float64)
        if x.shape[-1:] != (2,):
            raise ValueError(f"pdf of a plane density needs points (..., 2), found shape {x.shape}")
        return self.evaluate(x)

    def sample(self, n: int, generator: np.random.Generator) -> np.ndarray:
        """n independent draws, (n, 2) float64."""
        return self.draw(n, generator)

    @cached_property
    def iqr(self) -> tuple[float, float]:
        """The interquartile range of each coordinate, from the pdf on a grid of 400 x 400 points."""
        axes = [np.linspace(low, high, 401)[:-1] + (high - low) / 800 for low, high in self.box]
        mass = self.pdf(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1))
        spans = []
        for i, axis in enumerate(axes):
            marginal = np.cumsum(mass.sum(axis=1 - i))
            edges = axis + (axis[1] - axis[0]) / 2
            low, high = np.interp([0.25, 0.75], marginal / marginal[-1], edges)
            spans.append(float(high - low))
        return spans[0], spans[1]


def moons(noise: float) -> Density2D:
    """Two half-circles of radius 1, one around (0, 0), one turned over around (1, .5), with normal noise.

    The pdf is the integral of the noise along the curve, by Gauss-Legendre quadrature; the number of nodes grows with
    the sharpness of the noise and keeps the error below 1e-10 of the largest value.
    """
    nodes, weights = np.polynomial.legendre.leggauss(40 + int(10 / noise))
    angle, weight = (nodes + 1) * np.pi / 2, weights / 2
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    curve = np.concatenate([upper, np.array([1.0, 0.5]) - upper])
    mass = np.concatenate([weight, weight]) / 2

    def evaluate(x: np.ndarray) -> np.ndarray:
        total = np.zeros(x.shape[:-1])
        for centre, w in zip(curve, mass, strict=True):
            total += w * np.exp(-0.5 * ((x - centre) ** 2).sum(-1) / noise**2)
        return total / (2 * np.pi * noise**2)

    def draw(n: int, generator: np.random.Generator) -> np.ndarray:
        theta = generator.uniform(0, np.pi, n)
        points = np.stack([np.cos(theta), np.sin(theta)], axis=-1)
        second = generator.random(n) < 0.5
        points[second] = np.array([1.0, 0.5]) - points[second]
        return points + generator.normal(0, noise, (n, 2))

    reach = 7 * noise
    return Density2D(evaluate, draw, ((-1 - reach, 2 + reach), (-0.5 - reach, 1 + reach)))


def rings(radii: tuple[float, ...], noise: float) -> Density2D:
    """Rings of equal mass: the radius is normal around one of `radii`, kept positive, the angle uniform."""
    from scipy.special import ndtr, ndtri

    centres = np.asarray(radii, dtype=np.float64)
    below = ndtr(-centres / noise)  # mass of the normal below radius 0, left out

    def evaluate(x: np.ndarray) -> np.ndarray:
        radius = np.sqrt((x**2).sum(-1))
        t = (radius[..., None] - centres) / noise
        along = np.exp(-0.5 * t**2) / (noise * np.sqrt(2 * np.pi) * (1 - below))
        return along.mean(-1) / (2 * np.pi * np.maximum(radius, 1e-300))

    def draw(n: int, generator: np.random.Generator) -> np.ndarray:
        which = generator.integers(len(centres), size=n)
        u = generator.random(n)
        radius = centres[which] + noise * ndtri(below[which] + u * (1 - below[which]))
        theta = generator.uniform(0, 2 * np.pi, n)
        return radius[:, None] * np.stack([np.cos(theta), np.sin(theta)], axis=-1)

    reach = float(centres.max() + 7 * noise)
    return Density2D(evaluate, draw, ((-reach, reach), (-reach, reach)))


def pinwheel(arms: int, twist: float, radial: float = 0.3, tangential: float = 0.08) -> Density2D:
    """Elongated normals at distance 1, one an arm, each point turned by `twist` times its distance from the origin.

    The turn keeps distances and areas, so the pdf is that of the straight arms at the point turned back.
    """
    starts = 2 * np.pi * np.arange(arms) / arms

    def turned(x: np.ndarray, angle: np.ndarray) -> np.ndarray:
        cos, sin = np.cos(angle), np.sin(angle)
        return np.stack([cos * x[..., 0] - sin * x[..., 1], sin * x[..., 0] + cos * x[..., 1]], axis=-1)

    def evaluate(x: np.ndarray) -> np.ndarray:
        distance = np.sqrt((x**2).sum(-1))
        total = np.zeros(x.shape[:-1])
        for start in starts:
            straight = turned(x, -(start + twist * distance))
            t = ((straight[..., 0] - 1) / radial) ** 2 + (straight[..., 1] / tangential) ** 2
            total += np.exp(-0.5 * t)
        return total / (arms * 2 * np.pi * radial * tangential)

    def draw(n: int, generator: np.random.Generator) -> np.ndarray:
        straight = generator.normal([1.0, 0.0], [radial, tangential], (n, 2))
        distance = np.sqrt((straight**2).sum(-1))
        return turned(straight, starts[generator.integers(arms, size=n)] + twist * distance)

    reach = 1 + 7 * radial
    return Density2D(evaluate, draw, ((-reach, reach), (-reach, reach)))
