"""A file of scores: a section for each scorer, with its own key, so that one is computed without the others."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from phvae.errors import PhvaeError
from phvae.metrics.naming import regex
from phvae.metrics.registry import Scorer
from phvae.metrics.rows import Row
from phvae.records import Key, outdated, read_record, write_record

__all__ = ["Section", "kept", "plain", "save"]

LOG = logging.getLogger("phvae")

Section = dict[str, Any]  # code, inputs, rows


def kept(path: Path, keys: Mapping[str, Key]) -> dict[str, Section]:
    """The sections of a file, by scorer, whose keys are today's.

    What is absent is computed; of what is damaged or of another key a line in the log says so.
    """
    if not path.is_file():
        return {}
    try:
        found = read_record(path, "it is made again", scores=dict)["scores"]
    except (PhvaeError, OSError) as error:
        LOG.warning("%s", " ".join(str(error).split()))
        return {}
    whole: dict[str, Section] = {}
    for name in keys.keys() & found.keys():
        reason = outdated(found[name], keys[name], path.parent)
        if not reason and not isinstance(found[name].get("rows"), list):
            reason = "without rows"
        if reason:
            LOG.warning("%s: %s: %s; it is made again", path, name, reason)
        else:
            whole[name] = found[name]
    return whole


def save(path: Path, sections: Mapping[str, Section], asked: Sequence[str]) -> None:
    """Write the sections that there are of those asked for: a reader of the file sees which are still to come."""
    write_record(path, {"asked": list(asked), "scores": {name: sections[name] for name in asked if name in sections}})


def plain(scorer: Scorer, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows as plain data.

    Raises:
        KeyError: a row of a metric that is no entry of the scorer: it would have no unit and no direction.
    """
    known = [regex(metric.name) for metric in scorer.metrics]
    for row in rows:
        if not any(one.fullmatch(row.metric) for one in known):
            raise KeyError(f"{scorer.module}: a row of {row.metric!r}, which is none of its METRICS")
    return [dataclasses.asdict(row) for row in rows]
