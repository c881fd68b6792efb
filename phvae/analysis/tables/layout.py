"""A table to read, as data: cells in blocks under headings; kept as JSON for the report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from phvae.analysis.presentation.numbers import column_places, number
from phvae.analysis.presentation.records import read_record
from phvae.files import write_json

__all__ = [
    "ClaimsFile",
    "ShownIn",
    "Table",
    "TableBlock",
    "TableCell",
    "TableIndex",
    "columns_of",
    "number_cell",
    "number_column",
    "read_index",
    "read_tables",
    "text_columns",
    "without_empty_columns",
    "write_index",
    "write_table",
]

EMPTY = ("", "–")  # cells that say nothing
REMEDY = "run `phvae tables` again"


@dataclass(frozen=True)
class TableCell:
    """One cell.

    Attributes:
        text: what stands there; of a number the digits alone.
        bold: whether it is bold.
        mark: small marks after the text, and in brackets how many seeds it is of.
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
        reference: rows that no variant has, each named by what it is: below a rule, neither sorted nor filtered.
        headline: the number of columns that are shown first, that of names included; 0 where all are.
    """

    heading: str
    header: list[str]
    rows: list[list[TableCell]]
    widths: Sequence[float | None] = ()
    note: str = ""
    shown_in: Sequence[ShownIn] = ()
    reference: list[list[TableCell]] = field(default_factory=list)
    headline: int = 0


@dataclass
class Table:
    """A table of the report: blocks to read. The numbers behind it go to the CSV file of the same name.

    Attributes:
        legend: what its marks mean, in a line.
        rules: how its numbers and marks came about, a sentence or two each; for those who ask.
    """

    name: str
    title: str
    caption: str
    blocks: list[TableBlock] = field(default_factory=list)
    legend: str = ""
    rules: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ClaimsFile:
    """The claims that the verdicts are about: the file's hash and date, its source, and whether it was edited since."""

    sha256: str
    written: str
    state: str
    source: str


@dataclass(frozen=True)
class TableIndex:
    """What was written: the baseline, the claims if there are any, and the tables' names in the order of the report.

    `families` are those of the claims that have a compact table.
    """

    baseline: str
    claims: ClaimsFile | None
    tables: list[str]
    families: list[str] = field(default_factory=list)


def text_columns(block: TableBlock) -> list[int]:
    """The numbers of the columns that hold text: the first, and those with a width."""
    return [i for i in range(len(block.header)) if i == 0 or (i < len(block.widths) and block.widths[i] is not None)]


def number_cell(value: float | None, text: str = "") -> TableCell:
    """A cell that sorts by its number; without `text` the number for reading."""
    known = value is not None and math.isfinite(value)
    return TableCell(text or number(value), value=float(value) if known and value is not None else None)


def number_column(values: Iterable[float]) -> list[TableCell]:
    """The cells of a column of numbers, with as many decimals in all."""
    known = list(values)
    places = column_places(known)
    return [number_cell(value, number(value, places=places)) for value in known]


def columns_of(block: TableBlock, kept: Sequence[int]) -> TableBlock:
    """The block with some of its columns alone, and without the rows for reference that say nothing there."""
    reference = [[row[i] for i in kept] for row in block.reference]
    return replace(
        block,
        header=[block.header[i] for i in kept],
        rows=[[row[i] for i in kept] for row in block.rows],
        reference=[row for row in reference if any(cell.text not in EMPTY for cell in row[1:])],
        widths=[block.widths[i] for i in kept if i < len(block.widths)],
        headline=sum(i < block.headline for i in kept),
    )


def without_empty_columns(block: TableBlock) -> TableBlock:
    """The block without the columns in which no row but those for reference has anything; that of names stays."""
    count = range(len(block.header))
    return columns_of(block, [i for i in count if i == 0 or any(row[i].text not in EMPTY for row in block.rows)])


def write_table(folder: Path, table: Table) -> None:
    """Keep a table in the tables' folder."""
    write_json(folder / f"{table.name}.json", asdict(table))


def write_index(folder: Path, index: TableIndex) -> None:
    """Keep the index in the tables' folder."""
    write_json(folder / "index.json", asdict(index))


def read_index(folder: Path) -> TableIndex | None:
    """The index of a tables' folder; None where no tables were written.

    Raises:
        DataError: it is damaged.
    """
    path = folder / "index.json"
    return read_record(path, TableIndex, REMEDY) if path.is_file() else None


def read_tables(folder: Path) -> list[Table]:
    """The tables of a folder in the order of its index; none where there is no index.

    Raises:
        DataError: a file is absent, damaged or no table.
    """
    index = read_index(folder)
    return [read_record(folder / f"{name}.json", Table, REMEDY) for name in index.tables] if index else []
