"""The scores of every case at every size and draw, portion by portion; what is measured already stays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pandas as pd

from phvae.audit import cases_density, cases_disentanglement, cases_generation, cases_memorisation
from phvae.audit.checks import BEYOND, DRAWS, SIZES, TOPICS, TRUTH, Topic
from phvae.determinism.device import session
from phvae.experiment.code import code
from phvae.files import read_json, write_json

__all__ = ["Portion", "measure", "portions", "summary"]

_CASES: dict[Topic, ModuleType] = {
    "disentanglement": cases_disentanglement,
    "generation": cases_generation,
    "density": cases_density,
    "memorisation": cases_memorisation,
}
_ROOMS = ("audit", "metrics", "data", "determinism")
Values = list[tuple[str, str, float]]  # case, score, value
COLUMNS = ["topic", "score", "n", "case", "draws", "mean", "sd"]


class Portion(NamedTuple):
    """What is measured at once: all cases of a topic at a size, from one draw."""

    topic: Topic
    n: int
    draw: int


def portions() -> list[Portion]:
    """Every portion, the longest first."""
    found = [
        Portion(topic, n, draw)
        for topic in TOPICS
        for n in (*SIZES[topic], *BEYOND[topic])
        for draw in range(DRAWS[topic])
    ]
    return sorted(found, key=lambda portion: -portion.n * (20 if portion.topic == "disentanglement" else 1))


def _home(topic: Topic, folder: Path) -> Path:
    """Where the portions of a topic are kept: the name holds the hash of the code that measures them."""
    cases = _CASES[topic]
    return folder / f"{topic}-{code([cases.__name__, *getattr(cases, 'MODULES', ())], _ROOMS)[:12]}"


def _values(portion: Portion, home: Path) -> Values:
    """The values of a portion; beyond the sizes of the grids of the truth alone."""
    only = None if portion.n in SIZES[portion.topic] else TRUTH[portion.topic]
    found = _CASES[portion.topic].values(portion.n, portion.draw, home, only)
    return [(case, score, x) for case, scores in found for score, x in scores.items() if math.isfinite(x)]


def _one(portion: Portion, folder: Path) -> Values:
    """A portion from its file, else measured on one thread and written there."""
    home = _home(portion.topic, folder)
    path = home / f"{portion.n}-{portion.draw}.json"
    if not path.is_file():
        with session("cpu"):
            write_json(path, _values(portion, home))
    return [tuple(row) for row in read_json(path)]


def measure(folder: Path, wanted: Sequence[Portion], cores: int) -> Iterator[tuple[Portion, Values]]:
    """The values of each portion, measured on some cores; portions are kept in `folder` and measured once."""
    from joblib import Parallel, delayed

    for portion in wanted:
        _home(portion.topic, folder).mkdir(parents=True, exist_ok=True)
    if any(portion.topic == "generation" for portion in wanted):
        cases_generation.classifiers(_home("generation", folder))  # before the processes, which share them
    return zip(wanted, Parallel(n_jobs=cores)(delayed(_one)(portion, folder) for portion in wanted), strict=True)


def summary(found: Iterable[tuple[Portion, Values]]) -> pd.DataFrame:
    """Mean and standard deviation over the draws, one line a score, size and case: the columns of docs/audit.csv.

    `draws` counts those at which the score has a value.
    """
    rows = [(portion.topic, score, portion.n, case, value) for portion, part in found for case, score, value in part]
    frame = pd.DataFrame(rows, columns=["topic", "score", "n", "case", "value"])
    by = frame.groupby(["topic", "score", "n", "case"], sort=False)["value"]
    return by.agg(draws="count", mean="mean", sd="std").reset_index().sort_values(COLUMNS[:4], ignore_index=True)
