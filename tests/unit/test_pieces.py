"""A grid in pieces: the files to make for some data sets alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from phvae.errors import ConfigError
from phvae.experiment.grid import load_grid
from phvae.experiment.pieces import targets


def test_the_pieces_of_a_grid_are_the_whole_grid():
    grid = load_grid("config/quick.yaml")
    pieces = [targets(grid, [name]) for name in grid.config.datasets]
    everything = {grid.paths.manifest("evaluate", *where) for where in grid.batches()}
    assert {path for piece in pieces for path in piece} == everything
    assert sum(map(len, pieces)) == len(everything)


@pytest.mark.parametrize(("names", "said"), [(["clow"], "did you mean 'claw'"), ([], "found ''")])
def test_a_data_set_that_the_grid_has_not_is_refused(names: list[str], said: str):
    with pytest.raises(ConfigError, match=said):
        targets(load_grid("config/quick.yaml"), names)
    done = subprocess.run(
        [sys.executable, "-m", "phvae.experiment.pieces", "config/quick.yaml", *names],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("phvae: config/quick.yaml: found ")
