"""What the models draw from the prior, below real images and above the nearest of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure

from phvae.analysis.figures.image_rows import image_rows
from phvae.analysis.figures.scores_in_words import with_score

__all__ = ["Samples"]


@dataclass(frozen=True)
class Samples:
    """Decoder means of draws from the prior, a block for each variant, below real images.

    Attributes:
        real: (N, C, H, W) uint8, of the test split.
        rows: label -> as many samples.
        nearest: label -> of each sample the nearest of the examples of its run, where they are kept.
        scores: label -> a distance from the data, in words.
    """

    kind: ClassVar[str] = "samples"
    real: np.ndarray
    rows: Mapping[str, np.ndarray]
    nearest: Mapping[str, np.ndarray] = field(default_factory=dict)
    scores: Mapping[str, str] = field(default_factory=dict)

    def caption(self) -> str:
        """What to see in it."""
        words = [
            "Test images (first row), and decoder means of draws from the prior, first seed of each variant. Look for "
            "shapes that no test image has, and for repeats."
        ]
        if self.nearest:
            words.append(
                "Below each sample stands the nearest, in pixels, of all examples that its run was trained on: a pair "
                "that cannot be told apart is a copy."
            )
        if self.scores:
            words.append("The number is the distance of many samples from the data, mean over seeds; lower is better.")
        return " ".join(words)

    def draw(self) -> Figure:
        """Draw it."""
        lines, groups = [("test images", self.real)], []
        for label, images in self.rows.items():
            groups.append(len(lines))
            lines.append((with_score(label, self.scores.get(label)), images))
            if label in self.nearest:
                lines.append(("nearest in training", self.nearest[label]))
        return image_rows(lines, groups=groups if self.nearest else [1])
