"""One table for all measurements: benchmarks/results.csv, one row a case, the newest measurement of each."""

from __future__ import annotations

import csv
import datetime
import os
import platform
from pathlib import Path

__all__ = ["machine", "record", "show"]

TABLE = Path(__file__).with_name("results.csv")
COLUMNS = ("case", "unit", "value", "peer", "peer_value", "ratio", "repeats", "machine", "date")


def machine() -> str:
    """The machine in words: processor, number of cores in use."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass
    return f"{model}, {len(os.sched_getaffinity(0))} cores"


def record(
    case: str,
    unit: str,
    value: float,
    peer: str | None = None,
    peer_value: float | None = None,
    repeats: int = 1,
) -> None:
    """Replace the row of a case in the table; the ratio to the peer is value / peer_value."""
    rows = []
    if TABLE.exists():
        with TABLE.open(newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row["case"] != case]
    ratio = "" if peer_value is None else f"{value / peer_value:.3g}"
    found = (case, unit, f"{value:.4g}", peer or "", "" if peer_value is None else f"{peer_value:.4g}", ratio)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    rows.append(dict(zip(COLUMNS, (*found, str(repeats), machine(), today), strict=True)))
    with TABLE.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def show() -> str:
    """The table as aligned text."""
    with TABLE.open(newline="") as stream:
        rows = [COLUMNS[:7], *([row[name] for name in COLUMNS[:7]] for row in csv.DictReader(stream))]
    widths = [max(len(row[i]) for row in rows) for i in range(7)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
