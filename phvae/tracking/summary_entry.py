"""What is about all runs of a grid: tables, figures, the report, and what the claims say (no MLflow)."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from phvae.analysis.claims.answers import read_answers
from phvae.analysis.terminal.answer_grid import answer_lines
from phvae.files import sha256, sha256_text
from phvae.tracking.cell_entry import span
from phvae.tracking.entry import LONGEST_NOTE, NOTE, Entry, modified

__all__ = ["answers_note", "cell_notes", "summary_entry"]


def summary_entry(root: Path, children: Sequence[Entry]) -> Entry:
    """The run with what is about all runs: tables, figures, the report, the long table."""
    entry = Entry("summary", "summary", "summary")
    for folder in ("tables", "figures"):
        entry.files += [(path, folder) for path in sorted((root / folder).glob("*")) if path.is_file()]
    entry.files += [
        (root / name, "") for name in ("report.html", "metrics.csv", "config.json") if (root / name).is_file()
    ]
    lost = sum(child.failed for child in children)
    entry.points = [("runs", float(len(children)), 0), ("runs_without_numbers", float(lost), 0)]
    found = [row.get("verdict", "") for row in _verdicts(root)]
    for word in sorted(set(found) - {""}):
        entry.points.append((f"claims/{word.replace(' ', '_')}", float(found.count(word)), 0))
    if note := answers_note(root):
        entry.tags[NOTE] = note
    described = [(str(path.relative_to(root)), path.stat().st_size, sha256(path)) for path, _ in entry.files]
    entry.fingerprint = sha256_text(json.dumps([described, entry.points]))
    entry.began, ended = span(children)
    entry.ended = max([ended, *(modified(path) for path, _ in entry.files)])
    return entry


def answers_note(root: Path) -> str:
    """What the claims' verdicts answer, as a note; empty before there are any."""
    answers = read_answers(root / "tables")
    return _as_text(answer_lines(answers)) if answers else ""


def cell_notes(root: Path) -> dict[str, str]:
    """What the claims say of each cell that they are about, by its path below runs/."""
    found: dict[str, list[str]] = {}
    for row in _verdicts(root):
        if row.get("verdict", "") not in ("", "not tested"):
            path = f"{row['dataset']}/n-{row['n_train'] or 'all'}/{row['challenger']}"
            against, why = f" against {row['control']}" if row["control"] else "", row["reason"]
            found.setdefault(path, []).append(f"{row['claim']}: {row['verdict']}{against}{why and f' ({why})'}")
    return {path: _as_text(dict.fromkeys(lines)) for path, lines in found.items()}


def _verdicts(root: Path) -> Iterator[dict[str, str]]:
    path = root / "tables" / "claims.csv"
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as stream:
            yield from csv.DictReader(stream)


def _as_text(lines: Iterable[str]) -> str:
    """Indented by four it is code in MLflow's Markdown: a label stays text."""
    return "\n".join(f"    {line}" for line in lines)[:LONGEST_NOTE]
