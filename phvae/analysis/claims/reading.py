"""The file of claims: read, checked, and held against what the grids know."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from phvae.analysis.claims.schema import Claims
from phvae.config.explain import validated
from phvae.config.reader import read_yaml
from phvae.data.registry import KINDS
from phvae.errors import ConfigError, nearest
from phvae.experiment.grid import Grid
from phvae.experiment.stages import CLAIMS
from phvae.files import sha256

__all__ = ["claims_about", "grid_claims", "init_command", "read_claims", "read_known_claims"]


def read_claims(path: str | Path) -> tuple[Claims, str]:
    """The claims of a file and the sha256 of its bytes, which stands in every report.

    Raises:
        ConfigError: the file is absent, not YAML, or says something that cannot be tested; names key, found, expected.
    """
    return validated(Claims, read_yaml(path), lambda key: f"{path}: {key}" if key else str(path)), sha256(path)


def read_known_claims(path: str | Path, datasets: Iterable[str], variants: Iterable[str]) -> tuple[Claims, str]:
    """`read_claims`, whose data sets and variants must be known by name somewhere.

    Known are those given, every data kind, and those of the grids that lie beside the file: a claim may speak of a set
    that one grid lacks, but a misspelt one would be "not tested" for ever.

    Args:
        path: the file.
        datasets: data sets of the grid or results at hand.
        variants: their variants.

    Raises:
        ConfigError: as `read_claims`, or a claim names what is not known; names the nearest that is.
    """
    claims, digest = read_claims(path)
    if Path(path).stem == digest:  # kept among results, beside no grid; it was checked when they were made
        return claims, digest
    sets, models = {*datasets, *KINDS}, set(variants)
    for beside in sorted(Path(path).parent.glob("*.yaml")):
        grid = _grid_beside(beside)
        sets.update(grid.get("datasets", ()))
        models.update(grid.get("variants", ()))
    unknown = [
        f"{path}: claims.{name}.{key}: found {word!r}, expected a {what} of some grid{nearest(word, known)}"
        for name, claim in claims.claims.items()
        for key, what, words, known in (
            ("datasets", "data set", claim.datasets, sets),
            ("challenger", "variant", [claim.challenger], models),
            ("controls", "variant", claim.variants()[1:], models),
        )
        for word in words
        if word not in known
    ]
    if unknown:
        raise ConfigError("\n".join(unknown[:8]))
    return claims, digest


def grid_claims(grid: Grid) -> Claims | None:
    """The claims that a grid tests, as `read_known_claims`; None where it has none, or lies without the shipped file.

    Raises:
        ConfigError: as `read_known_claims`, or the file that the configuration names is absent.
    """
    path = grid.claims
    if path is None or (path == Path(CLAIMS) and not path.is_file()):
        return None
    if not path.is_file():
        raise ConfigError(
            f"{grid.source}: claims: found {str(path)!r}, no such file; expected one, or none; "
            f"{init_command(grid.source)} writes a first one"
        )
    return read_known_claims(path, grid.config.datasets, grid.config.variants)[0]


def claims_about(claims: Claims, grid: Grid) -> list[str]:
    """The names of the claims about a grid: on one of its data sets it has every variant that the claim names."""
    cells = {(cell.dataset, cell.variant) for cell in grid.cells}
    return [
        name
        for name, claim in claims.claims.items()
        if any({(one, variant) for variant in claim.variants()} <= cells for one in claim.datasets)
    ]


def init_command(source: str) -> str:
    """The command that writes claims for a configuration, for a message."""
    return f"`{shlex.join(['phvae', 'claims', 'init', '--config', source])}`"


def _grid_beside(path: Path) -> dict[str, Any]:
    """A configuration's mapping; an empty one for a file that is none."""
    try:
        content = read_yaml(path)
    except ConfigError:
        return {}
    return content if all(isinstance(content.get(key), dict) for key in ("datasets", "variants")) else {}
