"""Care of a results folder: remove what can be remade, accept a harmless edit without retraining."""

from __future__ import annotations

import datetime
import json
from typing import Any

from phvae import provenance
from phvae.errors import PhvaeError
from phvae.files import read_json, write_json
from phvae.grid import Cell, Grid

__all__ = ["accept", "clean"]

REMADE = ("arrays.npz", "checkpoint-*", "*.lease")


def clean(grid: Grid, *, dry_run: bool = False) -> str:
    """Remove arrays and checkpoints of finished runs; models, codes and numbers stay.

    A later edit of a metric makes the arrays again from the model, without training.
    """
    count = size = 0
    for cell, seed in grid.runs():
        folder = grid.paths.run(cell.dataset, cell.n_train, cell.variant, seed)
        if not (folder / "run.json").is_file():
            continue  # unfinished: its checkpoints are what it resumes from
        for path in (p for pattern in REMADE for p in folder.glob(pattern)):
            count += 1
            size += path.stat().st_size
            if not dry_run:
                path.unlink()
    return f"{'would remove' if dry_run else 'removed'} {count} files, {size / 1e6:.1f} MB"


def accept(grid: Grid, reason: str) -> str:
    """Give finished runs the key of today's code, so that the next call does not retrain them.

    The old key, the date and the reason are kept in run.json under ``accepted``: a reader sees that these
    numbers were made by earlier code. Only runs whose cell, data and seed are unchanged are accepted.

    Raises:
        PhvaeError: no reason was given.
    """
    from phvae.device import resolve

    if not reason.strip():
        raise PhvaeError("--reason is empty: say why the edit cannot change a number; it is kept in every run.json")
    device = resolve(grid.config.device)
    accepted = unchanged = other = 0
    for cell, seed in grid.runs():
        path = grid.paths.run(cell.dataset, cell.n_train, cell.variant, seed) / "run.json"
        manifest = grid.paths.data(cell.dataset)
        if not path.is_file() or not manifest.is_file():
            continue
        run = read_json(path)
        data = read_json(manifest)["sha256"]
        key = provenance.run_key(cell, seed, data, device, grid.config.threads)
        same_science = _same_science(cell, run["config"])
        if run["run_key"] == key:
            unchanged += 1
        elif not same_science or run["inputs"].get("data") != data or run["seed"] != seed:
            other += 1
        else:
            today = datetime.datetime.now(datetime.UTC).date().isoformat()
            record = {"from": run["run_key"], "to": key, "date": today, "reason": reason}
            write_json(path, run | {"run_key": key, "accepted": [*run.get("accepted", []), record]})
            accepted += 1
    return (
        f"accepted {accepted} runs; {unchanged} were up to date; {other} differ in configuration or data and will "
        "be retrained"
    )


def _same_science(cell: Cell, recorded: dict[str, Any]) -> bool:
    """Whether a run's recorded configuration is the cell's, but for how it is carried out."""
    wanted = json.loads(json.dumps(cell.science()))
    training = {key: recorded.get("training", {}).get(key) for key in wanted["training"]}
    return all((recorded | {"training": training}).get(key) == value for key, value in wanted.items())
