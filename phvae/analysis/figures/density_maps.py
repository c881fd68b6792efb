"""Two-dimensional samples beside draws of the true density."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure

from phvae.analysis.figures.lettering import wrap
from phvae.analysis.figures.scores_in_words import with_score
from phvae.analysis.figures.style import DOUBLE, grid_of, new_figure, styled

__all__ = ["DensityMaps"]


@dataclass(frozen=True)
class DensityMaps:
    """Two-dimensional samples of each variant beside draws of the true density, as counts on one scale.

    Attributes:
        samples: label -> (n, 2), original units.
        truth: (m, 2) draws of the true density.
        limits: shown interval of each axis.
        scores: label -> distance from the true density, in words.
        columns: panels in a row.
    """

    kind: ClassVar[str] = "density_maps"
    samples: Mapping[str, np.ndarray]
    truth: np.ndarray
    limits: Sequence[tuple[float, float]]
    scores: Mapping[str, str] = field(default_factory=dict)
    columns: int = 4

    def caption(self) -> str:
        """What to see in it."""
        distance = " The number is the distance from the true density, mean over seeds." if self.scores else ""
        return (
            "Samples (decoder means of prior draws, first seed) beside draws of the true density, on one scale; white "
            f"is none. Look for mass in the gaps between modes.{distance}"
        )

    def draw(self) -> Figure:
        """Draw it."""
        panels = {"truth": self.truth, **self.samples}
        rows = -(-len(panels) // min(self.columns, len(panels)))
        bins = int(np.clip(0.7 * min(len(points) for points in panels.values()) ** 0.5, 16, 60))
        counts = {}
        for label, points in panels.items():
            histogram, *_ = np.histogram2d(
                points[:, 0], points[:, 1], bins=bins, range=list(self.limits), density=False
            )
            counts[label] = histogram.T / len(points)
        top = float(np.quantile(counts["truth"][counts["truth"] > 0], 0.99))
        with styled():
            figure = new_figure(DOUBLE, 0.3 + 1.75 * rows)
            extent = (self.limits[0][0], self.limits[0][1], self.limits[1][0], self.limits[1][1])
            axes = grid_of(figure, len(panels), self.columns, sharex=True, sharey=True)
            for ax, (label, image) in zip(axes, counts.items(), strict=True):
                seen = np.ma.masked_equal(image, 0)
                ax.imshow(seen, origin="lower", extent=extent, aspect="auto", cmap="magma_r", vmin=0, vmax=top)
                ax.set_title(with_score(wrap(label, 24), self.scores.get(label)), linespacing=1.25)
                ax.tick_params(length=2, labelbottom=True)
        return figure
