"""What a results folder says to a tracking server: runs and cells as parameters, points, tags and files (no MLflow)."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from phvae.analysis.claims.answers import read_answers
from phvae.analysis.terminal.answer_grid import answer_lines
from phvae.errors import DataError
from phvae.files import read_json, sha256_text
from phvae.metrics.stored import stored

__all__ = ["MOST_POINTS", "Entry", "Point", "cell_entry", "mask", "read_run", "run_folders", "summary_entry"]

MOST_POINTS = 50  # of one curve
LONGEST = 500  # characters of a parameter; MLflow's own limit is 6,000
LONGEST_NOTE = 8000  # MLflow's own limit of a tag
_SECRET = re.compile(r"(token|password|passwd|secret|credential|api_?key)", re.IGNORECASE)

Point = tuple[str, float, int]  # metric, value, step


@dataclass
class Entry:
    """One run as the tracking server shows it; `path` names it within its experiment."""

    path: str
    kind: str
    name: str
    params: dict[str, str] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    files: list[tuple[Path, str]] = field(default_factory=list)
    failed: bool = False
    fingerprint: str = ""


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


def read_run(folder: Path, root: Path) -> Entry:
    """One run: its resolved configuration, curves, final metrics, pictures and model.

    Raises:
        DataError: run.json, history.csv, metrics.json or costs.json cannot be read.
    """
    try:
        record = read_json(folder / "run.json")
        key, status = str(record["run_key"]), str(record["status"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / 'run.json'}: no record of a run ({error!r}); train this run again") from None
    path = folder.relative_to(root / "runs").as_posix()
    entry = Entry(path, "run", folder.name, failed=status != "ok")
    entry.params = _params(record)
    entry.tags = _tags(record, key, status)
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
    return entry


def cell_entry(path: str, children: list[Entry]) -> Entry:
    """The run above a cell's seeds: the shared parameters, and the mean of every final metric over the seeds."""
    first = children[0]
    entry = Entry(path, "variant", path.replace("/", " · "))
    shared = first.params.items()
    entry.params = {k: v for k, v in shared if all(child.params.get(k) == v for child in children[1:])}
    values: dict[str, list[float]] = {}
    for child in children:
        for name, value, step in child.points:
            if name.startswith("test/") and step == 0:
                values.setdefault(name, []).append(value)
    entry.points = [(name, sum(found) / len(found), 0) for name, found in values.items()]
    lost = sum(child.failed for child in children)
    entry.points += [("seeds", float(len(children)), 0), ("seeds_without_numbers", float(lost), 0)]
    entry.failed = lost == len(children)
    commits = sorted({child.tags.get("phvae.commit", "") for child in children} - {""})
    entry.tags = {"phvae.commit": ", ".join(commits)[:LONGEST]} if commits else {}
    shown = [entry.failed, *([child.path, child.fingerprint] for child in children)]
    entry.fingerprint = sha256_text(json.dumps(shown))
    return entry


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
    if answers := read_answers(root / "tables"):
        # indented by four it is code in MLflow's Markdown: a label stays text
        note = "\n".join(f"    {line}" for line in answer_lines(answers))
        entry.tags["mlflow.note.content"] = note[:LONGEST_NOTE]
    described = [(str(path.relative_to(root)), path.stat().st_size, _content(path)) for path, _ in entry.files]
    entry.fingerprint = sha256_text(json.dumps([described, entry.points]))
    return entry


def _content(path: Path) -> str:
    from phvae.files import sha256

    return sha256(path)


def _fingerprint(entry: Entry, record: dict[str, Any]) -> str:
    """Changes when anything shown changes; the model's content is decided by the run's key, so it is not read."""
    files = [(path.name, path.stat().st_size) for path, _ in entry.files]
    return sha256_text(json.dumps([record, entry.points, files], sort_keys=True, default=str))


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
    tags = {"phvae.run_key": key, "phvae.status": status}
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
            name = f"{row['split'] or 'test'}/{row['metric']}"
            yield re.sub(r"[^\w\-. :/]", "_", name), float(row["value"]), 0


def _costs(record: dict[str, Any], path: Path) -> Iterator[Point]:
    kept = read_json(path) if path.is_file() else {}
    for name in dict.fromkeys(("seconds_train", "images_per_second", "peak_memory_mb", "best_epoch", *kept)):
        value = kept.get(name, record.get(name))
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield f"cost/{name}", float(value), 0
    parameters = record.get("parameters")
    if isinstance(parameters, dict) and isinstance(parameters.get("total"), int):
        yield "cost/parameters", float(parameters["total"]), 0
