"""The figures of the page by data set: those that claims are shown in first, the others folded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from phvae.analysis.report.pictures import ShownFigure

__all__ = ["FigureGroup", "figure_contents", "figure_groups"]

SEVERAL = "Several data sets"


@dataclass(frozen=True)
class FigureGroup:
    """The figures of one data set, or of several: `first` are shown, `more` are folded."""

    name: str
    first: list[ShownFigure]
    more: list[ShownFigure]


def figure_groups(figures: Sequence[ShownFigure], linked: Collection[str]) -> list[FigureGroup]:
    """Groups in the order of the figures, those of several data sets last.

    Args:
        figures: what was drawn.
        linked: names of the figures that a claim is shown in; where there are none, no figure is folded.
    """
    groups: dict[str, list[ShownFigure]] = {}
    for figure in figures:
        groups.setdefault(_place(figure), []).append(figure)
    if SEVERAL in groups:
        groups[SEVERAL] = groups.pop(SEVERAL)
    shown = {figure.drawn.name for figure in figures if figure.drawn.name in linked or figure.drawn.reason}
    shown = shown or {figure.drawn.name for figure in figures}
    return [
        FigureGroup(
            name,
            [figure for figure in group if figure.drawn.name in shown],
            [figure for figure in group if figure.drawn.name not in shown],
        )
        for name, group in groups.items()
    ]


def figure_contents(figures: Sequence[ShownFigure]) -> dict[str, list[tuple[str, str]]]:
    """Kind in words -> (data sets, name) of its figures, for a list of links."""
    contents: dict[str, list[tuple[str, str]]] = {}
    for figure in figures:
        kind, datasets = figure.drawn.kind, figure.drawn.datasets
        place = figure.drawn.name.removeprefix(f"{kind}-") if len(datasets) == 1 else f"{len(datasets)} data sets"
        contents.setdefault(kind.replace("_", " ").replace("kl ", "KL "), []).append((place, figure.drawn.name))
    return contents


def _place(figure: ShownFigure) -> str:
    return figure.drawn.datasets[0] if len(figure.drawn.datasets) == 1 else SEVERAL
