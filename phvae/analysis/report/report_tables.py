"""Tables for the report, read back from the Markdown and CSV files of the tables stage."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Block", "Cell", "Page", "read_csv", "read_markdown", "sort_value"]

# What follows a number tells it from the beginning of a hash, a version or a name.
_NUMBER = re.compile(
    r"\(?\s*([-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)(?:e([-+]?\d+))?(?:\s*±[^)]*\)(?:e([-+]?\d+)))?(?=[\s()\[\]/%]|$)"
)


@dataclass(frozen=True)
class Cell:
    """One cell: its text, whether it is bold, the number it sorts by (None: by its text)."""

    text: str
    bold: bool = False

    @property
    def value(self) -> float | None:
        """The number that the cell sorts by."""
        return sort_value(self.text)


@dataclass
class Block:
    """One grid under a heading, with the note below it."""

    heading: str = ""
    header: list[str] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)
    note: str = ""


@dataclass
class Page:
    """One table file."""

    name: str
    title: str
    caption: str = ""
    blocks: list[Block] = field(default_factory=list)


def sort_value(text: str) -> float | None:
    """The number at the start of a cell, or None.

    >>> sort_value("1,234 ± 31"), sort_value("(3.2 ± 0.1)e-06"), sort_value("5 of 6"), sort_value("12ab34")
    (1234.0, 3.2e-06, 5.0, None)
    """
    found = _NUMBER.match(text.strip())
    if not found:
        return None
    power = found.group(3) or found.group(2) or "0"
    value = float(f"{found.group(1).replace(',', '').replace('−', '-')}e{power}")
    return value if math.isfinite(value) else None  # a hash may have an e among its digits


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text.strip())


def _cells(line: str) -> list[Cell]:
    parts = re.split(r"(?<!\\)\|", line.strip())[1:-1]
    cells = []
    for part in parts:
        found = re.match(r"^\s*\*\*(.+?)\*\*(.*)$", part)
        cells.append(Cell(_plain(found.group(1) + found.group(2)), True) if found else Cell(_plain(part)))
    return cells


def read_markdown(path: Path) -> Page:
    """A page of the tables stage: a title, a caption, and pipe tables with headings and notes."""
    page = Page(path.stem, path.stem.replace("_", " "))
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            page.title = _plain(line[2:])
        elif line.startswith("## "):
            page.blocks.append(Block(_plain(line[3:])))
        elif line.startswith("|"):
            cells = _cells(line)
            if all(re.fullmatch(r":?-+:?", cell.text) for cell in cells):
                continue
            if not page.blocks or page.blocks[-1].note:
                page.blocks.append(Block())
            block = page.blocks[-1]
            if not block.header:
                block.header = [cell.text for cell in cells]
            else:
                block.rows.append(cells)
        elif line.strip() and page.blocks:
            page.blocks[-1].note = f"{page.blocks[-1].note} {_plain(line)}".strip()
        elif line.strip():
            page.caption = f"{page.caption} {_plain(line)}".strip()
    return page


def read_csv(path: Path) -> Page:
    """A CSV file as one block; long numbers are shown with four significant digits."""
    with path.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.reader(stream))
    header, rows = (lines[0], lines[1:]) if lines else ([], [])
    block = Block(header=header, rows=[[Cell(_shorter(text)) for text in row] for row in rows])
    return Page(path.stem, path.stem.replace("_", " "), blocks=[block])


def _shorter(text: str) -> str:
    if re.fullmatch(r"-?\d+\.\d{5,}(e[-+]?\d+)?", text):
        return f"{float(text):.4g}"
    return text
