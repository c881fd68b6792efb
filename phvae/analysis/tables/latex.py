"""A long table as LaTeX (booktabs), for an appendix: whole pages, of plain tabulars, in one- and two-column classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from phvae.analysis.tables.latex_pages import LINES, PagePart, caption_of, floats, pages, text_height
from phvae.analysis.tables.latex_text import escape_latex, escape_number
from phvae.analysis.tables.layout import Table, TableBlock, TableCell, columns_of, text_columns

__all__ = ["latex"]

FIRST = 0.28  # the first column's share of the line
COLUMNS = 3  # of numbers side by side
SETTING = r"\scriptsize\raggedright\setlength{\tabcolsep}{3pt}"


def latex(table: Table) -> str:
    """The table for \\input in a LaTeX document of any number of columns: floats at text width, each a page at most."""
    parts = [caption_of(" ".join(filter(None, (f"{table.title}.", table.caption, table.legend))), table.name)]
    room = LINES - parts[0].height
    parts += [part for block in table.blocks for piece in _narrow(block) for part in _parts(piece, room)]
    if table.rules:
        parts.append(_paragraph(" ".join(table.rules)))
    lines = floats(table.title, pages(parts), "p", SETTING)
    # LaTeX holds a few dozen floats at most: each is out before the next
    lines = [f"{line}\n\\clearpage" if line == r"\end{table*}" else line for line in lines]
    return "\n".join([r"% In the preamble: \usepackage{array,booktabs}", *lines, ""])


def _narrow(block: TableBlock) -> list[TableBlock]:
    """A block of numbers in pieces that fit a page's width, the first column repeated; the note after the last."""
    count = len(block.header) - 1
    if block.widths or count <= COLUMNS:
        return [block]
    size = -(-count // -(-count // COLUMNS))
    starts = range(1, count + 1, size)
    found = [columns_of(block, [0, *range(start, min(start + size, count + 1))]) for start in starts]
    return [replace(piece, note="") for piece in found[:-1]] + found[-1:]


def _parts(block: TableBlock, room: int) -> Iterator[PagePart]:
    """A block in parts of so many lines at most; its references and its note after the last."""
    shares = _shares(block)
    heading = f"\\textbf{{{escape_latex(block.heading)}}}\\par\\smallskip\n" if block.heading else ""
    header = max(text_height(text, share) for text, share in zip(block.header, shares, strict=True))
    room -= header + 5 + sum(_row_height(row, shares) for row in block.reference)
    chunks: list[list[list[TableCell]]] = [[]]
    left = room
    for row in block.rows:
        height = _row_height(row, shares)
        if chunks[-1] and height > left:
            chunks.append([])
            left = room
        chunks[-1].append(row)
        left -= height
    for i, rows in enumerate(chunks):
        reference = block.reference if i == len(chunks) - 1 else []
        height = header + 5 + sum(_row_height(row, shares) for row in [*rows, *reference])
        yield PagePart(heading + _tabular(replace(block, rows=rows, reference=reference), shares), height)
    if block.note:
        yield _paragraph(block.note)


def _tabular(block: TableBlock, shares: list[float]) -> str:
    columns = "".join(_column(block, i, share) for i, share in enumerate(shares))
    lines = [f"\\begin{{tabular}}{{@{{}}{columns}@{{}}}}", r"\toprule"]
    lines += [" & ".join(map(escape_latex, block.header)) + r" \\", r"\midrule", *map(_row, block.rows)]
    lines += [r"\midrule", *map(_row, block.reference)] if block.reference else []
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}\par\medskip"])


def _paragraph(text: str) -> PagePart:
    return PagePart(f"{escape_latex(text)}\\par\\medskip", 1 + text_height(text))


def _row_height(row: list[TableCell], shares: list[float]) -> int:
    return max(text_height(f"{cell.text} {cell.mark}", share) for cell, share in zip(row, shares, strict=True))


def _shares(block: TableBlock) -> list[float]:
    """The share of the line of every column; columns without a width divide what is left."""
    given = list(block.widths) + [None] * (len(block.header) - len(block.widths))
    given[0] = given[0] or FIRST
    free = given.count(None)
    rest = (1 - sum(width for width in given if width)) / max(free, 1)
    return [width or rest for width in given]


def _column(block: TableBlock, index: int, share: float) -> str:
    side = "right" if index in text_columns(block) else "left"
    width = f"\\dimexpr {share:.3f}\\textwidth-2\\tabcolsep\\relax"
    return f">{{\\ragged{side}\\arraybackslash\\hspace{{0pt}}}}p{{{width}}}"


def _row(cells: list[TableCell]) -> str:
    return " & ".join(map(_latex_cell, cells)) + r" \\"


def _latex_cell(cell: TableCell) -> str:
    text = escape_latex(cell.text) if cell.value is None else escape_number(cell.text)
    if cell.bold:
        text = f"\\textbf{{{text}}}"
    return text + (f"\\,{escape_latex(cell.mark)}" if cell.mark else "")
