"""CSV files of numbers, read piece by piece; every refusal names the line and the column."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from phvae.data.files.safe import reading
from phvae.errors import DataError

__all__ = ["Dialect", "Piece", "open_csv", "piece_rows"]

CELLS = 200_000  # of a piece: about 20 MB as text
SAMPLE = 1 << 16  # bytes by which rows are counted roughly
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})
MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True)
class Dialect:
    """How a CSV is written."""

    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"


@dataclass(frozen=True)
class Piece:
    """Some rows of a file.

    Attributes:
        numbers: (n, D) float64; NaN where one is missing.
        words: n of them where a column of words was asked for, else none.
        where: says of a row (its number in the piece) where it stands in the file.
    """

    numbers: np.ndarray
    words: list[str]
    where: Callable[[Any], str]


def piece_rows(columns: int) -> int:
    """Rows of a piece of so many columns."""
    return max(1, CELLS // columns)


def open_csv(
    path: Path, dialect: Dialect
) -> tuple[tuple[str, ...], int, Callable[[Sequence[str], str | None], Iterator[Piece]]]:
    """The names in the first line, about how many rows follow, and what reads them.

    Raises:
        DataError: no line of names; another encoding or separator.
    """
    with reading(path), path.open("rb") as stream:
        start = stream.read(SAMPLE)
    marked = MARKS.get(start[:2])
    if marked and not dialect.encoding.lower().startswith("utf-16"):
        raise DataError(f"{path}: written in {marked} (its first bytes say so), expected {_set('encoding', marked)}")
    names = next((tuple(cell.strip() for cell in row) for _, row in _records(path, dialect)), ())
    _check_names(path, names, dialect)
    lines = max(1, start.count(b"\n"))
    rows = round(path.stat().st_size * lines / len(start)) - 1

    def pieces(columns: Sequence[str], words: str | None) -> Iterator[Piece]:
        return _pieces(path, dialect, names, columns, words)

    return names, max(rows, 1), pieces


def _check_names(path: Path, names: tuple[str, ...], dialect: Dialect) -> None:
    if not names:
        raise DataError(f"{path}: empty, expected a line of column names, then rows of numbers")
    if all(_number(name, dialect) is not None for name in names):
        raise DataError(f"{path}: line 1 holds numbers, expected the names of the columns")
    others = [mark for mark in ";\t|," if mark != dialect.separator and mark in names[0]]
    if len(names) == 1 and others:
        raise DataError(
            f"{path}: line 1 is one column, {names[0]!r:.60}, expected columns set apart by {dialect.separator!r}: "
            f"set `separator: {others[0]!r}`"
        )


def _pieces(
    path: Path, dialect: Dialect, names: tuple[str, ...], columns: Sequence[str], words: str | None
) -> Iterator[Piece]:
    chosen = [names.index(column) for column in columns]
    said = names.index(words) if words else None
    records = _records(path, dialect)
    next(records)
    rows: list[list[str]] = []
    lines: list[int] = []

    def piece() -> Piece:
        at = tuple(lines)
        found = [row[said].strip() for row in rows] if said is not None else []
        numbers = _numbers(path, dialect, columns, [[row[i] for i in chosen] for row in rows], at)
        return Piece(numbers, found, lambda i: f"line {at[i]}")

    for line, row in records:
        if len(row) != len(names):
            raise DataError(f"{path}: line {line}: {len(row)} cells, expected {len(names)}, as many as line 1 has")
        rows.append(row)
        lines.append(line)
        if len(rows) == piece_rows(len(names)):
            yield piece()
            rows.clear()
            lines.clear()
    if rows:
        yield piece()


def _records(path: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Lines that are not blank, with their numbers."""
    encoding = "utf-8-sig" if dialect.encoding.lower() in ("utf-8", "utf8") else dialect.encoding
    with reading(path), path.open(encoding=encoding, newline="") as stream, _readable(path, dialect):
        reader = csv.reader(stream, delimiter=dialect.separator, strict=True)
        try:
            for row in reader:
                if row:
                    yield reader.line_num, row
        except csv.Error as error:
            raise DataError(f"{path}: line {reader.line_num}: {error}; expected a CSV file") from None


@contextmanager
def _readable(path: Path, dialect: Dialect) -> Iterator[None]:
    try:
        yield
    except UnicodeError:
        with path.open("rb") as lines:
            line = next((i for i, text in enumerate(lines, start=1) if not _decodes(text, dialect)), 1)
        raise DataError(
            f"{path}: line {line}: not {dialect.encoding}; expected a CSV in {_set('encoding', 'latin-1')}"
        ) from None


def _decodes(text: bytes, dialect: Dialect) -> bool:
    try:
        text.decode(dialect.encoding)
    except UnicodeError:
        return False
    return True


def _set(option: str, example: str) -> str:
    return f"the `{option}` that is set (utf-8 by default): set `{option}: {example}`, or what it is"


def _numbers(
    path: Path, dialect: Dialect, columns: Sequence[str], cells: list[list[str]], lines: Sequence[int]
) -> np.ndarray:
    if dialect.decimal == ".":
        try:
            return np.array(cells, dtype=np.float64)
        except ValueError:  # a missing value, or the one to be named
            pass
    found = np.empty((len(cells), len(columns)))
    for i, row in enumerate(cells):
        for j, cell in enumerate(row):
            number = _number(cell, dialect)
            if number is None:
                raise DataError(
                    f"{path}: line {lines[i]}, column {columns[j]!r}: found {cell!r:.60}, expected a number"
                    f"{_advice(cell, dialect)}"
                )
            found[i, j] = number
    return found


def _number(cell: str, dialect: Dialect) -> float | None:
    """The number of a cell, NaN of one that is missing, None of text."""
    text = cell.strip()
    if text.lower() in MISSING:
        return float("nan")
    try:
        return float(text if dialect.decimal == "." else text.replace(dialect.decimal, "."))
    except ValueError:
        return None


def _advice(cell: str, dialect: Dialect) -> str:
    if dialect.decimal == "." and _number(cell, Dialect(decimal=",")) is not None:
        return ": set `decimal: ','`"
    return "; leave a column of words out by `columns`"
