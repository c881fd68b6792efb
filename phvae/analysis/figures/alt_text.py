"""What a figure tells those who do not see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from phvae.analysis.figures.drawable import Drawable

__all__ = ["alt_text"]


@runtime_checkable
class _Told(Protocol):
    """A figure that says in words what its data show."""

    def alt(self) -> str:
        """What is seen in it, in words."""


def alt_text(figure: Drawable, datasets: Sequence[str]) -> str:
    """What is seen, where the figure can tell (its method `alt`); else its kind, its data sets, and what it shows."""
    if isinstance(figure, _Told):
        return figure.alt()
    shown = figure.caption().partition(". ")[0].rstrip(".")
    return f"{figure.kind.replace('_', ' ').capitalize()} of {', '.join(datasets)}: {shown}."
