"""A table to read, as data: cells in blocks under headings; kept as JSON for the report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from phvae.analysis.presentation.numbers import number
from phvae.errors import DataError
from phvae.files import read_object, write_json

__all__ = [
    "ShownIn",
    "Table",
    "TableBlock",
    "TableCell",
    "number_cell",
    "read_table_file",
    "text_columns",
    "write_table_file",
]


@dataclass(frozen=True)
class TableCell:
    """One cell.

    Attributes:
        text: what stands there.
        bold: whether it is bold.
        mark: a small mark after the text.
        value: the number that the cell sorts by, None for one that sorts by its text.
        word: the verdict that the cell tells; empty if it tells none.
    """

    text: str
    bold: bool = False
    mark: str = ""
    value: float | None = None
    word: str = ""


@dataclass(frozen=True)
class ShownIn:
    """A figure that shows what a block says of a data set; the figure of one data set, or one of several pages."""

    figure: str
    dataset: str


@dataclass
class TableBlock:
    """One grid of cells.

    Attributes:
        heading: above the grid.
        header: names of the columns.
        rows: as many cells as columns in each.
        widths: shares of the line for columns of running text, None for the others.
        note: below the grid.
        shown_in: the figures that show what it says.
    """

    heading: str
    header: list[str]
    rows: list[list[TableCell]]
    widths: Sequence[float | None] = ()
    note: str = ""
    shown_in: Sequence[ShownIn] = ()


@dataclass
class Table:
    """A table of the report: blocks to read. The numbers behind it go to the CSV file of the same name."""

    name: str
    title: str
    caption: str
    blocks: list[TableBlock] = field(default_factory=list)


def text_columns(block: TableBlock) -> list[int]:
    """The numbers of the columns that hold text: the first, and those with a width."""
    return [i for i in range(len(block.header)) if i == 0 or (i < len(block.widths) and block.widths[i] is not None)]


def number_cell(value: float | None, text: str = "") -> TableCell:
    """A cell that sorts by its number; without `text` the number for reading."""
    known = value is not None and math.isfinite(value)
    return TableCell(text or number(value), value=float(value) if known and value is not None else None)


def write_table_file(path: Path, table: Table) -> None:
    """Keep a table as JSON."""
    write_json(path, asdict(table))


def read_table_file(path: Path) -> Table:
    """A table that `write_table_file` kept.

    Raises:
        DataError: the file is absent, damaged or no table.
    """
    remedy = "run `phvae tables` again"
    if not path.is_file():
        raise DataError(f"{path}: absent, though the index names it; {remedy}")
    try:
        return TypeAdapter(Table).validate_python(read_object(path, remedy))
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}; {remedy}") from None
