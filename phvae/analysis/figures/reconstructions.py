"""Test images and what the models make of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure

from phvae.analysis.figures.image_rows import image_rows

__all__ = ["Reconstructions"]


@dataclass(frozen=True)
class Reconstructions:
    """Test images above, below them each variant's reconstructions of the same images.

    Attributes:
        originals: (N, C, H, W) uint8.
        rows: label -> (N, C, H, W) uint8.
    """

    kind: ClassVar[str] = "reconstructions"
    originals: np.ndarray
    rows: Mapping[str, np.ndarray]

    def caption(self) -> str:
        """What to see in it."""
        return (
            "Test images and their reconstructions, first seed of each variant. Look at edges and small parts: at an "
            "equal rate, less blur is more information about the image."
        )

    def draw(self) -> Figure:
        """Draw it."""
        return image_rows([("original", self.originals), *self.rows.items()], groups=[1])
