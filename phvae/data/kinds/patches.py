"""Patches of the two colour photographs that scikit-learn ships."""

from __future__ import annotations

import hashlib
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from phvae.data.builder import Builder
from phvae.data.recipe import SPLITS, About, Count, Input, Kind, Recipe, Sources
from phvae.determinism.seeding import numpy_generator
from phvae.errors import DataError

__all__ = ["GAP", "SIDE", "TILES", "Patches"]

PHOTOGRAPHS = {  # SHA-256 of the pixels, as libjpeg-turbo decodes them
    "china": "e701459344fd69797154c91add3bb5d70e5ed1a61d8bed889bab3a796104698d",
    "flower": "3202904ed246795bf616c66d7859cd7c6080eff736c6e38dc5cc62779742033f",
}
HEIGHT, WIDTH = 427, 640
ROWS, COLUMNS = 4, 6
SIDE = 90  # pixels of a tile
GAP = 16  # pixels between tiles: a block of the JPEG, colours included
# tiles (row, column) of each split, in both photographs: the test and validation tiles are one of every row each
TILES = {
    "train": [(r, c) for r in range(ROWS) for c in range(COLUMNS) if (c + 2 * r) % COLUMNS not in (1, 4)],
    "validation": [(r, c) for r in range(ROWS) for c in range(COLUMNS) if (c + 2 * r) % COLUMNS == 4],
    "test": [(r, c) for r in range(ROWS) for c in range(COLUMNS) if (c + 2 * r) % COLUMNS == 1],
}


class Patches(Kind):
    """Square patches of two photographs, 427 x 640 pixels each, in colour; the photograph is the label.

    Each photograph is cut into 4 x 6 tiles with gaps between them; a tile belongs to one split, and a patch lies in one
    tile. Of a split every place is equally likely, none is used twice; patches of one split overlap.
    """

    size: Annotated[int, Field(ge=8, le=64)] = Field(16, description="pixels a side")
    n_train: Count = Field(5_000, description="capacity of the training pool")
    n_validation: Count = 1_000
    n_test: Count = 2_000

    name: ClassVar[str] = "patches"
    about: ClassVar[About] = About(
        title="Patches of two colour photographs, China and Flower (as shipped with scikit-learn)",
        source="sklearn.datasets.load_sample_images; https://www.flickr.com/photos/danielbuechele/6061409035, "
        "https://www.flickr.com/photos/vultilion/6056698931",
        licence="CC BY 2.0",
        citation="photographs by danielbuechele and vultilion (2011), Flickr",
        shape=(3, 16, 16),
        counts=(5_000, 1_000, 2_000),
        note=f"the splits are tiles of {SIDE} x {SIDE} pixels, {GAP} apart: no pixel is in two; patches of one split "
        "overlap, so that they count for fewer pictures than their number says; the label is the photograph",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for split in SPLITS:
            wanted, there = getattr(self, f"n_{split}"), len(PHOTOGRAPHS) * len(TILES[split]) * self._places()
            if wanted > there:
                raise ValueError(
                    f"n_{split} is {wanted:,}, expected at most {there:,}: there are no more places of {self.size} "
                    f"pixels in its tiles"
                )
        return self

    def _places(self) -> int:
        """Places of a patch in one tile."""
        return (SIDE - self.size + 1) ** 2

    def read(self, sources: Sources) -> Recipe:
        """The photographs come with the installed scikit-learn; another decoder's pixels are another set."""
        from sklearn.datasets import load_sample_images

        pixels = np.stack(load_sample_images().images)
        if pixels.shape != (len(PHOTOGRAPHS), HEIGHT, WIDTH, 3):
            raise DataError(f"scikit-learn's photographs have shape {pixels.shape}, expected (2, {HEIGHT}, {WIDTH}, 3)")
        found = {
            name: hashlib.sha256(photo.tobytes()).hexdigest() for name, photo in zip(PHOTOGRAPHS, pixels, strict=True)
        }
        inputs = tuple(Input(f"{name}.jpg", digest, digest == PHOTOGRAPHS[name]) for name, digest in found.items())
        return Recipe(inputs, lambda builder: self._write(builder, pixels))

    def _write(self, builder: Builder, pixels: np.ndarray) -> None:
        windows = np.lib.stride_tricks.sliding_window_view(pixels, (self.size, self.size), axis=(1, 2))
        top, left = (((extent - n * SIDE - (n - 1) * GAP) // 2) for extent, n in ((HEIGHT, ROWS), (WIDTH, COLUMNS)))
        span = SIDE - self.size + 1
        for split in SPLITS:
            tiles = TILES[split]
            drawn = numpy_generator(0, "patches", split).permutation(len(PHOTOGRAPHS) * len(tiles) * span**2)
            photo, tile, y, x = np.unravel_index(
                drawn[: getattr(self, f"n_{split}")], (len(PHOTOGRAPHS), len(tiles), span, span)
            )
            row, column = np.array(tiles)[tile].T
            down, across = top + row * (SIDE + GAP) + y, left + column * (SIDE + GAP) + x
            builder.put(split, windows[photo, down, across], labels=photo)
        builder.facts["label_names"] = list(PHOTOGRAPHS)
        builder.facts["split"] = (
            f"tiles of {SIDE} x {SIDE} pixels, {GAP} apart, in a fixed pattern; one fixed seed a split"
        )
