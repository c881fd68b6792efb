"""Tables as CSV files that a spreadsheet shows and does not run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from phvae.files import atomic

__all__ = ["write_csv"]

# What begins a formula, and the full-width forms that some spreadsheets read alike.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def write_csv(path: str | Path, frame: pd.DataFrame) -> None:
    """Write a table, atomically; a text that a spreadsheet would run as a formula gets an apostrophe before it.

    Numbers have the shortest decimal that reads back to the same double: stable, and nothing is lost.
    """
    for name in frame.select_dtypes(exclude=["number", "bool"]):
        column = frame[name].astype(object)
        runs = column.map(_runs).astype(bool)
        if runs.any():
            frame = frame.assign(**{str(name): column.where(~runs, "'" + column.astype(str))})
    with atomic(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")


def _runs(cell: Any) -> bool:
    """Whether a cell is text that begins like a formula and is no number."""
    if not isinstance(cell, str) or not cell.startswith(_FORMULA):
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return False
