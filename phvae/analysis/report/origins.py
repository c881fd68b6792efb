"""Counts of the runs, and where their numbers come from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

__all__ = ["Origins", "origins"]

MOST_LOST = 50  # runs without numbers that are listed


@dataclass(frozen=True)
class Origins:
    """The runs of a results folder in short.

    Attributes:
        count: how many.
        statuses: status -> how many.
        datasets: in the table's order.
        variants: in the table's order.
        lost: the first runs without numbers, by column.
        versions: package -> its versions.
        made_with: what -> its values: commit, device, platform, hashes.
    """

    count: int
    statuses: dict[str, int]
    datasets: list[str]
    variants: list[str]
    lost: list[dict[str, Any]]
    versions: dict[str, list[str]]
    made_with: dict[str, list[str]]


def origins(runs: pd.DataFrame) -> Origins:
    """What the runs (runs.parquet) say of themselves."""
    versions: dict[str, list[str]] = {}
    for text in dict.fromkeys(runs["versions"]):
        for package, version in json.loads(text or "{}").items():
            found = versions.setdefault(package, [])
            if version not in found:
                found.append(version)
    made_with = {
        "commit": [f"{commit}{' (with edits)' if dirty else ''}" for commit, dirty in _known(runs, "commit", "dirty")],
        "device": [f"{device}, {threads} threads" for device, threads in _known(runs, "device", "threads")],
        "platform": [text for (text,) in _known(runs, "platform")],
        "claims, sha256 when trained": [text for (text,) in _known(runs, "claims_sha256")],
        "data, sha256": [f"{dataset}: {text}" for dataset, text in _known(runs, "dataset", "data_sha256")],
    }
    lost = runs[runs["status"] != "ok"].head(MOST_LOST).to_dict("records")
    return Origins(
        count=len(runs),
        statuses={str(status): int(count) for status, count in runs["status"].value_counts().items()},
        datasets=list(dict.fromkeys(runs["dataset"])),
        variants=list(dict.fromkeys(runs["variant"])),
        lost=[{str(column): value for column, value in run.items()} for run in lost],
        versions=versions,
        made_with={what: values for what, values in made_with.items() if any(values)},
    )


def _known(runs: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    frame = runs[list(columns)].drop_duplicates()
    return [tuple(row) for row in frame.itertuples(index=False) if str(row[-1]) not in ("", "<NA>")]
