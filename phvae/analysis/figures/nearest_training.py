"""What the models draw, above the training images nearest to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure

from phvae.analysis.figures.image_rows import image_rows

__all__ = ["NearestTraining"]


@dataclass(frozen=True)
class NearestTraining:
    """Samples, and below each the nearest of the training examples of its run.

    Attributes:
        samples: label -> (N, C, H, W) uint8.
        nearest: label -> as many training images.
    """

    kind: ClassVar[str] = "nearest_training"
    samples: Mapping[str, np.ndarray]
    nearest: Mapping[str, np.ndarray]

    def caption(self) -> str:
        """What to see in it."""
        return (
            "Decoder means of draws from the prior, first seed of each variant, and below each the nearest, in pixels, "
            "of all examples that this run was trained on. A pair that cannot be told apart is a copy."
        )

    def draw(self) -> Figure:
        """Draw it."""
        rows = [
            row
            for label, images in self.samples.items()
            for row in ((label, images), ("nearest training image", self.nearest[label]))
        ]
        return image_rows(rows, groups=range(2, len(rows), 2))
