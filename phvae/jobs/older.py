"""Records as they were written before November 2026, brought into today's form; who calls vouches for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from phvae.metrics.registry import SCORERS, SEED_SCORERS, pattern_of
from phvae.records import Key

__all__ = ["of_reference", "of_scores"]


def _scorer(metric: str) -> str:
    """The scorer of a metric, of its bounds too."""
    pattern = pattern_of(metric.replace("{k}", "1"))
    return next(s.name for s in (*SCORERS, *SEED_SCORERS) if pattern in {entry.name for entry in s.metrics})


def of_scores(rows: Iterable[Mapping[str, Any]], keys: Mapping[str, Key]) -> dict[str, Any]:
    """A file of scores from one list of rows; what the entries of the metrics say now is left out of the rows."""
    sections: dict[str, dict[str, Any]] = {name: key.fields() | {"rows": []} for name, key in keys.items()}
    for row in rows:
        kept = {name: value for name, value in row.items() if name not in ("unit", "higher_is_better")}
        if ", comparable from " in kept.get("caution", ""):
            kept["caution"] = ""
        if (name := _scorer(row["metric"])) in sections:
            sections[name]["rows"].append(kept)
    return {"asked": list(keys), "scores": {name: section for name, section in sections.items() if section["rows"]}}


def of_reference(folder: Path, content: Mapping[str, Any], keys: Mapping[str, Key]) -> dict[str, dict[str, Any]]:
    """The records of all scorers, from one record; the files, all of the generation scorer, move to its folder."""
    records: dict[str, dict[str, Any]] = {
        name: key.fields() | {"bounds": {}, "files": {}} for name, key in keys.items()
    }
    for metric, bounds in content["bounds"].items():
        if (name := _scorer(metric)) in records:
            records[name]["bounds"][metric] = bounds
    if "generation" in records:
        records["generation"]["files"] = dict(content["files"])
        (folder / "generation").mkdir(exist_ok=True)
        for name in content["files"]:
            (folder / name).rename(folder / "generation" / name)
    return records
