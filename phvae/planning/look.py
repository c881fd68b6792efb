"""A look at the user's own files, so that a plan counts what is there and not what is usual (loads no torch)."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

from phvae.data.facts import Facts, glance
from phvae.data.recipe import Sources
from phvae.errors import DataError
from phvae.experiment.grid import Cell, Grid

__all__ = ["look"]


def look(grid: Grid, cell: Cell) -> Cell:
    """The cell with the facts that its data set's files show; as it is where they are known, or not to be seen here."""
    if not cell.facts.assumed:
        return cell
    return replace(cell, looked=_glance(json.dumps(cell.data, sort_keys=True), tuple(grid.config.data_path)))


@cache
def _glance(data: str, search: tuple[str, ...]) -> Facts | None:
    """Once for all cells of a data set: a folder may hold a million pictures."""
    try:
        return glance(json.loads(data), Sources(search=tuple(map(Path, search))))
    except DataError:
        return None
