"""Factors that go together in training, and not in the test split (Träuble et al., 2021)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import AfterValidator, Field

from phvae.config.strict import LARGEST
from phvae.determinism.seeding import numpy_generator
from phvae.errors import nearest
from phvae.words import listed

__all__ = ["Pair", "Pairs", "check_pairs", "kept", "told"]


class Pair(NamedTuple):
    """Two factors and how loosely they go together: sigma, as a share of their range; .2 is strong, 1 hardly seen."""

    first: str
    second: str
    sigma: Annotated[float, Field(gt=0, le=LARGEST)]


def _each_once(pairs: list[Pair]) -> list[Pair]:
    names = [name for pair in pairs for name in pair[:2]]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"each factor in one pair: {listed(twice)} is given twice")
    return pairs


Pairs = Annotated[
    list[Pair],
    AfterValidator(_each_once),
    Field(
        description="pairs of factors that go together in training and validation, [factor, factor, sigma] each: "
        "p ∝ exp(-(a - b)² / 2 sigma²), factors scaled to 0..1"
    ),
]


def check_pairs(pairs: list[Pair], sizes: Mapping[str, int]) -> None:
    """Check the factors of all pairs against those of the data, name: number of values.

    Raises:
        ValueError: a factor is unknown, or has one value only.
    """
    for name in (name for pair in pairs for name in pair[:2]):
        if name not in sizes:
            raise ValueError(f"correlated: {name!r} is no factor{nearest(name, sizes)}; factors: {', '.join(sizes)}")
        if sizes[name] < 2:
            raise ValueError(f"correlated: {name} has one value, expected a factor that varies")


def kept(classes: np.ndarray, sizes: Mapping[str, int], pairs: list[Pair], *component: str) -> np.ndarray:
    """Which rows (N,) of a uniform draw of factors to keep, so that those kept have the joint distribution asked for.

    A row is kept with probability exp(-(a - b)² / 2 sigma²) for each pair, where a and b are the classes scaled to 0..1
    (Träuble et al., 2021, On disentangled representations learned from correlated data, ICML, eq. 1, in these units).
    Pairs are independent of each other and of all other factors.

    Args:
        classes: (N, F) factor classes, uniform over their grid.
        sizes: name and number of values of the F factors.
        pairs: pairs that `check_pairs` accepts.
        component: names the fixed seed.

    >>> grid = np.stack(np.unravel_index(np.arange(40_000) % 4, (2, 2)), axis=1)
    >>> chosen = grid[kept(grid, {"a": 2, "b": 2}, [Pair("a", "b", 0.5)])]
    >>> round(float((chosen[:, 0] != chosen[:, 1]).mean()), 2)  # exp(-2) / (1 + exp(-2)) is .119
    0.12
    """
    names = list(sizes)
    log_share = np.zeros(len(classes))
    for first, second, sigma in pairs:
        a, b = (classes[:, names.index(name)] / (sizes[name] - 1) for name in (first, second))
        log_share -= ((a - b) / sigma) ** 2 / 2
    chance: np.ndarray = numpy_generator(0, "correlated", *component).random(len(classes))
    return chance < np.exp(log_share)


def told(pairs: Iterable[Pair]) -> str:
    """The end of a card's sentence on its splits; empty without pairs.

    >>> told([Pair("x", "y", 0.2)])
    '; train and validation correlated: x with y (sigma 0.2)'
    """
    said = listed(f"{pair.first} with {pair.second} (sigma {pair.sigma:g})" for pair in pairs)
    return f"; train and validation correlated: {said}" if said else ""
