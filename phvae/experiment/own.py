"""Which of the user's own parts a grid uses, and whether they are at hand where its configuration is read again."""

from __future__ import annotations

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
    """The user's files that a grid uses, with their hashes: parts of its models, its data kinds, all scores."""
    used = {scorer.module for scorer in (*SCORERS, *SEED_SCORERS)}
    for cell in grid.cells:
        used |= {*parts(cell.model), kind_class(str(cell.data["kind"])).__module__}
    tops = {module.split(".")[0] for module in used}
    return {str(one.file): sha256(one.file) for one in own() if one.module.__name__.split(".")[0] in tops}


def check_own(used: dict[str, Any], source: str) -> None:
    """Refuse a configuration that was started with files of parts that are not named here; it names none itself.

    Raises:
        ConfigError: says which, and how to name them.
    """
    known = {one.file.name for one in own()}
    if absent := [file for file in used if file.replace("\\", "/").rpartition("/")[2] not in known]:
        raise ConfigError(
            f"{source}: was started with the parts of {', '.join(absent)}, which are not named here: set "
            f"{VARIABLE}={':'.join(absent)} (on a cluster jobs take it over from where the workflow starts)"
        )
