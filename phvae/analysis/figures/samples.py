"""What the models draw from the prior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure

from phvae.analysis.figures.image_rows import image_rows

__all__ = ["Samples"]


@dataclass(frozen=True)
class Samples:
    """Decoder means of draws from the prior, a row for each variant.

    Attributes:
        rows: label -> (N, C, H, W) uint8.
    """

    kind: ClassVar[str] = "samples"
    rows: Mapping[str, np.ndarray]

    def caption(self) -> str:
        """What to see in it."""
        return (
            "Decoder means of draws from the prior, first seed of each variant. Look for shapes that no test image "
            "has, and for repeats."
        )

    def draw(self) -> Figure:
        """Draw it."""
        return image_rows(list(self.rows.items()))
