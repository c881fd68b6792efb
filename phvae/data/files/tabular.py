"""Files of named columns of numbers, read piece by piece: CSV, parquet, npz and hdf5, told by their first bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from phvae.data.files.arrays import open_rows
from phvae.data.files.csv_rows import Dialect, Piece, open_csv, piece_rows
from phvae.data.files.safe import reading
from phvae.errors import DataError
from phvae.words import listed

__all__ = ["Tabular", "open_tabular"]

Pieces = Callable[[Sequence[str], str | None], Iterator[Piece]]


@dataclass(frozen=True)
class Tabular:
    """A file of columns.

    Attributes:
        names: of all columns.
        rows: how many there are; of a CSV about.
        pieces: (columns, column of words or None) -> the rows, from the first to the last.
    """

    path: Path
    names: tuple[str, ...]
    rows: int
    pieces: Pieces


def open_tabular(path: Path, dialect: Dialect, array: str) -> Tabular:
    """Open a file of columns.

    Args:
        path: what is neither parquet, npz nor hdf5 is taken for a CSV.
        dialect: of a CSV.
        array: name of the array (rows, columns) of npz and hdf5; its columns are NAME1, NAME2 and so on.

    Raises:
        DataError: it is empty, packed, damaged, or of another form.
    """
    if path.is_dir():
        raise DataError(f"{path}: a folder, expected a file: CSV, parquet, npz or hdf5")
    with reading(path), path.open("rb") as stream:
        magic = stream.read(8)
    if magic[:4] == b"PAR1":
        return _parquet(path)
    if magic[:4] == b"PK\x03\x04" or magic == b"\x89HDF\r\n\x1a\n":
        return _array(path, array)
    if magic[:2] == b"\x1f\x8b":
        raise DataError(f"{path}: packed by gzip, expected a plain CSV, parquet, npz or hdf5 file: unpack it")
    return Tabular(path, *open_csv(path, dialect))


def _parquet(path: Path) -> Tabular:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with reading(path), pq.ParquetFile(path) as file:
        types = dict(zip(file.schema_arrow.names, file.schema_arrow.types, strict=True))
        names, rows = tuple(file.schema_arrow.names), file.metadata.num_rows
    is_number = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)

    def pieces(columns: Sequence[str], words: str | None) -> Iterator[Piece]:
        if other := [f"{c} ({types[c]})" for c in columns if not any(is_kind(types[c]) for is_kind in is_number)]:
            raise DataError(
                f"{path}: columns that are no numbers: {listed(other)}; expected numbers alone: leave them out by "
                "`columns`"
            )
        wanted, first = [*columns, *([words] if words else [])], 1
        with reading(path), pq.ParquetFile(path) as file:
            for batch in file.iter_batches(piece_rows(len(wanted)), columns=wanted):
                numbers = [batch.column(column).cast(pa.float64(), safe=False) for column in columns]
                said = [str(word) for word in batch.column(words).to_pylist()] if words else []
                table = np.stack([column.to_numpy(zero_copy_only=False) for column in numbers], axis=1)
                yield Piece(table, said, _rows_from(first))
                first += batch.num_rows

    return Tabular(path, names, rows, pieces)


def _array(path: Path, array: str) -> Tabular:
    found = open_rows(path, array)
    if len(found.shape) != 2:
        raise DataError(f"{found.what}: shape {found.shape}, expected (rows, columns); `array` names another one")
    names = tuple(f"{array}{number + 1}" for number in range(found.shape[1]))

    def pieces(columns: Sequence[str], words: str | None) -> Iterator[Piece]:
        chosen, first = [names.index(column) for column in columns], 1
        for block in found.blocks():
            yield Piece(block[:, chosen].astype(np.float64), [], _rows_from(first))
            first += len(block)

    return Tabular(path, names, found.shape[0], pieces)


def _rows_from(first: int) -> Callable[[Any], str]:
    """Names rows by their number in the file."""
    return lambda i: f"row {first + i}"
