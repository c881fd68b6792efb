"""What every figure is: its data as fields, what to see in it, and how it is drawn."""

from __future__ import annotations

from typing import ClassVar, Protocol

from matplotlib.figure import Figure

__all__ = ["Drawable"]


class Drawable(Protocol):
    """A figure with its data; `kind` is its name in the registry and the beginning of its file's name."""

    kind: ClassVar[str]

    def caption(self) -> str:
        """What to see in it."""

    def draw(self) -> Figure:
        """Draw it."""
