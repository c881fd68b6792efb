"""Removing what can be made again, and what kills and failures left behind."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

from phvae.errors import DataError
from phvae.experiment.grid import Cell, Grid
from phvae.experiment.keys import training_key
from phvae.jobs import checkpoint
from phvae.jobs.lease import NAME, WORKFLOW
from phvae.metrics.stored import lacking
from phvae.records import Key, current, read_record
from phvae.words import plural

__all__ = ["clean"]

OLD = 3600  # seconds: a temporary file, or a lease without a sign of life, of that age was left by a kill
# of `files.atomic`, and of leases
TEMPORARY = re.compile(r"\..*-[a-z0-9_]{8}(\.\w+)?|\.(run|workflow)\.lease\.[0-9a-f]{32}")
REMEDY = "remove it, and the run is trained again"


def clean(grid: Grid, *, dry_run: bool = False) -> str:
    """Remove the arrays of scored runs, and what kills and failures left behind; models, codes and numbers stay.

    Where arrays go, the batch's encode manifest goes with them: while all scores stand nothing asks for it, and a
    later edit of a metric makes manifest and arrays again from the model, without training. A run that is being
    trained (its lease shows a sign of life) is left alone. Of checkpoints, those stay that a training of today's
    configuration, code and data would go on from.
    """
    found: list[Path] = []
    for where, cells in grid.batches().items():
        arrays: list[Path] = []
        for cell in cells:
            for seed, folder in _idle(grid, cell):
                key = _finished(folder)
                if key and _scored(folder / "metrics.json"):
                    arrays += folder.glob("arrays.npz")
                found += _useless(grid, cell, seed, folder, key)
        found += [*arrays, grid.paths.batch("encode", *where)] if arrays else []
    found += _left_by_kills(grid.paths.root)
    found = [path for path in found if path.is_file()]
    size = sum(path.stat().st_size for path in found)
    if not dry_run:
        for path in found:
            path.unlink()
    return f"{'would remove' if dry_run else 'removed'} {plural(len(found), 'file')}, {size / 1e6:.1f} MB"


def _idle(grid: Grid, cell: Cell) -> Iterator[tuple[int, Path]]:
    """Seeds and folders of the cell's runs that nobody is training."""
    for seed in cell.seeds:
        folder = grid.paths.run(cell.dataset, cell.n_train, cell.variant, seed)
        if folder.is_dir() and not _young(folder / NAME):
            yield seed, folder


def _finished(folder: Path) -> Key | None:
    """The key of a trained run, where its files are those of its run.json."""
    record = folder / "run.json"
    if not record.is_file():
        return None
    found = read_record(record, REMEDY, code=str, inputs=str)
    key = Key(found["code"], found["inputs"])
    return key if current(record, key) else None


def _todays_keys(grid: Grid, cell: Cell, seed: int) -> set[str]:
    """The keys that a training of the run may have; none where its data are not prepared."""
    manifest = grid.paths.data(cell.dataset)
    if not manifest.is_file():
        return set()
    data = read_record(manifest, "remove it and run `phvae prepare` again", sha256=str)["sha256"]
    devices = ("cpu", "cuda") if grid.config.device == "auto" else (grid.config.device,)
    return {training_key(cell, seed, data, device, grid.config.threads).sha256 for device in devices}


def _useless(grid: Grid, cell: Cell, seed: int, folder: Path, finished: Key | None) -> Iterator[Path]:
    """Checkpoints of a run that no training would go on from: damaged, of the finished run, or of none of today's."""
    owners = checkpoint.owners(folder)
    today = _todays_keys(grid, cell, seed) if owners else set()
    for step, owner in owners.items():
        if not owner or (finished and owner == finished.sha256) or (today and owner not in today):
            yield checkpoint.location(folder, step)


def _scored(path: Path) -> bool:
    """Whether all scores that were asked for are there: those to come need the arrays."""
    try:
        return path.is_file() and not lacking(read_record(path, "", scores=dict))
    except DataError:
        return False


def _left_by_kills(root: Path) -> Iterator[Path]:
    """Temporary files and leases below a folder that nobody can be at work with."""
    left = (p for p in root.rglob("*") if TEMPORARY.fullmatch(p.name) or p.name in (NAME, WORKFLOW))
    yield from (p for p in left if not _young(p))


def _young(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < OLD
    except FileNotFoundError:
        return False
