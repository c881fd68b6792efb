"""Sprites: a renderer of grey, anti-aliased shapes with six independent factors, at any resolution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from phvae.data.builder import Builder
from phvae.data.correlated import Pairs, check_pairs, kept, told
from phvae.data.recipe import About, Count, Kind, Recipe, Sources
from phvae.determinism.seeding import numpy_generator
from phvae.errors import DataError

__all__ = ["FACTORS", "Sprites", "render"]

FACTORS: dict[str, int] = {"shape": 3, "scale": 6, "orientation": 12, "x": 16, "y": 16, "intensity": 5}
_SCENES = tuple(FACTORS.values())[:5]  # of all but the intensity
_SCALES = np.linspace(0.15, 0.25, FACTORS["scale"])  # square root of the area, in image sides
_ANGLES = np.arange(FACTORS["orientation"]) * np.pi / FACTORS["orientation"]
# rounded, so that pictures do not depend on the last bit of a platform's cosine
_COS, _SIN = np.round(np.cos(_ANGLES), 12), np.round(np.sin(_ANGLES), 12)
_PLACES = np.linspace(0.31, 0.69, FACTORS["x"])  # of the centroid; the largest sprite stays inside the image
_LEVELS = np.arange(103, 256, 38)  # grey of a pixel that is covered whole
_FINE = 4  # each pixel is the mean of 4 x 4 points
_REACH = 1.16  # farthest point of any shape from its centroid, in units of its scale


def _distance(shape: int, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Signed distance (negative inside) from a shape of area 1 with its centroid at 0 and its long axis along u."""
    if shape == 0:  # rectangle, sides 2 : 1
        return np.maximum(np.abs(u) - np.sqrt(0.5), np.abs(v) - np.sqrt(0.125))
    if shape == 1:  # ellipse, axes 2 : 1; first-order distance, exact on the boundary
        b = np.sqrt(0.5 / np.pi)
        p, q = u / (2 * b), v / b
        level = np.sqrt(p * p + q * q)
        slope = np.sqrt((p / (2 * b)) ** 2 + (q / b) ** 2)
        return np.where(slope > 0, (level - 1) * level / np.maximum(slope, 1e-12), -b)
    # isosceles triangle, height 1.5 times the base, tip along +u
    base = np.sqrt(4 / 3)
    height = 1.5 * base
    side = np.hypot(height, base / 2)
    flank = ((u - 2 * height / 3) * base / 2 + np.abs(v) * height) / side
    return np.maximum(-height / 3 - u, flank)


def render(classes: np.ndarray, resolution: int = 32, binary: bool = False) -> np.ndarray:
    """Render sprites from their factor classes.

    Args:
        classes: (N, 6) integers: shape (rectangle, ellipse, triangle), scale, orientation (k pi/12 from the x axis
            towards +y, which points down), x, y, intensity. In binary mode the intensity column is absent.
        resolution: pixels a side.
        binary: pixels that are at least half covered are 255, all others 0.

    Returns:
        uint8 (N, 1, resolution, resolution). Shapes of one scale have equal area; x and y place the centroid.

    >>> image = render(np.array([[0, 5, 0, 8, 8, 4]]))
    >>> int(image.max()), round(float(image.sum()) / 255 / 32**2, 3)  # level 1, area .25 squared
    (255, 0.063)
    """
    classes = np.asarray(classes, dtype=np.int64)
    # a window that holds the largest sprite, placed pixel by pixel: what lies outside is background
    window = min(resolution, int(np.ceil(2 * _REACH * _SCALES[-1] * resolution)) + 3)
    images = np.zeros((len(classes), 1, resolution, resolution), dtype=np.uint8)
    for shape in range(FACTORS["shape"]):
        rows = np.flatnonzero(classes[:, 0] == shape)
        for start in range(0, len(rows), 128):
            part = rows[start : start + 128]
            x, y = _PLACES[classes[part, 3]] * resolution, _PLACES[classes[part, 4]] * resolution
            left, top = (np.clip(np.floor(c - window / 2), 0, resolution - window).astype(np.int64) for c in (x, y))
            pose = np.stack(
                [
                    left - x,
                    top - y,
                    _COS[classes[part, 2]],
                    _SIN[classes[part, 2]],
                    _SCALES[classes[part, 1]] * resolution,
                ]
            )
            # in steps of 1/4096: a pixel that is half covered must not hang on the last bit of a sum
            cover = np.round(_cover(shape, pose.astype(np.float32), window) * 4096) / 4096
            if binary:
                grey = np.where(cover >= 0.5, 255, 0)
            else:
                grey = np.round(cover * _LEVELS[classes[part, 5]][:, None, None])
            across = np.arange(window)
            images[part[:, None, None], 0, top[:, None, None] + across[:, None], left[:, None, None] + across] = grey
    return images


def _cover(shape: int, pose: np.ndarray, window: int) -> np.ndarray:
    """Share (N, window, window) of a pixel that a shape covers; pose: (left, top, cos, sin, scale) x N, in pixels."""

    def distance(i: np.ndarray, across: np.ndarray, down: np.ndarray) -> np.ndarray:
        left, top, cos, sin, scale = pose[:, i]
        dx, dy = left + across, top + down
        return _distance(shape, (cos * dx + sin * dy) / scale, (cos * dy - sin * dx) / scale) * scale

    middle = np.arange(window, dtype=np.float32) + np.float32(0.5)
    every = np.arange(pose.shape[1])[:, None, None]
    rough = distance(every, middle[None, None, :], middle[None, :, None])
    cover = (rough < 0).astype(np.float32)
    # only pixels that an edge may cross need more than their middle
    image, down, across = np.nonzero(np.abs(rough) < 1)
    fine = (np.arange(_FINE, dtype=np.float32) + np.float32(0.5)) / np.float32(_FINE)
    points = distance(
        image[:, None, None], across[:, None, None] + fine[None, None, :], down[:, None, None] + fine[None, :, None]
    )
    cover[image, down, across] = np.clip(np.float32(0.5) - points * np.float32(_FINE), 0, 1).mean(axis=(1, 2))
    return cover


class Sprites(Kind):
    """Uniform draws of the factors, no scene twice; grey and anti-aliased, or binary for comparison.

    A scene is shape, scale, orientation, x and y: none is in two splits, not in another grey either.
    """

    resolution: Annotated[int, Field(ge=16, le=512)] = Field(32, description="pixels a side")
    n_train: Count = Field(5_000, description="capacity of the training pool")
    n_validation: Count = 1_000
    n_test: Count = 3_000
    binary: bool = Field(False, description="black and white, without the factor intensity")
    correlated: Pairs = Field([])

    revision: ClassVar[int] = 2
    factor_sizes: ClassVar[Mapping[str, int]] = FACTORS
    name: ClassVar[str] = "sprites"
    about: ClassVar[About] = About(
        title="Sprites: shape, scale, orientation, x, y and grey intensity",
        source="rendered by phvae",
        licence="public domain (generated)",
        citation="this project; like the grid of dSprites (Matthey et al., 2017) in spirit, not its renderer",
        shape=(1, 32, 32),
        counts=(5_000, 1_000, 3_000),
        note=f"orientations cover half a turn, so that no two classes look alike; {math.prod(_SCENES):,} scenes, "
        "each used at most once",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        wanted, there = self.n_train + self.n_validation + self.n_test, math.prod(_SCENES)
        if wanted > there:
            raise ValueError(
                f"n_train + n_validation + n_test is {wanted:,}, expected at most {there:,}: there are no more scenes"
            )
        check_pairs(self.correlated, self._sizes())
        return self

    def _sizes(self) -> dict[str, int]:
        """The factors shown."""
        return dict(list(FACTORS.items())[: 5 if self.binary else 6])

    def read(self, sources: Sources) -> Recipe:
        """Nothing to read: the set is rendered."""
        return Recipe((), self._write)

    def _write(self, builder: Builder) -> None:
        for split, classes in self._drawn().items():
            out = builder.create(split, (len(classes), 1, self.resolution, self.resolution))
            for start in range(0, len(classes), 4096):
                out.write(start, render(classes[start : start + 4096], self.resolution, self.binary))
            builder.annotate(split, factors=classes)
        builder.facts["factor_names"] = list(self._sizes())
        builder.facts["factor_sizes"] = list(self._sizes().values())
        builder.facts["split"] = (
            f"uniform draws without replacement, one fixed seed; no scene is in two splits{told(self.correlated)}"
        )

    def _drawn(self) -> dict[str, np.ndarray]:
        """The factor classes of each split."""
        # test first, train last: a larger pool leaves the others as they are; the binary set shows the same scenes
        scenes = numpy_generator(0, "sprites", "scenes").permutation(math.prod(_SCENES))
        test, rest = scenes[: self.n_test], scenes[self.n_test :]
        if not self.correlated:
            validation, train = rest[: self.n_validation], rest[self.n_validation :][: self.n_train]
            named = {"train": train, "validation": validation, "test": test}
            return {split: self._classes(drawn, split) for split, drawn in named.items()}
        left = self._classes(rest, "correlated")
        left = left[kept(left, self._sizes(), self.correlated, "sprites")]
        if len(left) < self.n_validation + self.n_train:
            raise DataError(
                f"sprites: n_validation {self.n_validation:,} + n_train {self.n_train:,} is more than the "
                f"{len(left):,} scenes that n_test and `correlated` leave; lower them, or raise sigma"
            )
        validation, train = left[: self.n_validation], left[self.n_validation :][: self.n_train]
        return {"train": train, "validation": validation, "test": self._classes(test, "test")}

    def _classes(self, scenes: np.ndarray, name: str) -> np.ndarray:
        """The factor classes of scenes, with the intensity drawn from the fixed seed of this name."""
        classes = np.stack(np.unravel_index(scenes, _SCENES), axis=1)
        grey = numpy_generator(0, "sprites", name).integers(FACTORS["intensity"], size=len(scenes))
        return classes if self.binary else np.column_stack([classes, grey])
