"""Care of a results folder: remove what can be remade, accept a harmless edit without retraining."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from phvae.errors import DataError, PhvaeError
from phvae.experiment import provenance
from phvae.experiment.grid import Cell, Grid
from phvae.files import read_object, write_json
from phvae.jobs.lease import NAME as LEASE
from phvae.metrics.stored import lacking

__all__ = ["accept", "clean"]


OLD = 3600  # seconds: a temporary file of that age was left by a kill


def clean(grid: Grid, *, dry_run: bool = False) -> str:
    """Remove the arrays of scored runs, and what kills and failures left behind; models, codes and numbers stay.

    Where arrays go, the batch's encode manifest goes with them: while all scores stand nothing asks for it, and a
    later edit of a metric makes manifest and arrays again from the model, without training. A run that is being
    trained (its lease is there) is left alone, and so is one whose files are not those of its run.json: it will be
    trained again, and may have begun. A checkpoint of another key than run.json's belongs to such a training.
    """
    found: list[Path] = []
    for where, cells in grid.batches().items():
        arrays: list[Path] = []
        for folder, key in _finished(grid, cells):
            if _scored(folder / "metrics.json"):
                arrays += folder.glob("arrays.npz")
            found += _left_over(folder, key)
        found += [*arrays, grid.paths.batch("encode", *where)] if arrays else []
    found = [path for path in found if path.is_file()]
    size = sum(path.stat().st_size for path in found)
    if not dry_run:
        for path in found:
            path.unlink()
    return f"{'would remove' if dry_run else 'removed'} {len(found)} files, {size / 1e6:.1f} MB"


def _finished(grid: Grid, cells: list[Cell]) -> Iterator[tuple[Path, str]]:
    """Folders and keys of the cells' runs that are trained and not being trained again."""
    from phvae.jobs.training import finished

    for cell in cells:
        for seed in cell.seeds:
            folder = grid.paths.run(cell.dataset, cell.n_train, cell.variant, seed)
            record = folder / "run.json"
            if not record.is_file() or (folder / LEASE).exists():
                continue
            key = _record(record)["run_key"]
            if finished(folder, key):
                yield folder, key


def _scored(path: Path) -> bool:
    """Whether all scores that were asked for are there: those to come need the arrays."""
    try:
        return path.is_file() and not lacking(read_object(path, "", scores=dict))
    except DataError:
        return False


def _left_over(folder: Path, key: str) -> Iterator[Path]:
    """Checkpoints of a run that is finished, and temporary files that a kill left."""
    from phvae.jobs import checkpoint

    yield from (checkpoint.location(folder, step) for step in checkpoint.available(folder, key))
    now = time.time()
    yield from (path for path in folder.glob(".*-*") if now - path.stat().st_mtime > OLD)


def accept(grid: Grid, reason: str) -> str:
    """Give finished runs the key of today's code, so that the next call does not retrain them.

    The old key, the date and the reason are kept in run.json under ``accepted``: a reader sees that these
    numbers were made by earlier code. Only the code may differ: a run of another cell, seed, data, version of torch,
    device or number of threads is left as it is. The device is the run's own, so that a machine without a GPU accepts
    what was trained on one.

    Raises:
        PhvaeError: no reason was given, or a run.json or a manifest of data cannot be read.
    """
    if not reason.strip():
        raise PhvaeError("--reason is empty: say why the edit cannot change a number; it is kept in every run.json")
    accepted = unchanged = other = 0
    for cell, seed in grid.runs():
        path = grid.paths.run(cell.dataset, cell.n_train, cell.variant, seed) / "run.json"
        manifest = grid.paths.data(cell.dataset)
        if not path.is_file() or not manifest.is_file():
            continue
        run = _record(path)
        data = read_object(manifest, "remove it and run `phvae prepare` again", sha256=str)["sha256"]
        key = provenance.run_key(cell, seed, data, run["device"], run["threads"])
        if not _same_but_for_code(grid, cell, seed, data, run):
            other += 1
        elif run["run_key"] == key:
            unchanged += 1
        else:
            today = datetime.datetime.now(datetime.UTC).date().isoformat()
            record = {"from": run["run_key"], "to": key, "date": today, "reason": reason}
            write_json(path, run | {"run_key": key, "accepted": [*run.get("accepted", []), record]})
            accepted += 1
    return (
        f"accepted {accepted} runs; {unchanged} were up to date; {other} differ in configuration, data, torch, device "
        "or threads and will be retrained"
    )


def _record(path: Path) -> dict[str, Any]:
    """A run.json with everything that is read here.

    Raises:
        DataError: it is damaged.
    """
    remedy = "remove it, and the run is trained again"
    run = read_object(
        path, remedy, run_key=str, seed=int, config=dict, inputs=dict, versions=dict, device=str, threads=int
    )
    training, accepted = run["config"].get("training", {}), run.get("accepted", [])
    if not (isinstance(training, dict) and isinstance(accepted, list)):
        found = f"config.training {training!r:.60} and accepted {accepted!r:.60}"
        raise DataError(f"{path}: found {found}, expected an object and a list; {remedy}")
    return run


def _same_but_for_code(grid: Grid, cell: Cell, seed: int, data: str, run: dict[str, Any]) -> bool:
    """Whether the configuration of today asks for the recorded run, were it not for the code."""
    return (
        _same_science(cell, run["config"])
        and run["seed"] == seed
        and run["inputs"].get("data") == data
        and run["versions"].get("torch") == importlib.metadata.version("torch")
        and run["threads"] == grid.config.threads
        and grid.config.device in ("auto", run["device"])
    )


def _same_science(cell: Cell, recorded: dict[str, Any]) -> bool:
    """Whether a run's recorded configuration is the cell's, but for how it is carried out."""
    wanted = json.loads(json.dumps(cell.science()))
    training = {key: recorded.get("training", {}).get(key) for key in wanted["training"]}
    return all((recorded | {"training": training}).get(key) == value for key, value in wanted.items())
