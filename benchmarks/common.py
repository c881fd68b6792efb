"""Where measurements go (results.csv beside this file), and measuring two things side by side."""

from __future__ import annotations

import csv
import datetime
import os
import platform
import statistics
from collections.abc import Callable
from pathlib import Path

from phvae.files import write_text

__all__ = ["RESULTS", "alternate", "machine", "median", "record", "table"]

RESULTS = Path(__file__).resolve().parent / "results.csv"
COLUMNS = ("case", "unit", "value", "peer", "peer_value", "ratio", "repeats", "machine", "date")


def machine() -> str:
    """The processor and the number of its cores that this process may use."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} cores"


def alternate(runs: dict[str, Callable[[], float]], repeats: int = 5) -> dict[str, list[float]]:
    """Measure several things in turn, so that a disturbance of the machine meets them all."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            found[name].append(run())
    return found


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def record(
    case: str,
    unit: str,
    value: float,
    peer: str | None = None,
    peer_value: float | None = None,
    repeats: int = 1,
    *,
    path: Path = RESULTS,
) -> dict[str, str]:
    """Keep one measurement; the newest of a case on a machine replaces the one before.

    Args:
        case: what was measured; a topic's cases begin alike.
        unit: of `value` and `peer_value`.
        value: the median.
        peer: what it is compared with.
        peer_value: the peer's median; `ratio` is value / peer_value.
        repeats: how many measurements the median is of.
    """
    ratio = value / peer_value if peer_value else None
    row = {
        "case": case,
        "unit": unit,
        "value": _text(value),
        "peer": peer or "",
        "peer_value": _text(peer_value),
        "ratio": _text(ratio),
        "repeats": str(repeats),
        "machine": machine(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    rows = [old for old in _rows(path) if (old["case"], old["machine"]) != (row["case"], row["machine"])] + [row]
    lines = [COLUMNS, *(tuple(each[column] for column in COLUMNS) for each in rows)]
    write_text(path, "".join(_line(line) for line in lines))
    return row


def _line(values: tuple[str, ...]) -> str:
    quoted = [f'"{value}"' if "," in value else value for value in values]
    return ",".join(quoted) + "\n"


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def table(prefix: str = "", path: Path = RESULTS) -> str:
    """The rows whose case begins with `prefix`, for people."""
    columns = COLUMNS[:-2]
    rows = [columns, *(tuple(row[c] for c in columns) for row in _rows(path) if row["case"].startswith(prefix))]
    widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def median(values: list[float]) -> float:
    """The median."""
    return statistics.median(values)
