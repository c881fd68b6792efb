"""Which of the user's own parts a grid uses, and whether they are at hand where its configuration is read again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phvae.data.registry import kind_class
from phvae.errors import ConfigError
from phvae.experiment.code import parts
from phvae.files import sha256
from phvae.metrics.registry import SCORERS, SEED_SCORERS
from phvae.own.load import own
from phvae.own.named import VARIABLE

if TYPE_CHECKING:
    from phvae.experiment.grid import Grid

__all__ = ["check_own", "own_files"]


def own_files(grid: Grid) -> dict[str, str]:
    """The user's files and modules that a grid uses, with their hashes; of scores it uses all."""
    used = {scorer.module for scorer in (*SCORERS, *SEED_SCORERS)}
    for cell in grid.cells:
        used |= {*parts(cell.model), kind_class(str(cell.data["kind"])).__module__}
    tops = {module.split(".")[0] for module in used}
    return {one.said: sha256(one.file) for one in own() if one.module.__name__.split(".")[0] in tops}


def check_own(used: dict[str, Any], source: str) -> None:
    """Refuse a configuration that was started with files of parts that are not named here; it names none itself.

    Raises:
        ConfigError: says which, and how to name them.
    """
    known = {Path(one.said).name for one in own()}
    absent = [said for said in used if Path(said).name not in known]
    if files := [said for said in absent if said.endswith(".py")]:
        raise ConfigError(
            f"{source}: was started with the parts of {', '.join(files)}, which are not named here: set "
            f"{VARIABLE}={os.pathsep.join(files)} (on a cluster jobs take it over from where the workflow starts)"
        )
    if absent:
        raise ConfigError(f"{source}: was started with the parts of {', '.join(absent)}: install that package here")
