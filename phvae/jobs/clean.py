"""Removing what can be made again, and what kills and failures left behind."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

from phvae.errors import DataError
from phvae.experiment.grid import Cell, Grid
from phvae.files import read_object
from phvae.jobs import checkpoint
from phvae.jobs.lease import NAME as LEASE
from phvae.metrics.stored import lacking
from phvae.records import Key, current
from phvae.words import plural

__all__ = ["clean"]

OLD = 3600  # seconds: a temporary file, or a lease without a sign of life, of that age was left by a kill
# of `files.atomic`, and of leases
TEMPORARY = re.compile(
    rf"\..*-[a-z0-9_]{{8}}(\.\w+)?|\.{re.escape(LEASE)}\.[0-9a-f]{{32}}"
)  # of `files.atomic`, of leases
REMEDY = "remove it, and the run is trained again"


def clean(grid: Grid, *, dry_run: bool = False) -> str:
    """Remove the arrays of scored runs, and what kills and failures left behind; models, codes and numbers stay.

    Where arrays go, the batch's encode manifest goes with them: while all scores stand nothing asks for it, and a
    later edit of a metric makes manifest and arrays again from the model, without training. A run that is being
    trained (its lease shows a sign of life) is left alone, and so is one whose files are not those of its run.json: it
    will be trained again, and may have begun. A checkpoint of another key than run.json's belongs to such a training.
    """
    found: list[Path] = []
    for where, cells in grid.batches().items():
        arrays: list[Path] = []
        for folder, key in _finished(grid, cells):
            if _scored(folder / "metrics.json"):
                arrays += folder.glob("arrays.npz")
            found += (checkpoint.location(folder, step) for step in checkpoint.available(folder, key.sha256))
        found += [*arrays, grid.paths.batch("encode", *where)] if arrays else []
    found += _left_by_kills(grid.paths.root)
    found = [path for path in found if path.is_file()]
    size = sum(path.stat().st_size for path in found)
    if not dry_run:
        for path in found:
            path.unlink()
    return f"{'would remove' if dry_run else 'removed'} {plural(len(found), 'file')}, {size / 1e6:.1f} MB"


def _finished(grid: Grid, cells: list[Cell]) -> Iterator[tuple[Path, Key]]:
    """Folders and keys of the cells' runs that are trained and not being trained again."""
    for cell in cells:
        for seed in cell.seeds:
            folder = grid.paths.run(cell.dataset, cell.n_train, cell.variant, seed)
            record = folder / "run.json"
            if not record.is_file() or _young(folder / LEASE):
                continue
            found = read_object(record, REMEDY, code=str, inputs=str)
            key = Key(found["code"], found["inputs"])
            if current(record, key):
                yield folder, key


def _scored(path: Path) -> bool:
    """Whether all scores that were asked for are there: those to come need the arrays."""
    try:
        return path.is_file() and not lacking(read_object(path, "", scores=dict))
    except DataError:
        return False


def _left_by_kills(root: Path) -> Iterator[Path]:
    """Temporary files and leases below a folder that nobody can be at work with."""
    yield from (p for p in root.rglob("*") if (TEMPORARY.fullmatch(p.name) or p.name == LEASE) and not _young(p))


def _young(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < OLD
    except FileNotFoundError:
        return False
