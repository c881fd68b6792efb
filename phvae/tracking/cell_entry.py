"""The seeds of a cell together, as the run above theirs (no MLflow)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence

import numpy as np

from phvae.analysis.statistics.intervals import mean_interval
from phvae.analysis.statistics.moments import moments
from phvae.determinism.seeding import numpy_generator
from phvae.files import sha256_text
from phvae.tracking.entry import DESIGN, LONGEST, LONGEST_NOTE, NOTE, SOURCE, Entry, Point, title

__all__ = ["cell_entry", "span"]


def cell_entry(path: str, children: Sequence[Entry], note: str = "") -> Entry:
    """The run above a cell's seeds: the shared parameters, and of every final metric the mean over the seeds.

    Beside it the standard deviation and the 95 % interval. It has no parameter `variant`, so that groups count seeds.

    Args:
        path: of the cell below runs/.
        children: its seeds.
        note: what the claims say of it.
    """
    everyone = children
    children = [child for child in children if child.status != "RUNNING"] or everyone  # those that train know little
    first = children[0]
    entry = Entry(path, "variant", title(path), data=first.data)
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
    entry.points += [("seeds", float(len(everyone)), 0), ("seeds_without_numbers", float(lost), 0)]
    if any(child.status == "RUNNING" for child in everyone):
        entry.status = "RUNNING"
    elif lost == len(children):
        entry.status = "FAILED"
    commits = sorted({child.tags.get("phvae.commit", "") for child in children} - {""})
    entry.tags = {"phvae.commit": ", ".join(commits)[:LONGEST]} if commits else {}
    entry.tags |= {name: first.tags[name] for name in (*SOURCE, *DESIGN) if name in first.tags}
    if note:
        entry.tags[NOTE] = note[:LONGEST_NOTE]
    shown = [entry.status, note, *([child.path, child.fingerprint] for child in everyone)]
    entry.fingerprint = sha256_text(json.dumps(shown))
    entry.began, entry.ended = span(everyone)
    trained = (file.parent for child in children for file, _ in child.files if file.name == "model.safetensors")
    if entry.status != "RUNNING":  # a cell that changes is written again, with its model
        entry.model = next((folder for folder in trained if (folder / "model.json").is_file()), None)
    return entry


def _over_seeds(name: str, found: list[float]) -> Iterator[Point]:
    values = np.asarray(found)
    split, _, metric = name.partition("/")
    yield name, float(values.mean()), 0
    low, high = mean_interval(values, numpy_generator(0, "tracking"))
    for what, value in (("sd", moments(values).sd), ("low", low), ("high", high)):
        if math.isfinite(value):
            yield f"{split}_{what}/{metric}", float(value), 0


def span(children: Sequence[Entry]) -> tuple[int, int]:
    """When the first of some runs began and the last ended."""
    return min((one.began for one in children), default=0), max((one.ended for one in children), default=0)
