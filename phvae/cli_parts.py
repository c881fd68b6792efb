"""What `phvae parts` prints: every part that a configuration may name, every file of scores, whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from phvae.data.registry import KINDS
from phvae.errors import ConfigError
from phvae.metrics.registry import SCORERS, SEED_SCORERS
from phvae.model.parts import BASIS_NAMES, REGISTRIES, module_of
from phvae.own.load import own

__all__ = ["list_parts"]


def list_parts() -> str:
    """One line a part: what it is, its name, the file or module of a part of the user's.

    Raises:
        ConfigError: a file of the user's holds no part.
    """
    rows = list(_rows())
    for one in own():
        if not any(_of(module) == Path(one.said).name for _, _, module in rows):
            raise ConfigError(
                f"{one.file}: holds no part: expected a class of phvae.model.part or phvae.data.recipe, METRICS with "
                "rows(inputs), or levels(x, order)"
            )
    lines = [("PART", "NAME", "FROM"), *((what, name, _of(module)) for what, name, module in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(2)]
    return "\n".join(f"{what:<{widths[0]}}  {name:<{widths[1]}}  {file}".rstrip() for what, name, file in lines)


def _rows() -> Iterator[tuple[str, str, str]]:
    """What it is, its name, its module."""
    yield from (("data", name, kind.__module__) for name, kind in KINDS.items())
    yield from (("basis", name, module_of("basis", name)) for name in BASIS_NAMES)
    for option, registry in REGISTRIES.items():
        yield from ((option, name, module_of(option, name)) for name in registry)
    for scorer in (*SCORERS, *SEED_SCORERS):
        yield from (("metric", metric.name, scorer.module) for metric in scorer.metrics)


def _of(module: str) -> str:
    """The name of the user's file or package; empty of a module of this package."""
    first = module.split(".")[0]
    return next((Path(one.said).name for one in own() if one.module.__name__.split(".")[0] == first), "")
