"""The user's own table: a CSV, parquet, npz or hdf5 file of real columns."""

from __future__ import annotations

import codecs
from collections import Counter
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from phvae.config.strict import Unique
from phvae.data.builder import Builder
from phvae.data.card import SPLITS
from phvae.data.files.csv_rows import Dialect
from phvae.data.files.places import locate
from phvae.data.files.safe import digest
from phvae.data.files.tabular import Tabular, open_tabular
from phvae.data.gather import Gathered, gather
from phvae.data.recipe import About, Count, Input, Kind, Recipe, Sources
from phvae.data.splits import hold_out, split_rows
from phvae.data.standardise import standardise_splits
from phvae.determinism.seeding import numpy_generator
from phvae.errors import DataError, nearest
from phvae.words import listed

__all__ = ["OwnTable"]

MOST = 1_000  # columns
BLOCK = 1 << 20  # numbers that are moved at once
OPTION = {"train": "path", "validation": "validation_path", "test": "test_path"}


class OwnTable(Kind):
    """A table of real columns, in the user's units wherever it is shown or scored."""

    path: str = Field(
        min_length=1, description="CSV, parquet, npz or hdf5; a relative path is looked for along the search path too"
    )
    validation_path: str | None = Field(None, min_length=1, description="file of the validation rows; drawn otherwise")
    test_path: str | None = Field(None, min_length=1, description="file of the test rows; drawn otherwise")
    columns: Annotated[Unique[str], Field(min_length=1, max_length=MOST)] | None = Field(
        None, description="names of the columns that are used; all by default"
    )
    split: str | None = Field(None, min_length=1, description="column that says train, validation or test of each row")
    split_seed: Annotated[int, Field(ge=0)] = Field(0, description="seed by which rows are drawn into splits")
    missing: Literal["refuse", "drop"] = Field("refuse", description="what a row with a missing value does")
    separator: Annotated[str, Field(min_length=1, max_length=1)] = Field(",", description="between cells of a CSV")
    decimal: Literal[".", ","] = Field(".", description="in numbers of a CSV")
    encoding: str = Field("utf-8", description="of a CSV, such as latin-1 or utf-16")
    array: str = Field("x", description="array (rows, columns) of npz and hdf5; its columns are x1, x2, ...")
    n_validation: Count | None = Field(None, description="of those drawn: a tenth, at most 5000, by default")
    n_test: Count | None = Field(None, description="of those drawn: a fifth, at most 15000, by default")

    name: ClassVar[str] = "table"
    about: ClassVar[About] = About(
        title="The user's own table of real columns",
        source="the user's file",
        licence="the user's",
        citation="the user's",
        shape=None,
        counts=None,
    )
    places: ClassVar[frozenset[str]] = frozenset(OPTION.values())
    unit_interval: ClassVar[bool] = False

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except LookupError:
            raise ValueError("the name of an encoding, such as utf-8, latin-1 or utf-16") from None
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.split and (self.validation_path or self.test_path):
            raise ValueError("either `split`, a column, or files of the validation and test rows")
        if self.split and self.split in (self.columns or ()):
            raise ValueError("`split` to be no column that is learnt")
        return self

    def read(self, sources: Sources) -> Recipe:
        """Hash the files and check the columns' names; the rows are read while they are written."""
        files = self._files(sources)
        columns = self._columns(files["train"])
        for file in files.values():
            if absent := [column for column in columns if column not in file.names]:
                raise DataError(f"{file.path}: has no column {absent[0]!r}, expected those of {files['train'].path}")
        inputs = tuple(Input(split, digest(file.path), verified=None) for split, file in files.items())
        return Recipe(inputs, lambda builder: self._write(builder, files, columns))

    def glance(self, sources: Sources) -> tuple[tuple[int, ...], tuple[int, int, int]]:
        """Names and numbers of rows; those of a CSV are counted by its size."""
        files = self._files(sources)
        validation, test = self._held_out(files["train"].rows)
        drawn = (0 if "validation" in files else validation) + (0 if "test" in files else test)
        validation, test = (
            files[split].rows if split in files else count
            for split, count in (("validation", validation), ("test", test))
        )
        return (len(self._columns(files["train"])),), (max(1, files["train"].rows - drawn), validation, test)

    def _files(self, sources: Sources) -> dict[str, Tabular]:
        """The given files by the split that their rows are of; without others, train stands for all."""
        dialect = Dialect(self.separator, self.decimal, self.encoding)
        given = {split: getattr(self, option) for split, option in OPTION.items()}
        return {
            split: open_tabular(locate(path, sources), dialect, self.array) for split, path in given.items() if path
        }

    def _columns(self, file: Tabular) -> list[str]:
        """The columns that are used, in order."""
        path, names = file.path, file.names
        for wanted in [*(self.columns or ()), *([self.split] if self.split else ())]:
            if wanted not in names:
                raise DataError(
                    f"{path}: has no column {wanted!r}{nearest(wanted, names)}; found: {listed(map(repr, names))}"
                )
        columns = list(self.columns or (name for name in names if name != self.split))
        if unnamed := [str(names.index(name) + 1) for name in columns if not name]:
            raise DataError(
                f"{path}: column {unnamed[0]} has no name, expected one for each: name it, or choose by `columns` "
                "(pandas writes its index so: to_csv(index=False))"
            )
        if twice := [name for name, count in Counter(names).items() if count > 1 and name in columns]:
            raise DataError(f"{path}: two columns of one name: {listed(twice)}; expected each name once")
        if not 1 <= len(columns) <= MOST:
            raise DataError(f"{path}: {len(columns)} columns, expected 1 to {MOST:,}; choose some by `columns`")
        return columns

    def _held_out(self, n: int) -> tuple[int, int]:
        """Validation and test rows, where they are drawn from n."""
        return self.n_validation or min(5_000, max(1, n // 10)), self.n_test or min(15_000, max(1, n // 5))

    def _write(self, builder: Builder, files: dict[str, Tabular], columns: list[str]) -> None:
        scratch = {split: builder.folder / f"scratch-{split}" for split in files}
        found = {
            split: gather(file, columns, self.split, self.missing, scratch[split]) for split, file in files.items()
        }
        step = max(1, BLOCK // len(columns))
        for split, rows in self._rows(found, files["train"].path).items():
            out = builder.create(split, (len(rows), len(columns)), np.float64)
            numbers = found.get(split, found["train"]).numbers
            for start in range(0, len(rows), step):
                out.write(start, numbers[rows[start : start + step]])
        builder.close()
        for place in scratch.values():
            place.unlink()
        builder.facts |= standardise_splits(builder.folder, columns, str(files["train"].path))
        builder.facts["columns"] = columns
        builder.facts["dropped_rows"] = sum(part.dropped for part in found.values())
        builder.facts["split"] = (
            f"the column {self.split}" if self.split
            else "given files" if len(files) == len(SPLITS)
            else f"rows drawn with the seed {self.split_seed}"
        )  # fmt: skip

    def _rows(self, found: dict[str, Gathered], path: Path) -> dict[str, np.ndarray]:
        """The rows of each split: of its own file, or of the one that stands for all."""
        train = found["train"]
        validation, test = self._held_out(len(train.numbers))
        if train.splits is None:
            held_out = (0 if "validation" in found else validation, 0 if "test" in found else test)
            rows = split_rows(len(train.numbers), None, *held_out, *self._seed, where=path)
            rows |= {split: np.arange(len(part.numbers)) for split, part in found.items() if split != "train"}
        else:
            rows = {split: np.flatnonzero(train.splits == i) for i, split in enumerate(SPLITS)}
            if absent := [split for split in ("train", "test") if not len(rows[split])]:
                raise DataError(f"{path}: column {self.split!r} says {absent[0]} of no row, expected some")
            if not len(rows["validation"]):
                count = self._held_out(len(rows["train"]))[0]
                kept, held = hold_out(len(rows["train"]), count, *self._seed, where=path)
                rows |= {"train": rows["train"][kept], "validation": rows["train"][held]}
        # a file may be in an order: the first test rows would not be as the last ones
        rows["test"] = numpy_generator(0, "order", "table").permutation(rows["test"])
        return rows

    @property
    def _seed(self) -> tuple[str, str]:
        return "table", str(self.split_seed)
