"""A table as a Markdown page of 120 columns: read as it is, or shown by a browser."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace

from phvae.analysis.tables.layout import Table, TableBlock, TableCell, columns_of, text_columns

__all__ = ["escape_markdown", "markdown"]

WIDTH = 120


def escape_markdown(text: str) -> str:
    """Text that a Markdown table shows as it is.

    >>> print(escape_markdown("a|b_c* _d"))
    a\\|b_c\\* \\_d
    """
    return re.sub(r"([\\`*|<>]|\](?=[(\[:])|(?<!\w)_|_(?!\w)|~(?=~))", r"\\\1", " ".join(text.split()))


def markdown(table: Table) -> str:
    """The table as a Markdown page; a rule of dashes parts the rows for reference.

    Wide blocks come in pieces, each with the first column; rows of running text as entries of a list.
    """
    lines = [f"# {escape_markdown(table.title)}", ""]
    for text in filter(None, (table.caption, table.legend)):
        lines += [*_wrapped(escape_markdown(text)), ""]
    for block in table.blocks:
        lines += [f"## {escape_markdown(block.heading)}", ""] if block.heading else []
        lines += _block(block)
        lines += [*_wrapped(escape_markdown(block.note)), ""] if block.note else []
    if table.rules:
        lines += ["## Rules", "", *(line for rule in table.rules for line in _wrapped(escape_markdown(rule), "- "))]
    return "\n".join(lines).rstrip() + "\n"


def _block(block: TableBlock) -> Iterator[str]:
    """A block's pieces below each other; where one column is too wide beside the first, a list."""
    rows = [*block.rows, *block.reference]
    columns = zip(map(escape_markdown, block.header), *([_cell(cell) for cell in row] for row in rows), strict=True)
    widths = [max(3, *map(len, column)) for column in columns]
    if (block.widths and _total(widths) > WIDTH) or any(_total([widths[0], one]) > WIDTH for one in widths[1:]):
        for row in rows:
            yield from _wrapped(_entry(block.header, row), "- ")
        yield ""
        return
    for kept in _pieces(widths):
        yield from _grid(columns_of(block, kept), [widths[i] for i in kept])
        yield ""


def _entry(header: Sequence[str], row: Sequence[TableCell]) -> str:
    """A row as the entry of a list."""
    told = [f"{name}: {_cell(cell).rstrip('.')}" for name, cell in zip(header[1:], row[1:], strict=True) if cell.text]
    return "; ".join([_cell(replace(row[0], bold=True)), *told])


def _grid(block: TableBlock, widths: Sequence[int]) -> Iterator[str]:
    """A block as a table; its columns stand below each other in the file, too."""
    texts = set(text_columns(block))
    rule = [["———"] * len(widths)] if block.reference else []
    rows = [[_cell(cell) for cell in row] for row in block.rows]
    lines = [[escape_markdown(text) for text in block.header], *rows, *rule]
    lines += [[_cell(cell) for cell in row] for row in block.reference]
    sides = [(i in texts, width) for i, width in enumerate(widths)]
    bars = [f":{'-' * (width - 1)}" if left else f"{'-' * (width - 1)}:" for left, width in sides]
    for line in [_filled(lines[0], sides), bars, *(_filled(line, sides) for line in lines[1:])]:
        yield f"| {' | '.join(line)} |"


def _filled(line: Sequence[str], sides: Sequence[tuple[bool, int]]) -> list[str]:
    """Texts at the widths of their columns, on the left or on the right."""
    return [t.ljust(width) if left else t.rjust(width) for t, (left, width) in zip(line, sides, strict=True)]


def _pieces(widths: Sequence[int]) -> Iterator[list[int]]:
    """The columns that fit side by side, the first in each piece."""
    piece = [0]
    for i in range(1, len(widths)):
        if len(piece) > 1 and _total([widths[k] for k in [*piece, i]]) > WIDTH:
            yield piece
            piece = [0]
        piece.append(i)
    yield piece


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + 3 * len(widths) + 1


def _wrapped(text: str, start: str = "") -> list[str]:
    """Lines of a paragraph, none of which begins like a list, a heading or a rule."""
    kept = re.sub(r" (?=(?:[-+=#]+|\d+[.)])(?: |$))", "\0", text)
    lines = textwrap.wrap(
        kept, WIDTH, initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip
    return [line.replace("\0", " ") for line in lines]


def _cell(cell: TableCell) -> str:
    text = escape_markdown(cell.text)
    return (f"**{text}**" if cell.bold else text) + (f" {cell.mark}" if cell.mark else "")
