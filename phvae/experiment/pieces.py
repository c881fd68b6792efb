"""The files that Snakemake is to make for some data sets: `python -m phvae.experiment.pieces CONFIG NAME ...`.

A large grid is run in pieces (`make piece DATASETS="gap claw"`), each on one machine.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from phvae.errors import ConfigError, nearest
from phvae.experiment.grid import Grid, load_grid
from phvae.words import listed

__all__ = ["targets"]


def targets(grid: Grid, datasets: Sequence[str]) -> list[Path]:
    """Manifests of all scores of these data sets.

    Raises:
        ConfigError: the grid has no data set of that name, or none is named.
    """
    known = list(grid.config.datasets)
    for name in datasets or [""]:
        if name not in known:
            raise ConfigError(
                f"{grid.source}: found {name!r}, expected data sets: {listed(known)}{nearest(name, known)}"
            )
    return [grid.paths.manifest("evaluate", *where) for where in grid.batches() if where[0] in datasets]


if __name__ == "__main__":
    try:
        print(*targets(load_grid(sys.argv[1]), sys.argv[2:]), sep="\n")
    except ConfigError as error:
        sys.exit(f"phvae: {error}")
