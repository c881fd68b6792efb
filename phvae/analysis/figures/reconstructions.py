"""Test images, what the models make of them, and where they err."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from phvae.analysis.figures.image_rows import image_rows
from phvae.analysis.figures.scores_in_words import with_score
from phvae.analysis.figures.style import styled

__all__ = ["Reconstructions"]

_BELOW = 0.4  # inches, for the scale of the errors


@dataclass(frozen=True)
class Reconstructions:
    """Test images above; below them each variant's reconstructions of the same images, and their errors.

    Attributes:
        originals: (N, C, H, W) uint8.
        rows: label -> (N, C, H, W) uint8.
        scores: label -> the error of many images, in words.
    """

    kind: ClassVar[str] = "reconstructions"
    originals: np.ndarray
    rows: Mapping[str, np.ndarray]
    scores: Mapping[str, str] = field(default_factory=dict)

    def caption(self) -> str:
        """What to see in it."""
        number = " The number is the error of all reconstructed images, mean over seeds." if self.scores else ""
        return (
            "Test images, their reconstructions, and below these the error of each pixel on one scale, first seed of "
            "each variant. Look at edges and small parts: at an equal rate, less error is more information about the "
            f"image.{number}"
        )

    def draw(self) -> Figure:
        """Draw it."""
        errors = {label: _error(self.originals, images) for label, images in self.rows.items()}
        top = max(float(np.quantile(np.stack(list(errors.values())), 0.995)), 1 / 255)
        colours = mpl.colormaps["inferno"]
        lines = [("test images", self.originals)]
        for label, images in self.rows.items():
            maps = colours(np.clip(errors[label] / top, 0, 1), bytes=True)[..., :3]
            lines += [(with_score(label, self.scores.get(label)), images), ("error", np.moveaxis(maps, -1, 1))]
        figure = image_rows(lines, groups=range(1, len(lines), 2), below=_BELOW)
        with styled():
            place, height = figure.axes[0].get_position(), figure.get_size_inches()[1]
            bar = figure.add_axes((place.x0, 0.28 / height, 0.4 * place.width, 0.08 / height), label="<colorbar>")
            figure.colorbar(ScalarMappable(Normalize(0, top), colours), cax=bar, orientation="horizontal", extend="max")
            figure.text(place.x0 + 0.44 * place.width, 0.32 / height, "|x − x̂|, pixels in [0, 1]", va="center")
        return figure


def _error(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Absolute error of every pixel, mean over channels, in [0, 1]: (N, H, W)."""
    error: np.ndarray = np.abs(x.astype(float) - y).mean(axis=1) / 255
    return error
