"""Sets drawn from an exact density, standardised as the method asks."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from phvae.data.builder import Builder
from phvae.data.distributions.line import Density1D
from phvae.data.distributions.plane import Density2D
from phvae.data.recipe import MOST, SPLITS, About, Count, Kind, Recipe, Sources
from phvae.determinism.seeding import numpy_generator

__all__ = ["DensitySet", "density_about"]


class DensitySet(Kind):
    """Draws from a known density: three independent splits from three fixed seeds."""

    unit_interval: ClassVar[bool] = False  # standardised, not clipped

    n_train: Annotated[int, Field(ge=10, le=MOST)] = Field(10_000, description="capacity of the training pool")
    n_validation: Count = 2_000
    n_test: Count = 10_000

    def density(self) -> Density1D | Density2D:
        """The exact density, in original units."""
        raise NotImplementedError

    def read(self, sources: Sources) -> Recipe:
        """Nothing to read: the set is drawn."""
        return Recipe((), self._write)

    def _write(self, builder: Builder) -> None:
        density = self.density()
        counts = dict(zip(SPLITS, (self.n_train, self.n_validation, self.n_test), strict=True))
        draws = {
            split: density.sample(n, numpy_generator(0, "density", type(self).__name__, split))
            for split, n in counts.items()
        }
        # method note, section 2: the 0.5 % and 99.5 % training quantiles become 0.1 and 0.9, nothing is clipped
        low, high = np.quantile(draws["train"], [0.005, 0.995], axis=0)
        scale = 0.8 / (high - low)
        offset = 0.1 - scale * low
        for split, x in draws.items():
            builder.put(split, (offset + scale * x).astype(np.float32))
        builder.facts["scaling"] = {"offset": offset.tolist(), "scale": scale.tolist()}
        builder.facts["split"] = "independent draws, one fixed seed a split"


def density_about(title: str, citation: str, note: str = "", shape: tuple[int, ...] = (1,)) -> About:
    """What is known of a density set before it is drawn."""
    return About(
        title,
        source="drawn by phvae",
        licence="public domain (generated)",
        citation=citation,
        shape=shape,
        counts=(10_000, 2_000, 10_000),
        note=note,
    )
