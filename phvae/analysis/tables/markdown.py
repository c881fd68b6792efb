"""A table as a Markdown page of 120 columns: read as it is, or shown by a browser."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from phvae.analysis.tables.layout import Table, TableBlock, TableCell, text_columns

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
        lines += ["## Rules", "", *(line for rule in table.rules for line in _entry(escape_markdown(rule)))]
    return "\n".join(lines).rstrip() + "\n"


def _block(block: TableBlock) -> Iterator[str]:
    """A block's pieces side by side below each other; where one column is too wide for two, a list."""
    rule = [["———"] * len(block.header)] if block.reference else []
    rows = [[_cell(cell) for cell in row] for row in block.rows]
    grid = [[escape_markdown(text) for text in block.header], *rows]
    grid += rule + [[_cell(cell) for cell in row] for row in block.reference]
    widths = [max(3, *(len(row[i]) for row in grid)) for i in range(len(block.header))]
    if (block.widths and _total(widths) > WIDTH) or any(_total([widths[0], one]) > WIDTH for one in widths[1:]):
        for row in rows:
            told = [f"{name}: {text}" for name, text in zip(grid[0][1:], row[1:], strict=True) if text]
            yield from _entry("; ".join([row[0], *told]))
        yield ""
        return
    texts = set(text_columns(block))
    for columns in _pieces(widths):
        lines = [[row[i].ljust(widths[i]) if i in texts else row[i].rjust(widths[i]) for i in columns] for row in grid]
        bars = [f":{'-' * (widths[i] - 1)}" if i in texts else f"{'-' * (widths[i] - 1)}:" for i in columns]
        yield from (f"| {' | '.join(line)} |" for line in [lines[0], bars, *lines[1:]])
        yield ""


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


def _entry(text: str) -> list[str]:
    """An entry of a list."""
    return _wrapped(text, "- ")


def _cell(cell: TableCell) -> str:
    text = escape_markdown(cell.text)
    return (f"**{text}**" if cell.bold else text) + (f" {cell.mark}" if cell.mark else "")
