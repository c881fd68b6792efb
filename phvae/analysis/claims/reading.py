"""The file of claims: read, checked, and held against what the grids know."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from phvae.analysis.claims.schema import CURVE_CONTROL, Claims
from phvae.config.explain import validated
from phvae.config.reader import read_yaml
from phvae.data.registry import KINDS
from phvae.errors import ConfigError, nearest
from phvae.files import sha256

__all__ = ["read_claims", "read_known_claims"]


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
    sets, models = {*datasets, *KINDS}, {*variants, CURVE_CONTROL}
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
            ("controls", "variant", [v for c in claim.controls for v in (c.variant, c.challenger) if v], models),
        )
        for word in words
        if word not in known
    ]
    if unknown:
        raise ConfigError("\n".join(unknown[:8]))
    return claims, digest


def _grid_beside(path: Path) -> dict[str, Any]:
    """A configuration's mapping; an empty one for a file that is none."""
    try:
        content = read_yaml(path)
    except ConfigError:
        return {}
    return content if all(isinstance(content.get(key), dict) for key in ("datasets", "variants")) else {}
