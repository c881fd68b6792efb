"""A trained seed, or one that trains, as a run of MLflow (no MLflow)."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from phvae.analysis.results.long_table import has_table, read_table
from phvae.errors import DataError
from phvae.files import read_json, sha256_text
from phvae.metrics.stored import stored
from phvae.tracking.entry import DESIGN, LONGEST, SECRET, SOURCE, Entry, Point, mask, modified, title

__all__ = ["MOST_POINTS", "design_tags", "read_run", "run_folders", "running_run"]

MOST_POINTS = 50  # of one curve


def run_folders(root: Path) -> Iterator[Path]:
    """Folders of finished runs, in a fixed order."""
    return iter(sorted(path.parent for path in root.glob("runs/*/n-*/*/seed-*/run.json")))


def design_tags(root: Path) -> dict[str, dict[str, str]]:
    """What each cell is, by its path below runs/: family, role, order and divergence; none before there is a table."""
    if not has_table(root):
        return {}
    columns = ["dataset", "n_train", "variant", "family", "role", "order", "divergence"]
    cells = read_table(root)[columns].dropna().drop_duplicates(columns[:3])
    return {
        f"{row['dataset']}/n-{row['n_train']}/{row['variant']}": {
            name: str(row[name]) for name in DESIGN if name in row
        }
        for row in cells.to_dict("records")
    }


def read_run(folder: Path, root: Path, design: Mapping[str, str] = MappingProxyType({})) -> Entry:
    """One run: its resolved configuration, curves, final metrics, pictures and model.

    Args:
        folder: the run's.
        root: the results folder.
        design: its cell's of `design_tags`.

    Raises:
        DataError: run.json, history.csv, metrics.json or costs.json cannot be read.
    """
    try:
        record = read_json(folder / "run.json")
        key, status = str(record["run_key"]), str(record["status"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / 'run.json'}: no record of a run ({error!r}); train this run again") from None
    path = folder.relative_to(root / "runs").as_posix()
    entry = Entry(path, "run", title(path), status="FINISHED" if status == "ok" else "FAILED")
    if digest := record.get("reads", {}).get("data"):
        entry.data = (str(record["dataset"]), str(digest))
    entry.params = _params(record)
    entry.tags = {**_tags(record, key, status), **design}
    readers: dict[str, Callable[[Path], Iterator[Point]]] = {
        "history.csv": _curves, "metrics.json": _finals, "costs.json": partial(_costs, record)
    }  # fmt: skip
    for name, read in readers.items():
        try:
            entry.points += read(folder / name)
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            again = "train" if name == "history.csv" else "evaluate"
            raise DataError(
                f"{folder / name}: cannot be read ({error!r}); remove it and {again} this run again"
            ) from None
    for name in ("model.safetensors", "model.json"):
        if (folder / name).is_file():
            entry.files.append((folder / name, "model"))
    for picture in sorted(folder.glob("pictures/*")):
        if picture.suffix in (".png", ".gif", ".pdf"):
            entry.files.append((picture, "pictures"))
    entry.files.append((folder / "run.json", ""))
    entry.fingerprint = _fingerprint(entry, record)
    trained = modified(folder / "run.json")
    entry.began = trained - int(1000 * float(record.get("seconds_train") or 0))
    entry.ended = max([trained, *(modified(folder / name) for name in readers if (folder / name).is_file())])
    return entry


def running_run(path: str, rows: Sequence[Mapping[str, float]], began: int, design: Mapping[str, str]) -> Entry:
    """A seed that trains: the curves so far.

    Args:
        path: of its folder below runs/.
        rows: of its history so far.
        began: in ms since 1970.
        design: its cell's of `design_tags`.
    """
    dataset, size, variant, seed = path.split("/")
    entry = Entry(path, "run", title(path), status="RUNNING", began=began, ended=began)
    names = ("dataset", "n_train", "variant", "seed")
    values = (dataset, size.removeprefix("n-"), variant, seed.removeprefix("seed-"))
    entry.params = dict(zip(names, values, strict=True))
    entry.points = list(_curve_points(list(rows)))
    entry.tags = {"phvae.status": "running", **SOURCE, **design}
    entry.fingerprint = sha256_text(json.dumps([entry.points, entry.tags]))
    return entry


def _fingerprint(entry: Entry, record: dict[str, Any]) -> str:
    """Changes when anything shown changes; the model's content is decided by the run's key, so it is not read."""
    files = [(path.name, path.stat().st_size) for path, _ in entry.files]
    return sha256_text(json.dumps([record, entry.points, files, entry.tags], sort_keys=True, default=str))


def _params(record: dict[str, Any]) -> dict[str, str]:
    chosen = {
        name: record[name] for name in ("dataset", "n_train", "variant", "seed", "device", "threads") if name in record
    }
    flat = dict(_flatten({**record.get("config", {}), **chosen}))
    return {
        re.sub(r"[^\w\-. :/]", "_", name): "***" if SECRET.search(name) else mask(str(value))[:LONGEST]
        for name, value in flat.items()
    }


def _flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flatten(inner, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value


def _tags(record: dict[str, Any], key: str, status: str) -> dict[str, str]:
    tags = {"phvae.run_key": key, "phvae.status": status, **SOURCE, "hardware": str(record.get("hardware", ""))}
    tags = {name: value for name, value in tags.items() if value}
    if isinstance(external := record.get("external"), dict):
        tags |= {"phvae.external": str(external.get("sha256", "")), "phvae.code": str(record.get("commit", ""))}
    elif record.get("commit"):
        tags |= {"phvae.commit": str(record["commit"]), "mlflow.source.git.commit": str(record["commit"])}
    if record.get("dirty") is not None:
        tags["phvae.dirty"] = str(record["dirty"]).lower()
    if record.get("reason"):
        tags["phvae.reason"] = mask(str(record["reason"]))[:LONGEST]
    return tags


def _curves(path: Path) -> Iterator[Point]:
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as stream:
            header, *lines = list(csv.reader(stream)) or [[]]
        rows = [{name: float(value or "nan") for name, value in zip(header, line, strict=True)} for line in lines]
        yield from _curve_points(rows)


def _curve_points(rows: Sequence[Mapping[str, float]]) -> Iterator[Point]:
    """The columns of a history at no more than 50 epochs, the first and the last among them."""
    count = min(len(rows), MOST_POINTS)
    chosen = sorted({round(i * (len(rows) - 1) / max(count - 1, 1)) for i in range(count)})
    for column in rows[0] if rows else ():
        split, _, name = column.partition("_")
        if split not in ("train", "validation"):
            continue
        for row in (rows[i] for i in chosen):
            if math.isfinite(row[column]):
                yield f"{split}/{name}", row[column], int(row["epoch"])


def _finals(path: Path) -> Iterator[Point]:
    if not path.is_file():
        return
    for row in stored(read_json(path)):
        if row["value"] is not None and math.isfinite(row["value"]):
            if "_coordinate_" in row["metric"]:  # noise here: metrics.csv has it
                continue
            name = f"{row['split'] or 'test'}/{row['metric']}"
            yield re.sub(r"[^\w\-. :/]", "_", name), float(row["value"]), 0


def _costs(record: dict[str, Any], path: Path) -> Iterator[Point]:
    kept = read_json(path) if path.is_file() else {}
    for name in dict.fromkeys(("seconds_train", "images_per_second", "peak_memory_mb", "best_epoch", *kept)):
        value = kept.get(name, record.get(name))
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield f"usage/{name.replace('images', 'examples')}", float(value), 0
    parameters = record.get("parameters")
    if isinstance(parameters, dict) and isinstance(parameters.get("total"), int):
        yield "usage/parameters", float(parameters["total"]), 0
