"""Collecting: every run's rows gathered into one long table, with costs and origins beside it."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from phvae.analysis.results.divergences import divergence_text, short_number
from phvae.analysis.results.long_table import (
    CELL_COLUMNS,
    COLUMNS,
    COST_COLUMNS,
    ROW_COLUMNS,
    RUN,
    RUN_COLUMNS,
    SCHEMA_VERSION,
    TYPES,
    size_key,
    typed,
)
from phvae.analysis.results.roles import ROLE_COLUMNS, with_roles
from phvae.errors import DataError
from phvae.experiment.paths import Paths
from phvae.files import atomic, sha256_text

__all__ = ["collect"]

# What a value of each type of column is in JSON, and in words.
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a text"),
    "boolean": ((bool,), "true or false"),
    "float64": ((int, float), "a number"),
    "Int64": ((int,), "a whole number"),
}
OUTDATED = "scores are older than the model: run phvae encode and evaluate again"

Expected = tuple[str, int | str, str, int]


def collect(
    root: Path,
    expected: Iterable[Expected] | None = None,
    labels: Mapping[str, str] | None = None,
    off_curve: Collection[str] = (),
    baseline: str = "vae",
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
    table: dict[str, list[Any]] = {name: [] for name in COLUMNS if name not in ROLE_COLUMNS}
    costs: dict[str, list[Any]] = {name: [] for name in COST_COLUMNS}
    runs: dict[str, list[Any]] = {name: [] for name in RUN_COLUMNS}
    for (dataset, n_train, variant), seeds in _cells(listed).items():
        folders = {seed: paths.run(dataset, n_train, variant, seed) for seed in seeds}
        records = {seed: _read(folder / "run.json", _check_record) for seed, folder in folders.items()}
        model = next((r["config"]["model"] for r, _ in records.values() if r and "config" in r), None)
        cell = (dataset, str(n_train), variant)
        described = (SCHEMA_VERSION, *cell, *_describe(model), variant in off_curve)
        for seed, (record, trouble) in records.items():
            rows, status, reason = _rows_of(folders[seed], record, trouble)
            key = (record or {}).get("run_key", "")
            _extend(table, described, seed, rows, key, folders[seed])
            late_gain = _late_gain(folders[seed] / "history.csv")
            _append(costs, (*cell, seed, *_costs(_kept(folders[seed]), record or {}, late_gain), status))
            _append(runs, _origin(cell, seed, status, reason, record or {}, binary[dataset]))
        path = paths.groups(dataset, n_train, variant)
        groups, trouble = _read(path, _check_rows)
        if trouble:
            raise DataError(f"{path}: {trouble}; run `phvae groups` again")
        if groups:
            _extend(table, described, None, groups.get("rows") or [], groups.get("key", ""), path)
    known = {variant: label for variant, label in zip(runs["variant"], runs["label"], strict=True) if label}
    known |= labels or {}
    runs["label"] = [known.get(variant, variant) for variant in runs["variant"]]  # also of runs without a record
    frame = with_roles(typed(table), baseline)
    _save(paths.root, frame, typed(costs), typed(runs))
    return frame


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


def _check(column: str, values: Sequence[Any]) -> None:
    """Refuse with a TypeError what a column cannot hold."""
    kinds, words = _KINDS[TYPES.get(column, "str")]
    if set(map(type, values)) <= {*kinds, type(None)}:
        return
    for value in values:
        if value is None or type(value) in kinds or (int in kinds and isinstance(value, float) and value.is_integer()):
            continue
        raise TypeError(f"{column}: found {value!r:.60}, expected {words}")


def _check_record(record: dict[str, Any]) -> None:
    """Refuse a run.json from which the tables cannot be made; the errors are those that `_read` catches."""
    for name in ("config", "parameters", "inputs", "versions"):
        if not isinstance(record.get(name) or {}, dict):
            raise TypeError(f"{name}: found {record[name]!r:.60}, expected an object")
    described = _describe(record["config"]["model"] if "config" in record else None)
    names = (*CELL_COLUMNS, *COST_COLUMNS[4:-1], *RUN_COLUMNS)
    made = (*described, *_costs({}, record, None), *_origin(("", "", ""), 0, "", "", record, None))
    for name, value in zip(names, made, strict=True):
        _check(name, [value])
    _keys(record)


def _check_rows(content: dict[str, Any]) -> None:
    """Refuse rows that the long table cannot hold; the errors are those that `_read` catches."""
    rows = content.get("rows") or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TypeError(f"rows: found {rows!r:.60}, expected a list of objects")
    for name in ROW_COLUMNS:
        _check(name, [row[name] if name in ("split", "metric") else row.get(name) for row in rows])


def _keys(record: dict[str, Any]) -> set[str]:
    """The run's key, and those it had before edits of the code were accepted."""
    return {record.get("run_key") or "", *(edit["from"] for edit in record.get("accepted") or [])} - {""}


def _outdated(folder: Path, record: dict[str, Any]) -> bool:
    """Whether another model than the run's was encoded, and scored; results that do not keep which are believed."""
    encoded, known = (_read(folder / "encode.json")[0] or {}).get("run_key"), _keys(record)
    return isinstance(encoded, str) and bool(known) and encoded not in known


def _rows_of(folder: Path, record: dict[str, Any] | None, trouble: str) -> tuple[list[dict[str, Any]], str, str]:
    """The rows of a run, its status, and why it has no numbers."""
    if record is None:
        status, reason = ("failed", trouble) if trouble else ("missing", "not trained: run.json is absent")
    elif record.get("status") != "ok":
        status = str(record.get("status", "failed"))
        reason = str(record.get("reason") or f"training ended with status {status}")
        metrics, _ = _read(folder / "metrics.json", _check_rows)
        if metrics and metrics.get("rows") and all(row.get("status") == status for row in metrics["rows"]):
            return metrics["rows"], status, reason
    else:
        metrics, trouble = _read(folder / "metrics.json", _check_rows)
        if metrics is None:
            status, reason = ("failed", trouble) if trouble else ("missing", "not evaluated: metrics.json is absent")
        elif not metrics.get("rows"):
            status, reason = "failed", "metrics.json holds no rows"
        elif _outdated(folder, record):
            status, reason = "missing", OUTDATED
        else:
            return metrics["rows"], "ok", ""
    return [{"split": "", "metric": RUN, "status": status, "reason": reason}], status, reason


def _extend(
    table: dict[str, list[Any]],
    described: tuple[Any, ...],
    seed: int | None,
    rows: list[dict[str, Any]],
    key: str,
    where: Path,
) -> None:
    rows = sorted(rows, key=lambda row: (row["split"], row["metric"]))
    for one, two in itertools.pairwise(rows):
        if (one["split"], one["metric"]) == (two["split"], two["metric"]):
            raise DataError(
                f"{where}: found the metric {one['metric']!r} twice on split {one['split']!r}, expected once"
            )
    count = len(rows)
    for name, value in zip(COLUMNS, described, strict=False):
        table[name].extend([value] * count)
    table["seed"].extend([seed] * count)
    table["run_key"].extend([key] * count)
    for name in ROW_COLUMNS:
        default = None if name in TYPES else ""
        table[name].extend([row.get(name, default) for row in rows])


def _append(columns: dict[str, list[Any]], values: tuple[Any, ...]) -> None:
    for column, value in zip(columns.values(), values, strict=True):
        column.append(value)


def _describe(model: dict[str, Any] | None) -> tuple[Any, ...]:
    """The columns that say what a variant is, from its resolved model."""
    if model is None:
        return (None, "", "", "", "", "", None, "")
    coupling, divergence = model["coupling"], model["divergence"]
    rho = f"({short_number(coupling['rho'])})" if "rho" in coupling else ""
    return (
        model["order"],
        model["basis"],
        model["encoder_width"],
        coupling["name"] + rho,
        model["prior"],
        divergence_text(divergence),
        divergence["beta"],
        _backbone(model),
    )


def _backbone(model: Mapping[str, Any]) -> str:
    """What two variants have in common that may share a beta curve: networks, sizes, likelihood, as a short hash."""
    named = ("order", "basis", "encoder_width", "coupling", "prior", "divergence")
    return sha256_text(json.dumps({k: v for k, v in model.items() if k not in named}, sort_keys=True))[:8]


def _kept(folder: Path) -> dict[str, Any]:
    """The numbers that the stages keep beside run.json."""
    kept = _read(folder / "costs.json")[0] or {}
    return {name: value for name, value in kept.items() if type(value) in (int, float)}


def _costs(kept: dict[str, Any], record: dict[str, Any], late_gain: float | None) -> tuple[Any, ...]:
    """Seconds and memory of a run: what the stages kept, run.json otherwise."""
    parameters = record.get("parameters") or {}

    def first(*names: str) -> Any:
        return next((source[name] for name in names for source in (kept, record) if source.get(name) is not None), None)

    return (
        first("seconds_train", "seconds"),
        first("images_per_second"),
        parameters.get("total"),
        parameters.get("encoder"),
        parameters.get("decoder"),
        first("peak_memory_mb"),
        first("seconds_encode"),
        first("seconds_evaluate"),
        record.get("best_epoch"),
        record.get("epochs"),
        late_gain,
    )


def _late_gain(history: Path) -> float | None:
    """The share of the validation loss's whole fall, first epoch to lowest, that came in the last tenth of the epochs.

    Near 0 where the curve has flattened; None where it never fell, or there are fewer than ten epochs.
    """
    try:
        with history.open(newline="") as stream:
            losses = [float(row["validation_loss"]) for row in csv.DictReader(stream)]
    except (OSError, KeyError, ValueError, TypeError):  # a line that was cut has no such field
        return None
    fall = losses[0] - min(losses) if len(losses) >= 10 else 0.0
    return (min(losses[: len(losses) - len(losses) // 10]) - min(losses)) / fall if fall > 0 else None


def _origin(
    cell: tuple[str, str, str], seed: int, status: str, reason: str, record: dict[str, Any], binary: bool | None
) -> tuple[Any, ...]:
    inputs = record.get("inputs") or {}
    return (
        *cell,
        record.get("label", ""),
        seed,
        status,
        reason,
        record.get("run_key", ""),
        binary,
        inputs.get("data", ""),
        record.get("claims_sha256") or "",
        record.get("commit") or "",
        record.get("dirty"),
        record.get("device", ""),
        record.get("threads"),
        record.get("platform", ""),
        json.dumps(record.get("versions", {}), sort_keys=True),
    )


def _binary(paths: Paths, dataset: str) -> bool | None:
    """Whether a data set is binary, from its manifest; None if that does not say."""
    found = (_read(paths.data(dataset))[0] or {}).get("binary")
    return found if isinstance(found, bool) else None


def _save(root: Path, table: pd.DataFrame, costs: pd.DataFrame, runs: pd.DataFrame) -> None:
    for name, frame in (("metrics.parquet", table), ("costs.parquet", costs), ("runs.parquet", runs)):
        with atomic(root / name) as temporary:
            frame.to_parquet(temporary, index=False)
    with atomic(root / "metrics.csv") as temporary:
        # shortest decimal that reads back to the same double: stable, and nothing is lost
        table.to_csv(temporary, index=False, lineterminator="\n")
