"""Images whose law is known: digits that are moved at random, with given shares of the classes, and their faults."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from phvae.determinism.seeding import numpy_generator

__all__ = ["EQUAL", "blurred", "drawn", "pairs", "training", "with_outliers"]

SIDE = 16
TRAINING = 5_000
CLASSES = 10
EQUAL = (1 / CLASSES,) * CLASSES
OUTLIERS = 0.01
TURN, WIDER, SHIFT = np.pi / 18, 0.1, 1.0  # standard deviations: of the angle, the log of the size, the place in pixels


@lru_cache(maxsize=1)
def _source() -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's 1,797 digits of 8 x 8 in [0, 255], and their labels."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return found.images * (255 / 16), found.target


def _moved(labels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """For each label a digit drawn from its class, turned, resized and shifted at random: uint8 (n, 1, 16, 16)."""
    from scipy.ndimage import affine_transform

    sources, classes = _source()
    rows = [np.flatnonzero(classes == label) for label in range(CLASSES)]
    angle, size = TURN * generator.standard_normal(len(labels)), np.exp(WIDER * generator.standard_normal(len(labels)))
    shift, chosen = SHIFT * generator.standard_normal((len(labels), 2)), generator.random(len(labels))
    images = np.empty((len(labels), 1, SIDE, SIDE), dtype=np.uint8)
    scale, middle = 8 / 12, (8 - 1) / 2  # twelve pixels hold the eight
    for i, label in enumerate(labels):
        digit = sources[rows[label][int(chosen[i] * len(rows[label]))]]
        cos, sin = np.cos(angle[i]) * scale / size[i], np.sin(angle[i]) * scale / size[i]
        turn = np.array([[cos, -sin], [sin, cos]])
        offset = middle - turn @ ((SIDE - 1) / 2 + shift[i])
        images[i, 0] = affine_transform(digit, turn, offset, (SIDE, SIDE), order=1).round()
    return images


def drawn(n: int, generator: np.random.Generator, shares: Sequence[float] = EQUAL) -> np.ndarray:
    """Images uint8 (n, 1, 16, 16) of the law with these shares of the ten classes."""
    return _moved(generator.choice(CLASSES, size=n, p=shares), generator)


def pairs(n: int, generator: np.random.Generator) -> np.ndarray:
    """Images of two digits each, which the data never show."""
    return np.maximum(drawn(n, generator), drawn(n, generator))


def blurred(images: np.ndarray) -> np.ndarray:
    """Blurred by a normal whose standard deviation is a pixel."""
    from scipy.ndimage import gaussian_filter

    found: np.ndarray = gaussian_filter(images.astype(np.float64), (0, 0, 1, 1)).round().astype(np.uint8)
    return found


def with_outliers(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """One image of a hundred, at least one, becomes white noise; in another order."""
    found, count = images.copy(), max(1, round(OUTLIERS * len(images)))
    found[:count] = generator.integers(0, 256, size=found[:count].shape)
    return found[generator.permutation(len(found))]


@lru_cache(maxsize=1)
def training() -> tuple[np.ndarray, np.ndarray]:
    """The 5,000 training images, always the same, and their labels."""
    generator = numpy_generator(0, "audit", "training")
    labels = generator.integers(0, CLASSES, TRAINING)
    return _moved(labels, generator), labels
