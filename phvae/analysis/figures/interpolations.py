"""What lies between the codes of two images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure

from phvae.analysis.figures.image_rows import image_rows

__all__ = ["Interpolations"]


@dataclass(frozen=True)
class Interpolations:
    """Straight lines between the codes of two test images, a row for each variant.

    Attributes:
        rows: label -> (8, C, H, W) uint8.
    """

    kind: ClassVar[str] = "interpolations"
    rows: Mapping[str, np.ndarray]

    def caption(self) -> str:
        """What to see in it."""
        return "Straight lines between the codes of two test images. Look for in-between images that are no images."

    def draw(self) -> Figure:
        """Draw it."""
        return image_rows(list(self.rows.items()))
