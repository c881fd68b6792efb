"""dSprites and 3D Shapes, from their published files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from phvae.data.builder import Builder
from phvae.data.correlated import Pairs, check_pairs, kept, told
from phvae.data.files.arrays import open_rows, read_array
from phvae.data.files.obtain import obtain
from phvae.data.files.published import Published
from phvae.data.files.tables import check_grid, classes_of, write_table
from phvae.data.recipe import About, Count, Kind, Recipe, Sources
from phvae.data.splits import split_rows
from phvae.errors import DataError

__all__ = ["Dsprites", "Shapes3d"]


class _Grid(Kind):
    """A published full grid of factors: test and validation are uniform draws from it, the rest is for training."""

    n_train: Count | None = Field(None, description="training examples at most; all that are left by default")
    n_validation: Count = 5_000
    n_test: Count = 15_000
    correlated: Pairs = Field([])

    revision: ClassVar[int] = 2

    arrays: ClassVar[tuple[str, str]]  # names of the image array and of the factor table
    constant: ClassVar[int] = 0  # leading columns of the table that never vary
    values: ClassVar[Literal["bytes", "binary"]] = "bytes"

    @model_validator(mode="after")
    def _known(self) -> Self:
        check_pairs(self.correlated, self.factor_sizes)
        if self.correlated and self.n_train is None:
            raise ValueError("n_train is not given, expected a number: `correlated` leaves fewer rows than there are")
        return self

    def read(self, sources: Sources) -> Recipe:
        """Check the file and its table; the images are read while they are written."""
        [(path, checked)] = obtain(self.files, sources)
        columns = read_array(path, self.arrays[1])
        if columns.ndim != 2 or columns.shape[1] != self.constant + len(self.factor_sizes):
            raise DataError(f"{path}: the factor table has shape {columns.shape}, not that of {self.about.title}")
        table, sizes = classes_of(columns[:, self.constant :], path)
        if sizes != list(self.factor_sizes.values()):
            raise DataError(f"{path}: the factors have {sizes} values, expected {list(self.factor_sizes.values())}")
        check_grid(table, sizes, path)
        images = open_rows(path, self.arrays[0])
        component = type(self).__name__
        chosen = kept(table, self.factor_sizes, self.correlated, component) if self.correlated else None
        counts = self.n_train, self.n_validation, self.n_test
        splits = split_rows(len(table), *counts, component, where=path, kept=chosen)

        def write(builder: Builder) -> None:
            write_table(builder, images, table, dict(self.factor_sizes), splits, "hwc", self.values)
            builder.facts["split"] = "uniform factor draws without replacement, one fixed seed" + told(self.correlated)

        return Recipe((checked,), write)


class Dsprites(_Grid):
    """Binary shapes on a grid of five factors, 737,280 images."""

    name: ClassVar[str] = "dsprites"
    about: ClassVar[About] = About(
        title="dSprites",
        source="https://github.com/google-deepmind/dsprites-dataset",
        licence="Apache-2.0",
        citation="L. Matthey, I. Higgins, D. Hassabis, A. Lerchner (2017), dSprites",
        shape=(1, 64, 64),
        counts=(717_280, 5_000, 15_000),
        note="binary; orientations 0 and 39 are one angle; squares repeat after a quarter, ellipses after half a turn",
    )
    files: ClassVar[tuple[Published, ...]] = (
        Published(
            "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
            ("dsprites", "dsprites-dataset", "."),
            urls=(
                "https://github.com/google-deepmind/dsprites-dataset/raw/master/"
                "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
            ),
            magic=b"PK\x03\x04",
            limit=1 << 32,
        ),
    )
    arrays: ClassVar[tuple[str, str]] = ("imgs", "latents_classes")
    factor_sizes: ClassVar[Mapping[str, int]] = {"shape": 3, "scale": 6, "orientation": 40, "x": 32, "y": 32}
    constant: ClassVar[int] = 1  # the colour
    values: ClassVar[Literal["bytes", "binary"]] = "binary"


class Shapes3d(_Grid):
    """Coloured solids in a room on a grid of six factors, 480,000 images."""

    name: ClassVar[str] = "shapes3d"
    about: ClassVar[About] = About(
        title="3D Shapes",
        source="https://github.com/google-deepmind/3d-shapes",
        licence="Apache-2.0",
        citation="C. Burgess and H. Kim (2018), 3D Shapes dataset",
        shape=(3, 64, 64),
        counts=(460_000, 5_000, 15_000),
    )
    files: ClassVar[tuple[Published, ...]] = (
        Published(
            "3dshapes.h5",
            ("shapes3d", "3d-shapes", "3dshapes", "."),
            urls=("https://storage.googleapis.com/3d-shapes/3dshapes.h5",),
            magic=b"\x89HDF\r\n\x1a\n",
            limit=1 << 33,
        ),
    )
    arrays: ClassVar[tuple[str, str]] = ("images", "labels")
    factor_sizes: ClassVar[Mapping[str, int]] = {
        "floor_hue": 10,
        "wall_hue": 10,
        "object_hue": 10,
        "scale": 8,
        "shape": 4,
        "orientation": 15,
    }
