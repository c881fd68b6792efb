"""Sprites with given shares of the shapes: modes that a classifier of six factors hardly tells apart."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from phvae.data.kinds.sprites import FACTORS, render
from phvae.determinism.seeding import numpy_generator

__all__ = ["drawn_sprites", "training_sprites"]

RESOLUTION = 32
TRAINING = 5_000
EQUAL = (1 / 3, 1 / 3, 1 / 3)


def _classes(n: int, shapes: Sequence[float], generator: np.random.Generator) -> np.ndarray:
    others = [generator.integers(0, size, n) for size in list(FACTORS.values())[1:]]
    return np.stack([generator.choice(len(shapes), size=n, p=shapes), *others], axis=1)


def drawn_sprites(n: int, generator: np.random.Generator, shapes: Sequence[float] = EQUAL) -> np.ndarray:
    """Sprites uint8 (n, 1, 32, 32): shares of rectangles, ellipses, triangles; all other factors uniform."""
    return render(_classes(n, shapes, generator), RESOLUTION)


@lru_cache(maxsize=1)
def training_sprites() -> tuple[np.ndarray, np.ndarray]:
    """The 5,000 training images, always the same, and their factors (5000, 6)."""
    classes = _classes(TRAINING, EQUAL, numpy_generator(0, "audit", "training sprites"))
    return render(classes, RESOLUTION), classes
