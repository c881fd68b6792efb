"""The list of what was drawn: written beside the figures, read by the report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from phvae.analysis.presentation.records import read_record
from phvae.files import write_json

__all__ = ["DrawnFigure", "FigureIndex", "read_figure_index", "write_figure_index"]

_NAME = "index.json"


@dataclass(frozen=True)
class DrawnFigure:
    """One picture: its files' common name, its kind, the data sets that it shows, what to see, and its files.

    `reason` says why it could not be drawn; it then has no files. `alt` tells it to those who do not see it.
    """

    name: str
    kind: str
    datasets: list[str]
    caption: str
    files: list[str]
    reason: str = ""
    alt: str = ""


@dataclass(frozen=True)
class FigureIndex:
    """What was drawn, and the kinds for which the results hold nothing."""

    figures: list[DrawnFigure]
    absent: list[str]


def write_figure_index(folder: Path, index: FigureIndex) -> None:
    """Keep the index in the figures' folder."""
    write_json(folder / _NAME, asdict(index))


def read_figure_index(folder: Path) -> FigureIndex:
    """The index of a figures' folder; an empty one where nothing was drawn.

    Raises:
        DataError: it is damaged.
    """
    path = folder / _NAME
    return read_record(path, FigureIndex, "run `phvae figures` again") if path.is_file() else FigureIndex([], [])
