"""The scores of every case at every size and draw, piece by piece; what is measured already stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pandas as pd

from phvae.audit import cases_density, cases_disentanglement, cases_generation, cases_memorisation
from phvae.audit.checks import BEYOND, DRAWS, SIZES, TOPICS, TRUTH, Topic
from phvae.experiment.code import code
from phvae.files import read_json, write_json

__all__ = ["Piece", "measure", "pieces", "summary"]

_CASES: dict[Topic, ModuleType] = {
    "disentanglement": cases_disentanglement,
    "generation": cases_generation,
    "density": cases_density,
    "memorisation": cases_memorisation,
}
_ROOMS = ("audit", "metrics", "data", "determinism")
COLUMNS = ["topic", "score", "n", "case", "draws", "mean", "sd"]


class Piece(NamedTuple):
    """What is measured at once: all cases of a topic at a size, from one draw."""

    topic: Topic
    n: int
    draw: int


def pieces() -> list[Piece]:
    """Every piece, the longest first."""
    found = [
        Piece(topic, n, draw)
        for topic in TOPICS
        for n in (*SIZES[topic], *BEYOND[topic])
        for draw in range(DRAWS[topic])
    ]
    return sorted(found, key=lambda piece: -piece.n * (20 if piece.topic == "disentanglement" else 1))


def _values(piece: Piece, folder: Path) -> list[tuple[str, str, float]]:
    """(case, score, value) of a piece; beyond the sizes of the grids the truth alone."""
    only = None if piece.n in SIZES[piece.topic] else TRUTH[piece.topic]
    found = _CASES[piece.topic].values(piece.n, piece.draw, folder, only)
    return [(case, score, value) for case, scores in found for score, value in scores.items()]


def _one(piece: Piece, folder: Path) -> list[tuple[str, str, float]]:
    """A piece from its file, else measured and written there; the file's name holds the hash of the code."""
    cases = _CASES[piece.topic]
    digest = code([cases.__name__, *getattr(cases, "MODULES", ())], _ROOMS)
    path = folder / f"{piece.topic}-{piece.n}-{piece.draw}-{digest[:12]}.json"
    if not path.is_file():
        write_json(path, _values(piece, folder))
    return [tuple(row) for row in read_json(path)]


def _alone(piece: Piece, folder: Path) -> None:
    """Measure a piece on one thread."""
    import torch

    torch.set_num_threads(1)
    _one(piece, folder)


def measure(folder: Path, wanted: Sequence[Piece], cores: int) -> Iterator[tuple[Piece, list[tuple[str, str, float]]]]:
    """(case, score, value) of each piece, measured on some cores; pieces are kept in `folder` and measured once."""
    from joblib import Parallel, delayed

    folder.mkdir(parents=True, exist_ok=True)
    if any(piece.topic == "generation" for piece in wanted):
        cases_generation.classifiers(folder)  # before the processes, which share them
    Parallel(n_jobs=cores)(delayed(_alone)(piece, folder) for piece in wanted)
    for piece in wanted:
        yield piece, _one(piece, folder)


def summary(found: Iterator[tuple[Piece, list[tuple[str, str, float]]]]) -> pd.DataFrame:
    """Mean and standard deviation over the draws, one line a score, size and case: the columns of docs/audit.csv.

    `draws` counts those at which the score has a value.
    """
    rows = [(piece.topic, score, piece.n, case, value) for piece, part in found for case, score, value in part]
    frame = pd.DataFrame(rows, columns=["topic", "score", "n", "case", "value"])
    by = frame.groupby(["topic", "score", "n", "case"], sort=False)["value"]
    return by.agg(draws="count", mean="mean", sd="std").reset_index().sort_values(COLUMNS[:4], ignore_index=True)
