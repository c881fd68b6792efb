"""The figures of the page: those of claims and those of several data sets first, the others in an appendix."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from phvae.analysis.report.pictures import ShownFigure
from phvae.words import plural

__all__ = ["ACROSS", "FigureGroup", "Gallery", "gallery"]

SEVERAL = "Several data sets"
ACROSS = ("interval_plot", "rank_matrix")  # kinds that sum up all data sets


@dataclass(frozen=True)
class FigureGroup:
    """The figures of one data set, or of several."""

    name: str
    figures: list[ShownFigure]


@dataclass(frozen=True)
class Gallery:
    """The figures that are shown, and those of the appendix, which are folded."""

    first: list[FigureGroup]
    more: list[FigureGroup]

    @property
    def first_links(self) -> dict[str, list[tuple[str, str]]]:
        """What links to the figures that are shown say, as `_links`."""
        return _links(self.first)

    @property
    def more_links(self) -> dict[str, list[tuple[str, str]]]:
        """What links to those of the appendix say."""
        return _links(self.more)


def gallery(figures: Sequence[ShownFigure], linked: Collection[str]) -> Gallery:
    """Figures by data set in their order; those of several data sets first.

    Args:
        figures: what was drawn.
        linked: names of the figures that a claim is shown in; where there are none, no figure goes to the appendix.
    """
    first = [one for one in figures if one.drawn.name in linked or one.drawn.kind in ACROSS or one.drawn.reason]
    first = first if first and linked else list(figures)
    names = {one.drawn.name for one in first}
    return Gallery(_groups(first), _groups([one for one in figures if one.drawn.name not in names]))


def _groups(figures: Sequence[ShownFigure]) -> list[FigureGroup]:
    groups: dict[str, list[ShownFigure]] = {SEVERAL: []}
    for figure in figures:
        datasets = figure.drawn.datasets
        groups.setdefault(datasets[0] if len(datasets) == 1 else SEVERAL, []).append(figure)
    return [FigureGroup(name, group) for name, group in groups.items() if group]


def _links(groups: Sequence[FigureGroup]) -> dict[str, list[tuple[str, str]]]:
    """Kind in words -> (what of, name) of its figures, for a list of links."""
    contents: dict[str, list[tuple[str, str]]] = {}
    for drawn in (figure.drawn for group in groups for figure in group.figures):
        of, several = drawn.name.removeprefix(drawn.kind).lstrip("-"), len(drawn.datasets) != 1
        if not of or of.isdigit():  # of a page
            of = plural(len(drawn.datasets), "data set") if several else drawn.datasets[0]
        elif several:
            of = of.replace("_", " ")
        contents.setdefault(drawn.kind.replace("_", " ").replace("kl ", "KL "), []).append((of, drawn.name))
    return contents
