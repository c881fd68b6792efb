"""Carrying finished results across an edit of the code that cannot change a number."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phvae.data.prepared import load
from phvae.errors import DataError, PhvaeError
from phvae.experiment.grid import Cell, Grid
from phvae.experiment.keys import encoding_key, training_key
from phvae.files import read_object, write_json
from phvae.jobs import evaluate, groups, older, reference
from phvae.metrics.weights import with_inception
from phvae.records import Key
from phvae.words import plural

if TYPE_CHECKING:
    from phvae.data.prepared import Prepared

__all__ = ["accept"]

REMEDY = "remove it, and the run is trained again"


def accept(grid: Grid, reason: str) -> str:
    """Give finished results the key of today's code, so that the next call makes none of them again.

    Models, codes, references and scores are carried over. The old key, the date and the reason are kept in run.json
    under ``accepted``: a reader sees that these numbers were made by earlier code. Only the code may differ: what is of
    another cell, seed, setting, data, version of torch, device or number of threads is left as it is. The device is
    the run's own, so that a machine without a GPU accepts what was trained on one.

    Raises:
        PhvaeError: no reason was given, or a run.json or a manifest of data cannot be read.
    """
    if not reason.strip():
        raise PhvaeError("--reason is empty: say why the edit cannot change a number; it is kept in every run.json")
    counts = {"accepted": 0, "unchanged": 0, "other": 0}
    for dataset in grid.config.datasets:
        path = grid.paths.data(dataset)
        if path.is_file():
            manifest = read_object(path, "remove it and run `phvae prepare` again", sha256=str)
            _accept_dataset(grid, dataset, manifest, reason, counts)
    return (
        f"accepted {plural(counts['accepted'], 'run')}; {counts['unchanged']} up to date before; {counts['other']} of "
        "another configuration, data, torch, device or threads, to be retrained"
    )


def _accept_dataset(grid: Grid, dataset: str, manifest: dict[str, Any], reason: str, counts: dict[str, int]) -> None:
    """The runs of a data set, and what was made of them."""
    cells = grid.dataset_cells(dataset)
    kept: dict[tuple[str, int], dict[str, Any]] = {}
    for cell in cells:
        for seed in cell.seeds:
            folder = grid.paths.run(dataset, cell.n_train, cell.variant, seed)
            if (folder / "run.json").is_file():
                run, what = _accept_run(grid, cell, seed, folder, manifest["sha256"], reason)
                counts[what] += 1
                if what != "other" and run.get("status") != "diverged":
                    kept[cell.name, seed] = run
    prepared = Path(grid.config.results) / "data" / str(manifest.get("folder", ""))
    if not kept or not (prepared / "card.json").is_file():
        return
    data, device = load(prepared), grid.scoring_device(cells)
    place = grid.paths.reference(dataset)
    scored = [dataclasses.replace(c, evaluation=with_inception(c.evaluation, grid.config.data_path)) for c in cells]
    vouched = any(_same_evaluation(run, cells[0]) for run in kept.values())  # all cells of a data set have one
    _accept_reference(place, reference.keys(data, scored[0].evaluation, device, grid.config.threads), vouched)
    for cell in scored:
        folders = []
        for seed in cell.seeds:
            if (cell.name, seed) in kept:
                folder = grid.paths.run(dataset, cell.n_train, cell.variant, seed)
                folders.append(folder)
                if _accept_encoded(folder, cell, seed, data.sha256, kept[cell.name, seed]):
                    _accept_scores(folder, cell, seed, data, place, device)
        path = grid.paths.groups(dataset, cell.n_train, cell.variant)
        if path.is_file() and all((folder / "codes.npz").is_file() for folder in folders):
            _carry_scores(path, groups.keys(cell, folders))


def _accept_run(grid: Grid, cell: Cell, seed: int, folder: Path, data: str, reason: str) -> tuple[dict[str, Any], str]:
    """A run's record, with today's key if only the code differs; and which of the counts it belongs to."""
    run = _record(folder / "run.json")
    key = training_key(cell, seed, data, run["device"], run["threads"])
    if not _same_but_for_code(grid, cell, seed, data, run, key):
        return run, "other"
    if run["run_key"] == key.sha256:
        return run, "unchanged"
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    edit = {"from": run["run_key"], "to": key.sha256, "date": today, "reason": reason}
    edits = [*run.get("accepted", []), edit]
    run |= key.fields() | {"reads": {"data": data}, "run_key": key.sha256, "accepted": edits}
    write_json(folder / "run.json", run)
    return run, "accepted"


def _accept_encoded(folder: Path, cell: Cell, seed: int, data: str, run: dict[str, Any]) -> bool:
    """Whether an encoded run has, or is given, the key of today's code."""
    path = folder / "encode.json"
    if not path.is_file():
        return False
    record = read_object(path, "remove it, and the run is encoded again")
    reads = {name: run["files"].get(name, "") for name in ("model.safetensors", "model.json")}
    device, threads = record.get("device", run["device"]), record.get("threads", run["threads"])
    key = encoding_key(cell, seed, reads, data, device, threads)
    if record.get("inputs") != key.inputs and not _older(record, run, cell):
        return False
    kept = {name: value for name, value in record.items() if name not in ("key", "run_key")}
    _renew(path, record, kept | key.fields() | {"device": device, "threads": threads, "reads": reads})
    return True


def _accept_reference(folder: Path, keys: Mapping[str, Key], vouched: bool) -> None:
    """The records of what runs share, and the file that gathers them; of the older form only if vouched for."""
    path = folder / "reference.json"
    if not path.is_file():
        return
    content = read_object(path, "remove it, and the reference is computed again")
    if "scores" not in content and not vouched:
        return
    if "scores" not in content:
        records = older.of_reference(folder, content, keys)
    else:
        records = {name: _carried(record, keys[name]) for name, record in content["scores"].items() if name in keys}
    for name, record in records.items():
        (folder / name).mkdir(exist_ok=True)
        write_json(folder / name / "record.json", record)
    _renew(path, content, {"scores": records})


def _accept_scores(folder: Path, cell: Cell, seed: int, data: Prepared, place: Path, device: str) -> None:
    """The scores of a run."""
    if (folder / "metrics.json").is_file():
        with contextlib.suppress(PhvaeError):  # without a reference nothing was scored
            _carry_scores(folder / "metrics.json", evaluate.keys(folder, cell, seed, data, place, device))


def _carry_scores(path: Path, keys: Mapping[str, Key]) -> None:
    """A file of scores, each with the key of today's code."""
    content = read_object(path, "remove it, and its scores are computed again")
    if "scores" not in content:
        _renew(path, content, older.of_scores(content.get("rows", []), keys))
    else:
        sections = {
            name: _carried(section, keys[name]) if name in keys else section
            for name, section in content["scores"].items()
        }
        _renew(path, content, content | {"scores": sections})


def _carried(record: dict[str, Any], key: Key) -> dict[str, Any]:
    """A record with the key of today's code, if only the code differs."""
    return record | key.fields() if record.get("inputs") == key.inputs else record


def _renew(path: Path, before: Any, after: Any) -> None:
    if before != after:
        write_json(path, after)


def _older(record: dict[str, Any], run: dict[str, Any], cell: Cell) -> bool:
    """Whether a record without hashes of its inputs, as written before November 2026, belongs to this run and cell."""
    known = {run["run_key"], *(edit["from"] for edit in run.get("accepted", []))}
    return "inputs" not in record and record.get("run_key") in known and _same_evaluation(run, cell)


def _same_evaluation(run: dict[str, Any], cell: Cell) -> bool:
    """Whether a run was made under today's settings of the evaluation."""
    return bool(run["config"].get("evaluation") == json.loads(cell.evaluation.model_dump_json()))


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
