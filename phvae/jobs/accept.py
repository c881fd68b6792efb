"""Carrying finished results across an edit of the code that cannot change a number."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
from pathlib import Path
from typing import Any

from phvae.errors import DataError, PhvaeError
from phvae.experiment.grid import Cell, Grid
from phvae.experiment.keys import encoding_key, training_key
from phvae.files import read_object, write_json
from phvae.records import Key

__all__ = ["accept"]

REMEDY = "remove it, and the run is trained again"


def accept(grid: Grid, reason: str) -> str:
    """Give finished results the key of today's code, so that the next call makes none of them again.

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
        key = training_key(cell, seed, data, run["device"], run["threads"])
        if not _same_but_for_code(grid, cell, seed, data, run, key):
            other += 1
            continue
        if run["run_key"] == key.sha256:
            unchanged += 1
        else:
            today = datetime.datetime.now(datetime.UTC).date().isoformat()
            edit = {"from": run["run_key"], "to": key.sha256, "date": today, "reason": reason}
            accepts = [*run.get("accepted", []), edit]
            run |= key.fields() | {"reads": {"data": data}, "run_key": key.sha256, "accepted": accepts}
            write_json(path, run)
            accepted += 1
        _accept_encoded(path.parent, cell, seed, data, run)
    return (
        f"accepted {accepted} runs; {unchanged} were up to date; {other} differ in configuration, data, torch, device "
        "or threads and will be retrained"
    )


def _accept_encoded(folder: Path, cell: Cell, seed: int, data: str, run: dict[str, Any]) -> None:
    """Give an encoded run the key of today's code."""
    path = folder / "encode.json"
    if not path.is_file():
        return
    record = read_object(path, "remove it, and the run is encoded again")
    reads = {name: run["files"].get(name, "") for name in ("model.safetensors", "model.json")}
    device, threads = record.get("device", run["device"]), record.get("threads", run["threads"])
    key = encoding_key(cell, seed, reads, data, device, threads)
    if record.get("inputs") == key.inputs or _older(record, run, cell):
        fields = key.fields() | {"device": device, "threads": threads, "reads": reads}
        write_json(path, record | fields)


def _older(record: dict[str, Any], run: dict[str, Any], cell: Cell) -> bool:
    """Whether a record without hashes of its inputs, as written before November 2026, belongs to this run and cell."""
    known = {run["run_key"], *(edit["from"] for edit in run.get("accepted", []))}
    return (
        "inputs" not in record
        and record.get("run_key") in known
        and run["config"].get("evaluation") == json.loads(cell.evaluation.model_dump_json())
    )


def _record(path: Path) -> dict[str, Any]:
    """A run.json with everything that is read here.

    Raises:
        DataError: it is damaged.
    """
    run = read_object(
        path,
        REMEDY,
        run_key=str,
        seed=int,
        config=dict,
        versions=dict,
        files=dict,
        device=str,
        threads=int,
    )
    training, accepted = run["config"].get("training", {}), run.get("accepted", [])
    if not (isinstance(training, dict) and isinstance(accepted, list)):
        found = f"config.training {training!r:.60} and accepted {accepted!r:.60}"
        raise DataError(f"{path}: found {found}, expected an object and a list; {REMEDY}")
    return run


def _same_but_for_code(grid: Grid, cell: Cell, seed: int, data: str, run: dict[str, Any], key: Key) -> bool:
    """Whether the configuration of today asks for the recorded run, were it not for the code."""
    if run["threads"] != grid.config.threads or grid.config.device not in ("auto", run["device"]):
        return False
    if isinstance(run.get("inputs"), str):
        return bool(run["inputs"] == key.inputs)
    return (  # written before November 2026
        isinstance(run.get("inputs"), dict)
        and _same_science(cell, run["config"])
        and run["seed"] == seed
        and run["inputs"].get("data") == data
        and run["versions"].get("torch") == importlib.metadata.version("torch")
    )


def _same_science(cell: Cell, recorded: dict[str, Any]) -> bool:
    """Whether a run's recorded configuration is the cell's, but for how it is carried out."""
    wanted = json.loads(json.dumps(cell.science()))
    training = {key: recorded.get("training", {}).get(key) for key in wanted["training"]}
    return all((recorded | {"training": training}).get(key) == value for key, value in wanted.items())
