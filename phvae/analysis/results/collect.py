"""Collecting: every run's rows gathered into one long table, with costs and origins beside it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from phvae.analysis.presentation.csv_file import write_csv
from phvae.analysis.results.columns import CellName, Costs, Epochs, Line, Origin, Score, check, columns, frame
from phvae.analysis.results.design import design
from phvae.analysis.results.history import of_epochs, read_history
from phvae.analysis.results.long_table import ROW_COLUMNS, RUN, SCHEMA_VERSION, TYPES, size_key
from phvae.analysis.results.roles import with_roles
from phvae.errors import DataError
from phvae.experiment.paths import Paths
from phvae.files import atomic
from phvae.metrics.registry import lookup
from phvae.metrics.stored import lacking, stored

__all__ = ["TABLES", "collect"]

TABLES = ("metrics.parquet", "metrics.csv", "costs.parquet", "runs.parquet")

OUTDATED = "scores are older than the model: run phvae encode and evaluate again"

Expected = tuple[str, int | str, str, int]


def collect(
    root: Path,
    expected: Iterable[Expected] | None = None,
    labels: Mapping[str, str] | None = None,
    off_curve: Collection[str] = (),
    baseline: str = "vae",
    unfinished: Mapping[Expected, str] | None = None,
    external: Collection[str] = (),
) -> pd.DataFrame:
    """Gather all runs of a grid; write metrics.parquet, metrics.csv, costs.parquet and runs.parquet into `root`.

    The rows keep the order of `expected` (data sets and variants as in the configuration), then training size and
    seed, then the rows of groups (seed empty); within a run they are sorted by split and metric. A run that diverged,
    failed or is missing is one row whose metric is "run", with its status and reason and no value (or one row a metric,
    where the evaluation wrote them). A run whose record or scores are damaged failed; one whose scores are of a model
    trained earlier is missing. Nothing that depends on the clock is in the table, so equal runs give equal bytes.

    Args:
        root: folder of the grid's results.
        expected: (data set, n_train, variant, seed) of every run of the grid; None takes the runs found on disk.
        labels: how the configuration calls its variants now; others keep the label that their runs were trained under.
        off_curve: the variants that the configuration keeps out of the beta-VAE's curve now.
        baseline: the variant that the configuration compares others with now.
        external: the variants that were trained elsewhere.
        unfinished: the runs, n_train as a text, whose scores are not to be believed yet, and why: they are missing.

    Raises:
        DataError: `root` holds no runs, a run has a metric twice, or a cell's groups.json is damaged.
    """
    paths = Paths(Path(root))
    listed = _order(_found(paths) if expected is None else list(expected))
    if not listed:
        raise DataError(
            f"{paths.root / 'runs'}: found no runs, expected runs/DATASET/n-SIZE/VARIANT/seed-N; train first"
        )
    binary = {dataset: _binary(paths, dataset) for dataset in dict.fromkeys(run[0] for run in listed)}
    table: list[Line] = []
    costs: list[Costs] = []
    runs: list[Origin] = []
    for (dataset, n_train, variant), seeds in _cells(listed).items():
        folders = {seed: paths.run(dataset, n_train, variant, seed) for seed in seeds}
        records = {seed: _read(folder / "run.json", _check_record) for seed, folder in folders.items()}
        model = next((_model(r) for r, _ in records.values() if r and "config" in r), None)
        cell, made = CellName(dataset, str(n_train), variant), design(model)

        def line(seed: int | None, row: dict[str, Any], key: str, cell: Any = cell, made: Any = made) -> Line:
            return Line(SCHEMA_VERSION, cell, made, cell.variant in off_curve, seed, _score(row), key)

        for seed, (record, trouble) in records.items():
            late = (unfinished or {}).get((dataset, str(n_train), variant, seed), "")
            rows, status, reason = _missing(late) if late else _rows_of(folders[seed], record, trouble)
            key = (record or {}).get("run_key", "")
            table += [line(seed, row, key) for row in _sorted(rows, folders[seed])]
            history = of_epochs(read_history(folders[seed] / "history.csv"), (record or {}).get("best_epoch"))
            costs.append(_costs(cell, seed, _kept(folders[seed]), record or {}, history, status))
            runs.append(_origin(cell, seed, status, reason, record or {}, binary[dataset]))
        path = paths.groups(dataset, n_train, variant)
        groups, trouble = (None, "") if late else _read(path, _check_rows)
        if trouble:
            raise DataError(f"{path}: {trouble}; run `phvae evaluate` again")
        table += [line(None, row, "") for row in _sorted(stored(groups) if groups else [], path)]
    known = {run.cell.variant: run.label for run in runs if run.label} | dict(labels or {})
    runs = [replace(run, label=known.get(run.cell.variant, run.cell.variant)) for run in runs]  # also without a record
    found = with_roles(frame(Line, table), baseline, external)
    _save(paths.root, found, frame(Costs, costs), frame(Origin, runs))
    return found


def _found(paths: Paths) -> list[Expected]:
    """The runs on disk, in the order of their names."""
    found: list[Expected] = []
    for folder in paths.root.glob("runs/*/n-*/*/seed-*"):
        variant, size, dataset = folder.parent, folder.parents[1], folder.parents[2]
        n_train = size.name.removeprefix("n-")
        seed = folder.name.removeprefix("seed-")
        if seed.isdigit() and (n_train == "all" or n_train.isdigit()):
            found.append((dataset.name, n_train, variant.name, int(seed)))
    return sorted(found, key=lambda run: (run[0], size_key(run[1]), run[2], run[3]))


def _order(listed: list[Expected]) -> list[Expected]:
    """Data sets and variants as they first appear, sizes and seeds by number, each run once."""
    datasets = {name: i for i, name in enumerate(dict.fromkeys(run[0] for run in listed))}
    variants = {name: i for i, name in enumerate(dict.fromkeys(run[2] for run in listed))}
    unique = dict.fromkeys((dataset, str(n), variant, int(seed)) for dataset, n, variant, seed in listed)
    return sorted(unique, key=lambda run: (datasets[run[0]], size_key(run[1]), variants[run[2]], run[3]))


def _cells(listed: list[Expected]) -> dict[tuple[str, int | str, str], list[int]]:
    cells: dict[tuple[str, int | str, str], list[int]] = {}
    for dataset, n_train, variant, seed in listed:
        cells.setdefault((dataset, n_train, variant), []).append(seed)
    return cells


def _read(path: Path, check: Callable[[dict[str, Any]], None] | None = None) -> tuple[dict[str, Any] | None, str]:
    """A JSON object that passes `check`, or None with what is wrong; an absent file is None with an empty reason."""
    try:
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict):
            return None, f"{path.name} is not a JSON object"
        if check:
            check(content)
    except FileNotFoundError:
        return None, ""
    except KeyError as error:
        return None, f"{path.name} cannot be read: {error} is absent"
    except (OSError, ValueError, TypeError, AttributeError) as error:
        return None, f"{path.name} cannot be read: {error}"
    return content, ""


def _check_record(record: dict[str, Any]) -> None:
    """Refuse a run.json from which the tables cannot be made; the errors are those that `_read` catches."""
    for name in ("config", "parameters", "reads", "versions", "files"):
        if not isinstance(record.get(name) or {}, dict):
            raise TypeError(f"{name}: found {record[name]!r:.60}, expected an object")
    cell = CellName("", "", "")
    made = (
        design(_model(record) if "config" in record else None),
        _costs(cell, 0, {}, record, of_epochs([], None), ""),
        _origin(cell, 0, "", "", record, None),
    )
    for one in made:
        names = [field.name for field in fields(one) if field.name in columns(type(one))]
        check(type(one), {name: [getattr(one, name)] for name in names})
    _keys(record)


def _model(record: dict[str, Any]) -> dict[str, Any] | None:
    """The resolved model of a run; None of one that was trained elsewhere."""
    return None if "external" in record else record["config"]["model"]


def _check_rows(content: dict[str, Any]) -> None:
    """Refuse rows that the long table cannot hold; the errors are those that `_read` catches."""
    rows = stored(content)
    if not all(isinstance(row, dict) for row in rows):
        raise TypeError(f"rows: found {rows!r:.60}, expected a list of objects")
    needed = ("split", "metric")
    check(Score, {name: [row[name] if name in needed else row.get(name) for row in rows] for name in ROW_COLUMNS})


def _score(row: dict[str, Any]) -> Score:
    """A row with what its metric's entry knows: unit, direction, and from how many examples it compares."""
    given: dict[str, Any] = {name: row.get(name, "" if TYPES[name] == "str" else None) for name in ROW_COLUMNS}
    try:
        entry = lookup(row["metric"])
    except KeyError:  # the one row of a run without numbers; or results of an earlier registry
        return Score(**given)
    given |= {"unit": entry.unit, "higher_is_better": entry.higher_is_better}
    n, least = given["n"], entry.comparable_from
    if row["status"] == "ok" and not given["caution"] and n is not None and least is not None and n < least:
        given["caution"] = f"from {n:,} examples, comparable from {least:,}"
    return Score(**given)


def _keys(record: dict[str, Any]) -> set[str]:
    """The run's key, and those it had before edits of the code were accepted."""
    return {record.get("run_key") or "", *(edit["from"] for edit in record.get("accepted") or [])} - {""}


def _outdated(folder: Path, record: dict[str, Any]) -> bool:
    """Whether another model than the run's was encoded, and scored; results that do not keep which are believed."""
    encoded = _read(folder / "encode.json")[0] or {}
    reads, files = encoded.get("reads"), record.get("files") or {}
    if isinstance(reads, dict):
        known_reads = record.get("reads") or {}
        models = reads.get("model.safetensors"), files.get("model.safetensors")
        return models[0] != models[1] or reads.get("external") != known_reads.get("external")
    made, known = encoded.get("run_key"), _keys(record)  # as results of before 2027 keep it
    return isinstance(made, str) and bool(known) and made not in known


def _missing(reason: str, status: str = "missing") -> tuple[list[dict[str, Any]], str, str]:
    """The one row of a run without numbers."""
    return [{"split": "", "metric": RUN, "status": status, "reason": reason}], status, reason


def _rows_of(folder: Path, record: dict[str, Any] | None, trouble: str) -> tuple[list[dict[str, Any]], str, str]:
    """The rows of a run, its status, and why it has no numbers."""
    if record is None:
        status, reason = ("failed", trouble) if trouble else ("missing", "not trained: run.json is absent")
    elif record.get("status") != "ok":
        status = str(record.get("status", "failed"))
        reason = str(record.get("reason") or f"training ended with status {status}")
        metrics, _ = _read(folder / "metrics.json", _check_rows)
        rows = stored(metrics) if metrics else []
        if rows and all(row.get("status") == status for row in rows):
            return rows, status, reason
    else:
        metrics, trouble = _read(folder / "metrics.json", _check_rows)
        rows = stored(metrics) if metrics else []
        if metrics is None:
            status, reason = ("failed", trouble) if trouble else ("missing", "not evaluated: metrics.json is absent")
        elif late := lacking(metrics):
            status, reason = "missing", f"not evaluated to the end: metrics.json lacks {', '.join(late)}"
        elif not rows:
            status, reason = "failed", "metrics.json holds no rows"
        elif _outdated(folder, record):
            status, reason = "missing", OUTDATED
        else:
            return rows, "ok", ""
    return _missing(reason, status)


def _sorted(rows: list[dict[str, Any]], where: Path) -> list[dict[str, Any]]:
    """Rows by split and metric, each of which may be there once."""
    rows = sorted(rows, key=lambda row: (row["split"], row["metric"]))
    for one, two in itertools.pairwise(rows):
        if (one["split"], one["metric"]) == (two["split"], two["metric"]):
            raise DataError(
                f"{where}: found the metric {one['metric']!r} twice on split {one['split']!r}, expected once"
            )
    return rows


def _kept(folder: Path) -> dict[str, Any]:
    """The numbers that the stages keep beside run.json."""
    kept = _read(folder / "costs.json")[0] or {}
    return {name: value for name, value in kept.items() if type(value) in (int, float)}


def _costs(
    cell: CellName, seed: int, kept: dict[str, Any], record: dict[str, Any], history: Epochs, status: str
) -> Costs:
    """Seconds and memory of a run: what the stages kept, run.json otherwise."""
    parameters = record.get("parameters") or {}

    def first(*names: str) -> Any:
        return next((source[name] for name in names for source in (kept, record) if source.get(name) is not None), None)

    return Costs(
        cell,
        seed,
        seconds_train=first("seconds_train", "seconds"),
        images_per_second=first("images_per_second"),
        parameters=parameters.get("total"),
        parameters_encoder=parameters.get("encoder"),
        parameters_decoder=parameters.get("decoder"),
        peak_memory_mb=first("peak_memory_mb"),
        seconds_encode=first("seconds_encode"),
        seconds_evaluate=first("seconds_evaluate"),
        select=_select(record),
        best_epoch=record.get("best_epoch"),
        epochs=record.get("epochs"),
        history=history,
        status=status,
    )


def _select(record: dict[str, Any]) -> str:
    """What chose the epoch of a run; earlier records do not say that it was the loss."""
    training = (record.get("config") or {}).get("training")
    return str(training.get("select", "loss")) if training else ""


def _origin(cell: CellName, seed: int, status: str, reason: str, record: dict[str, Any], binary: bool | None) -> Origin:
    return Origin(
        cell,
        label=record.get("label", ""),
        seed=seed,
        status=status,
        reason=reason,
        run_key=record.get("run_key", ""),
        binary=binary,
        data_sha256=(record.get("reads") or {}).get("data", ""),
        claims_sha256=record.get("claims_sha256") or "",
        commit=record.get("commit") or "",
        dirty=record.get("dirty"),
        device=record.get("device", ""),
        threads=record.get("threads"),
        platform=record.get("platform", ""),
        hardware=record.get("hardware", ""),
        versions=json.dumps(record.get("versions", {}), sort_keys=True),
    )


def _binary(paths: Paths, dataset: str) -> bool | None:
    """Whether a data set is binary, from its manifest; None if that does not say."""
    found = (_read(paths.data(dataset))[0] or {}).get("binary")
    return found if isinstance(found, bool) else None


def _save(root: Path, table: pd.DataFrame, costs: pd.DataFrame, runs: pd.DataFrame) -> None:
    for name, content in (("metrics.parquet", table), ("costs.parquet", costs), ("runs.parquet", runs)):
        with atomic(root / name) as temporary:
            content.to_parquet(temporary, index=False)
    write_csv(root / "metrics.csv", table)
