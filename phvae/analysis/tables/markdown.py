"""A table as a Markdown page."""

from __future__ import annotations

import re

from phvae.analysis.tables.layout import Table, TableCell, text_columns

__all__ = ["escape_markdown", "markdown"]


def escape_markdown(text: str) -> str:
    """Text that a Markdown table shows as it is.

    >>> print(escape_markdown("a|b_c* _d"))
    a\\|b_c\\* \\_d
    """
    return re.sub(r"([\\`*|<>]|\](?=[(\[:])|(?<!\w)_|_(?!\w)|~(?=~))", r"\\\1", " ".join(text.split()))


def markdown(table: Table) -> str:
    """The table as a Markdown page; a rule of dashes parts the rows for reference."""
    lines = [f"# {escape_markdown(table.title)}", ""]
    for text in filter(None, (table.caption, table.legend)):
        lines += [escape_markdown(text), ""]
    for block in table.blocks:
        if block.heading:
            lines += [f"## {escape_markdown(block.heading)}", ""]
        lines.append("| " + " | ".join(escape_markdown(text) for text in block.header) + " |")
        texts = set(text_columns(block))
        lines.append("|" + "|".join(" :--- " if i in texts else " ---: " for i in range(len(block.header))) + "|")
        rule = [[TableCell("———")] * len(block.header)] if block.reference else []
        rows = [*block.rows, *rule, *block.reference]
        lines += ["| " + " | ".join(_markdown_cell(cell) for cell in row) + " |" for row in rows]
        lines.append("")
        if block.note:
            lines += [escape_markdown(block.note), ""]
    if table.rules:
        lines += ["## Rules", "", *(f"- {escape_markdown(rule)}" for rule in table.rules)]
    return "\n".join(lines).rstrip() + "\n"


def _markdown_cell(cell: TableCell) -> str:
    text = escape_markdown(cell.text)
    return (f"**{text}**" if cell.bold else text) + (f" {cell.mark}" if cell.mark else "")
