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
    """Straight lines between the codes of two test images, a row for each variant, the images themselves at the ends.

    Attributes:
        ends: (2, C, H, W) uint8, the two images.
        rows: label -> (steps, C, H, W) uint8.
    """

    kind: ClassVar[str] = "interpolations"
    ends: np.ndarray
    rows: Mapping[str, np.ndarray]

    def caption(self) -> str:
        """What to see in it."""
        return (
            "Straight lines between the codes of two test images, which stand apart at both ends, first seed of each "
            "variant. Look for in-between images that are no images, and for ends that are not the test images."
        )

    def draw(self) -> Figure:
        """Draw it."""
        lines = [(label, np.concatenate([self.ends[:1], images, self.ends[1:]])) for label, images in self.rows.items()]
        steps = len(lines[0][1]) - 2
        between = ["reconstruction", *[""] * (steps - 2), "reconstruction"]
        return image_rows(lines, ["test image", *between, "test image"], apart=(1, steps + 1))
