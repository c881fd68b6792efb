"""The user's own images with a table of ground-truth factors, in one npz or hdf5 file."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from phvae.config.strict import Unique
from phvae.data.builder import Builder
from phvae.data.correlated import Pairs, check_pairs, kept, told
from phvae.data.files.arrays import open_rows, read_array
from phvae.data.files.places import locate
from phvae.data.files.safe import digest
from phvae.data.files.tables import channels, check_grid, classes_of, write_table
from phvae.data.recipe import About, Count, Input, Kind, Recipe, Sources
from phvae.data.splits import split_rows
from phvae.errors import DataError

__all__ = ["Factors"]


class Factors(Kind):
    """The user's own images with a table of factors, in one npz or hdf5 file."""

    path: str = Field(min_length=1, description="the file; a relative path is looked for along the search path too")
    images: str = Field("images", description="name of the image array: (N, H, W), (N, H, W, C) or (N, C, H, W)")
    factors: str = Field("factors", description="name of the factor table (N, F): classes or values")
    # names of metrics hold them
    names: Unique[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+-]+$", max_length=40)]] | None = Field(
        None, description="names of the factors: letters, digits and _ . + -"
    )
    sizes: list[Count] | None = Field(None, description="numbers of values that the grid must have")
    grid: bool = Field(True, description="whether the rows must be the full grid of all factors, each once")
    layout: Literal["auto", "hwc", "chw"] = "auto"
    values: Literal["auto", "bytes", "binary", "unit"] = Field(
        "auto", description="bytes: 0..255, binary: 0 and 1, unit: 0..1"
    )
    n_train: Count | None = Field(None, description="training examples at most; all that are left by default")
    n_validation: Count | None = Field(None, description="a tenth of the rows, at most 5000, by default")
    n_test: Count | None = Field(None, description="a fifth of the rows, at most 15000, by default")
    correlated: Pairs = Field([])

    name: ClassVar[str] = "factors"
    about: ClassVar[About] = About(
        title="The user's own images with ground-truth factors",
        source="the user's file",
        licence="the user's",
        citation="the user's",
        shape=None,
        counts=None,
    )
    revision: ClassVar[int] = 2
    places: ClassVar[frozenset[str]] = frozenset({"path"})

    @model_validator(mode="after")
    def _uniform(self) -> Self:
        if self.correlated and not self.grid:
            raise ValueError("correlated needs the full grid of all factors, found grid: false")
        return self

    def read(self, sources: Sources) -> Recipe:
        """Check the file's table; the images are read while they are written."""
        path = locate(self.path, sources)
        table, sizes = classes_of(read_array(path, self.factors), f"{path}: {self.factors}")
        images = open_rows(path, self.images)
        if self.grid:
            check_grid(table, self.sizes or sizes, f"{path}: {self.factors}")
        elif self.sizes and list(self.sizes) != sizes:
            raise DataError(f"{path}: the factors have {sizes} values, but `sizes` states {self.sizes}")
        names = self.names or [f"factor_{i + 1}" for i in range(len(sizes))]
        if len(names) != len(sizes) or len(set(names)) != len(names):
            raise DataError(f"{path}: {len(sizes)} factors need as many different names, found {names}")
        known = dict(zip(names, sizes, strict=True))
        try:
            check_pairs(self.correlated, known)
        except ValueError as error:
            raise DataError(f"{path}: {error}") from None
        chosen = kept(table, known, self.correlated, "factors") if self.correlated else None
        held_out = self._held_out(len(table))
        splits = split_rows(len(table), self.n_train, *held_out, "factors", where=path, kept=chosen)

        def write(builder: Builder) -> None:
            write_table(builder, images, table, known, splits, self.layout, self.values)
            uniform = ", a uniform draw of factors" if self.grid else ""
            builder.facts["split"] = f"rows drawn with one fixed seed{uniform}{told(self.correlated)}"

        return Recipe((Input("file", digest(path), verified=None),), write)

    def glance(self, sources: Sources) -> tuple[tuple[int, ...], tuple[int, int, int]]:
        """The header of the image array tells both."""
        images = open_rows(locate(self.path, sources), self.images)
        validation, test = self._held_out(images.shape[0])
        train = self.n_train or max(1, images.shape[0] - validation - test)
        return channels(images, self.layout)[0], (train, validation, test)

    def _held_out(self, n: int) -> tuple[int, int]:
        """Validation and test examples of n rows."""
        return self.n_validation or min(5_000, n // 10), self.n_test or min(15_000, n // 5)
