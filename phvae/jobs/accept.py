"""Carrying finished results across an edit of the code that cannot change a number."""

from __future__ import annotations

import dataclasses
import datetime
import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phvae.data.prepared import load
from phvae.errors import DataError, PhvaeError
from phvae.experiment.grid import Cell, Grid, science
from phvae.experiment.keys import encoding_key, external_key, training_key
from phvae.experiment.manifests import trained_files, write_manifest
from phvae.experiment.questions import Questions
from phvae.files import read_object
from phvae.jobs import evaluate, groups, older, reference
from phvae.jobs.lease import workflow_lease
from phvae.metrics.weights import with_inception
from phvae.model.options import ModelConfig
from phvae.records import Key, check_seal, seal, write_record
from phvae.training.options import TrainingConfig
from phvae.words import plural

if TYPE_CHECKING:
    from phvae.data.prepared import Prepared

__all__ = ["accept"]

REMEDY = "remove it, and the run is trained again"


def accept(grid: Grid, reason: str) -> str:
    """Give finished results the key of today's code, so that the next call makes none of them again.

    Models, codes, references and scores are carried over, with the manifests of the jobs that made them. The old key,
    the date and the reason are kept in run.json under ``accepted``: a reader sees that these numbers were made by
    earlier code. Only the code may differ: what is of another cell, seed, setting, data, version of torch, device or
    number of threads is left as it is. The device is the run's own, so that a machine without a GPU accepts what was
    trained on one.

    Raises:
        PhvaeError: no reason was given, a workflow is at work, or a record or a manifest of data cannot be read.
    """
    if not reason.strip():
        raise PhvaeError("--reason is empty: say why the edit cannot change a number; it is kept in every run.json")
    counts = {"accepted": 0, "unchanged": 0, "other": 0}
    with workflow_lease(grid.paths.root):
        for dataset in grid.config.datasets:
            if grid.paths.data(dataset).is_file():
                _Acceptance(grid, dataset, reason, counts).carry()
    return (
        f"accepted {plural(counts['accepted'], 'run')}; {counts['unchanged']} up to date before; {counts['other']} of "
        "another configuration, data, torch, device or threads, to be retrained"
    )


class _Acceptance:
    """The results on one data set: what can be carried over, and whose manifests may be written anew."""

    def __init__(self, grid: Grid, dataset: str, reason: str, counts: dict[str, int]) -> None:
        self.grid, self.dataset, self.reason, self.counts = grid, dataset, reason, counts
        self.cells = grid.dataset_cells(dataset)
        remedy = "remove it and run `phvae prepare` again"
        self.manifest = _read(grid.paths.data(dataset), remedy, sha256=str)
        self.runs: dict[tuple[str, int], dict[str, Any]] = {}  # records that are today's, by cell and seed
        self.whole: set[Path] = set()  # files of scores, records of encodings: all of today

    def carry(self) -> None:
        """Carry over runs, then what was made of them."""
        for cell in self.cells:
            for seed in cell.seeds:
                folder = self._folder(cell, seed)
                if (folder / "run.json").is_file():
                    run, what = _accept_run(self.grid, cell, seed, folder, self.manifest["sha256"], self.reason)
                    self.counts[what] += 1
                    if what != "other":
                        self.runs[cell.name, seed] = run
        prepared = Path(self.grid.config.results) / "data" / str(self.manifest.get("folder", ""))
        if self.runs:
            if (prepared / "card.json").is_file():
                self._carry_scores(load(prepared))
            self._write_manifests()

    def _folder(self, cell: Cell, seed: int) -> Path:
        return self.grid.paths.run(self.dataset, cell.n_train, cell.variant, seed)

    def _with_numbers(self, cell: Cell) -> dict[int, dict[str, Any]]:
        """The runs of a cell, by seed, that can be carried and did not diverge."""
        found = {seed: self.runs[cell.name, seed] for seed in cell.seeds if (cell.name, seed) in self.runs}
        return {seed: run for seed, run in found.items() if run.get("status") != "diverged"}

    def _carry_scores(self, data: Prepared) -> None:
        """Encodings, references and scores."""
        grid, device = self.grid, self.grid.scoring_device(self.cells)
        place = grid.paths.reference(self.dataset)
        found = [with_inception(cell.evaluation, grid.config.data_path) for cell in self.cells]
        cells = [dataclasses.replace(c, evaluation=e) for c, e in zip(self.cells, found, strict=True)]
        # all cells of a data set have one evaluation
        vouched = any(_same_evaluation(run, self.cells[0]) for run in self.runs.values())
        if _accept_reference(place, reference.keys(data, found[0], device, grid.config.threads), vouched):
            self.whole.add(place / "reference.json")
        for cell in cells:
            folders = []
            for seed, run in self._with_numbers(cell).items():
                folder = self._folder(cell, seed)
                folders.append(folder)
                if _accept_encoded(folder, cell, seed, data.sha256, run):
                    self.whole.add(folder / "encode.json")
                    if _accept_scores(folder, cell, seed, data, place, device):
                        self.whole.add(folder / "metrics.json")
            path = grid.paths.groups(self.dataset, cell.n_train, cell.variant)
            encoded = path.is_file() and all((folder / "codes.npz").is_file() for folder in folders)
            if encoded and _carry_scores(path, groups.keys(cell, folders)):
                self.whole.add(path)

    def _write_manifests(self) -> None:
        """The manifests of jobs all of whose results are today's, in the order of the jobs."""
        questions, paths = Questions(self.grid), self.grid.paths
        known = {name: value for name, value in self.manifest.items() if name not in ("question", "files")}
        write_manifest(questions, "prepare", (self.dataset,), [], **known)
        self._write(questions, "reference", (self.dataset,), [paths.reference(self.dataset) / "reference.json"])
        for lot in questions.lots(self.cells):
            if all((cell.name, seed) in self.runs for cell, seeds in questions.stacks(lot) for seed in seeds):
                write_manifest(questions, "train", lot, trained_files(questions, lot))
        for place, cells in self.grid.batches().items():
            runs = [(cell.name, seed) for cell in cells for seed in cell.seeds]
            if place[0] == self.dataset and all(run in self.runs for run in runs):
                folders = [self._folder(cell, seed) for cell in cells for seed in self._with_numbers(cell)]
                if all((folder / "arrays.npz").is_file() for folder in folders):  # else as `clean` left it
                    self._write(questions, "encode", place, [folder / "encode.json" for folder in folders])
                shared = [paths.groups(self.dataset, cell.n_train, cell.variant) for cell in cells]
                self._write(questions, "evaluate", place, [*(folder / "metrics.json" for folder in folders), *shared])

    def _write(self, questions: Questions, stage: str, where: tuple[Any, ...], files: list[Path]) -> None:
        if self.whole.issuperset(files):
            write_manifest(questions, stage, where, files)


def _accept_run(grid: Grid, cell: Cell, seed: int, folder: Path, data: str, reason: str) -> tuple[dict[str, Any], str]:
    """A run's record, with today's key if only the code differs; and which of the counts it belongs to."""
    run = _record(folder / "run.json", external=cell.external is not None)
    reads = {"data": data}
    if cell.external:
        reads["external"] = run["reads"].get("external", "")
        key = external_key(cell, seed, reads["external"], data)
    else:
        key = training_key(cell, seed, data, run["device"], run["threads"])
    if not _same_but_for_code(grid, cell, seed, data, run, key):
        return run, "other"
    if run["run_key"] == key.sha256:
        _renew(folder / "run.json", run)
        return run, "unchanged"
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    edit = {"from": run["run_key"], "to": key.sha256, "date": today, "reason": reason}
    edits = [*run.get("accepted", []), edit]
    after = run | key.fields() | {"reads": reads, "run_key": key.sha256, "accepted": edits}
    _renew(folder / "run.json", after)
    return after, "accepted"


def _accept_encoded(folder: Path, cell: Cell, seed: int, data: str, run: dict[str, Any]) -> bool:
    """Whether an encoded run has, or is given, the key of today's code."""
    path = folder / "encode.json"
    if not path.is_file():
        return False
    record = _read(path, "remove it, and the run is encoded again")
    if cell.external:
        reads = {"external": run["reads"]["external"]}
    else:
        reads = {name: run["files"].get(name, "") for name in ("model.safetensors", "model.json")}
    device, threads = (record[name] if name in record else run[name] for name in ("device", "threads"))
    key = encoding_key(cell, seed, reads, data, device, threads)
    if record.get("inputs") != key.inputs and not _older(record, run, cell):
        return False
    kept = {name: value for name, value in record.items() if name not in ("key", "run_key")}
    _renew(path, kept | key.fields() | {"device": device, "threads": threads, "reads": reads})
    return True


def _accept_reference(folder: Path, keys: Mapping[str, Key], vouched: bool) -> bool:
    """Carry the records of what runs share, and the file that gathers them; of the older form only if vouched for.

    Returns:
        Whether all are today's.
    """
    path = folder / "reference.json"
    if not path.is_file():
        return False
    content = _read(path, "remove it, and the reference is computed again")
    if "scores" not in content and not vouched:
        return False
    if "scores" not in content:
        records = older.of_reference(folder, content, keys)
    else:
        records = {name: _carried(record, keys[name]) for name, record in content["scores"].items() if name in keys}
    for name, record in records.items():
        (folder / name).mkdir(exist_ok=True)
        write_record(folder / name / "record.json", record)
    _renew(path, {"scores": records})
    return _all_of_today(records, keys)


def _accept_scores(folder: Path, cell: Cell, seed: int, data: Prepared, place: Path, device: str) -> bool:
    """Whether the scores of a run have, or are given, the keys of today's code."""
    if not (folder / "metrics.json").is_file():
        return False
    try:
        asked = evaluate.keys(folder, cell, seed, data, place, device)
    except PhvaeError:  # without a reference nothing was scored
        return False
    return _carry_scores(folder / "metrics.json", asked)


def _carry_scores(path: Path, keys: Mapping[str, Key]) -> bool:
    """Carry a file of scores; whether all of them are today's then."""
    content = _read(path, "remove it, and its scores are computed again")
    if "scores" not in content:
        after = older.of_scores(content.get("rows", []), keys)
    else:
        sections = {
            name: _carried(section, keys[name]) if name in keys else section
            for name, section in content["scores"].items()
        }
        after = content | {"scores": sections}
    _renew(path, after)
    return list(keys) == after.get("asked") and _all_of_today(after["scores"], keys)


def _all_of_today(found: Mapping[str, Any], keys: Mapping[str, Key]) -> bool:
    return all(found.get(name, {}).items() >= key.fields().items() for name, key in keys.items())


def _carried(record: dict[str, Any], key: Key) -> dict[str, Any]:
    """A record with the key of today's code, if only the code differs."""
    return record | key.fields() if record.get("inputs") == key.inputs else record


def _read(path: Path, remedy: str, **kinds: type) -> dict[str, Any]:
    """A record as it was written; those of before November 2026 do not hold the hash of their content."""
    content = read_object(path, remedy, **kinds)
    if "seal" in content:
        check_seal(content, path, remedy)
    return {name: value for name, value in content.items() if name != "seal"}


def _renew(path: Path, content: Mapping[str, Any]) -> None:
    if read_object(path, "") != {**content, "seal": seal(content)}:
        write_record(path, content)


def _older(record: dict[str, Any], run: dict[str, Any], cell: Cell) -> bool:
    """Whether a record without hashes of its inputs, as written before November 2026, belongs to this run and cell."""
    known = {run["run_key"], *(edit["from"] for edit in run.get("accepted", []))}
    return "inputs" not in record and record.get("run_key") in known and _same_evaluation(run, cell)


def _same_evaluation(run: dict[str, Any], cell: Cell) -> bool:
    """Whether a run was made under today's settings of the evaluation."""
    return bool(run["config"].get("evaluation") == json.loads(cell.evaluation.model_dump_json()))


def _record(path: Path, external: bool) -> dict[str, Any]:
    """A run.json with everything that is read here; of one that was trained elsewhere no machine is known.

    Raises:
        DataError: it is damaged.
    """
    more: dict[str, type] = {"reads": dict} if external else {"versions": dict, "device": str, "threads": int}
    run = _read(path, REMEDY, run_key=str, seed=int, config=dict, files=dict, **more)
    training, accepted = run["config"].get("training", {}), run.get("accepted", [])
    if not (isinstance(training, dict) and isinstance(accepted, list)):
        found = f"config.training {training!r:.60} and accepted {accepted!r:.60}"
        raise DataError(f"{path}: found {found}, expected an object and a list; {REMEDY}")
    return run


def _same_but_for_code(grid: Grid, cell: Cell, seed: int, data: str, run: dict[str, Any], key: Key) -> bool:
    """Whether the configuration of today asks for the recorded run, were it not for the code."""
    if cell.external:
        return bool(run.get("inputs") == key.inputs)
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
    try:
        then = science(
            recorded["data"],
            recorded["n_train"],
            recorded["subset"],
            ModelConfig.model_validate(recorded["model"]),
            TrainingConfig.model_validate(recorded["training"]),
        )
    except (KeyError, TypeError, ValueError):
        return False
    return then == cell.science()
