"""What a results folder says to a tracking server: runs and cells as parameters, points, tags and files (no MLflow)."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from phvae.analysis.results.long_table import has_table, read_table
from phvae.analysis.statistics.intervals import mean_interval
from phvae.analysis.statistics.moments import moments
from phvae.determinism.seeding import numpy_generator
from phvae.errors import DataError
from phvae.files import read_json, sha256_text
from phvae.metrics.stored import stored

__all__ = [
    "MOST_POINTS",
    "Entry",
    "Point",
    "cell_entry",
    "design_tags",
    "mask",
    "read_run",
    "run_folders",
    "summary_entry",
]

MOST_POINTS = 50  # of one curve
LONGEST = 500  # characters of a parameter; MLflow's own limit is 6,000
SOURCE = {"mlflow.source.name": "phvae", "mlflow.source.type": "PROJECT"}
DESIGN = ("family", "role", "order", "divergence", "hardware")  # tags to filter by
_SECRET = re.compile(r"(token|password|passwd|secret|credential|api_?key)", re.IGNORECASE)

Point = tuple[str, float, int]  # metric, value, step


@dataclass
class Entry:
    """One run as the tracking server shows it.

    Attributes:
        path: names it within its experiment.
        kind: run, variant (the seeds of a cell together) or summary.
        name: shown.
        began, ended: in ms since 1970.
        data: name and SHA-256 of the data set it was trained on, None for what is of several.
    """

    path: str
    kind: str
    name: str
    params: dict[str, str] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    files: list[tuple[Path, str]] = field(default_factory=list)
    failed: bool = False
    fingerprint: str = ""
    began: int = 0
    ended: int = 0
    data: tuple[str, str] | None = None


def mask(text: str) -> str:
    """`text` without the passwords and tokens that addresses in it may carry.

    >>> mask("https://me:hunter2@example.org/x?token=abc&n=1")
    'https://***@example.org/x?token=***&n=1'
    """
    # a password may hold @ and /: from its colon on, all up to the last @ is hidden
    text = re.sub(r"(?<=://)(?:[^/\s:@]*:\S*|[^/\s]*)@", "***@", text)
    return re.sub(rf"([?&][^=&\s]*{_SECRET.pattern}[^=&\s]*=)[^&\s]*", r"\1***", text, flags=re.IGNORECASE)


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
    entry = Entry(path, "run", _name(path), failed=status != "ok")
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
    trained = _modified(folder / "run.json")
    entry.began = trained - int(1000 * float(record.get("seconds_train") or 0))
    entry.ended = max([trained, *(_modified(folder / name) for name in readers if (folder / name).is_file())])
    return entry


def _name(path: str) -> str:
    """What a run is called, the variant first: columns are narrow.

    >>> _name("claw/n-2000/vae/seed-3"), _name("digits/n-all/ph-vae-3")
    ('vae · claw · n 2000 · seed 3', 'ph-vae-3 · digits')
    """
    dataset, size, variant, *seed = path.split("/")
    sizes = [] if size == "n-all" else [size.replace("-", " ")]
    return " · ".join([variant, dataset, *sizes, *(word.replace("-", " ") for word in seed)])


def cell_entry(path: str, children: list[Entry]) -> Entry:
    """The run above a cell's seeds: the shared parameters, and of every final metric the mean over the seeds.

    Beside it the standard deviation and the 95 % interval. It has no parameter `variant`, so that groups count seeds.
    """
    first = children[0]
    entry = Entry(path, "variant", _name(path), data=first.data)
    shared = first.params.items()
    same = {k: v for k, v in shared if all(child.params.get(k) == v for child in children[1:])}
    entry.params = {name: value for name, value in same.items() if name != "variant"}
    values: dict[str, list[float]] = {}
    for child in children:
        for name, value, step in child.points:
            if name.startswith("test/") and step == 0:
                values.setdefault(name, []).append(value)
    entry.points = [point for name, found in values.items() for point in _over_seeds(name, found)]
    lost = sum(child.failed for child in children)
    entry.points += [("seeds", float(len(children)), 0), ("seeds_without_numbers", float(lost), 0)]
    entry.failed = lost == len(children)
    commits = sorted({child.tags.get("phvae.commit", "") for child in children} - {""})
    entry.tags = {"phvae.commit": ", ".join(commits)[:LONGEST]} if commits else {}
    entry.tags |= {name: first.tags[name] for name in (*SOURCE, *DESIGN) if name in first.tags}
    shown = [entry.failed, *([child.path, child.fingerprint] for child in children)]
    entry.fingerprint = sha256_text(json.dumps(shown))
    entry.began, entry.ended = _span(children)
    return entry


def _over_seeds(name: str, found: list[float]) -> Iterator[Point]:
    values = np.asarray(found)
    split, _, metric = name.partition("/")
    yield name, float(values.mean()), 0
    low, high = mean_interval(values, numpy_generator(0, "tracking"))
    for what, value in (("sd", moments(values).sd), ("low", low), ("high", high)):
        if math.isfinite(value):
            yield f"{split}_{what}/{metric}", float(value), 0


def summary_entry(root: Path, children: list[Entry]) -> Entry:
    """The run with what is about all runs: tables, figures, the report, the long table."""
    entry = Entry("summary", "summary", "summary")
    for folder in ("tables", "figures"):
        entry.files += [(path, folder) for path in sorted((root / folder).glob("*")) if path.is_file()]
    entry.files += [
        (root / name, "") for name in ("report.html", "metrics.csv", "config.json") if (root / name).is_file()
    ]
    lost = sum(child.failed for child in children)
    entry.points = [("runs", float(len(children)), 0), ("runs_without_numbers", float(lost), 0)]
    verdicts = root / "tables" / "claims.csv"
    if verdicts.is_file():
        with verdicts.open(encoding="utf-8", newline="") as stream:
            found = [row.get("verdict", "") for row in csv.DictReader(stream)]
        for word in sorted(set(found) - {""}):
            entry.points.append((f"claims/{word.replace(' ', '_')}", float(found.count(word)), 0))
    described = [(str(path.relative_to(root)), path.stat().st_size, _content(path)) for path, _ in entry.files]
    entry.fingerprint = sha256_text(json.dumps([described, entry.points]))
    entry.began, ended = _span(children)
    entry.ended = max([ended, *(_modified(path) for path, _ in entry.files)])
    return entry


def _span(children: list[Entry]) -> tuple[int, int]:
    """When the first of some runs began and the last ended."""
    return min((one.began for one in children), default=0), max((one.ended for one in children), default=0)


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns // 1_000_000


def _content(path: Path) -> str:
    from phvae.files import sha256

    return sha256(path)


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
        re.sub(r"[^\w\-. :/]", "_", name): "***" if _SECRET.search(name) else mask(str(value))[:LONGEST]
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
    """The columns of history.csv at no more than 50 epochs, the first and the last among them."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = list(csv.reader(stream)) or [[]]
    count = min(len(rows), MOST_POINTS)
    chosen = sorted({round(i * (len(rows) - 1) / max(count - 1, 1)) for i in range(count)})
    epoch = header.index("epoch") if rows else 0
    for column, title in enumerate(header):
        split, _, name = title.partition("_")
        if split not in ("train", "validation"):
            continue
        for i in chosen:
            value = float(rows[i][column] or "nan")
            if math.isfinite(value):
                yield f"{split}/{name}", value, int(float(rows[i][epoch]))


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
            yield f"cost/{name.replace('images', 'examples')}", float(value), 0
    parameters = record.get("parameters")
    if isinstance(parameters, dict) and isinstance(parameters.get("total"), int):
        yield "cost/parameters", float(parameters["total"]), 0
