"""What is known of a data set before it is read: from its kind and options, or from a look at its files (no torch)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from phvae.data.recipe import SPLITS, Sources
from phvae.data.registry import kind_class, parse

__all__ = ["Facts", "facts", "glance"]

_ASSUMED_SHAPE, _ASSUMED_COLUMNS, _ASSUMED_COUNTS = (3, 64, 64), (10,), (50_000, 5_000, 10_000)


@dataclass(frozen=True)
class Facts:
    """Shape of one example, examples of train / validation / test, classes of the factors.

    Attributes:
        unit_interval: whether values lie in [0, 1], as images do.
        assumed: they are a guess: the user's own data count as 50,000 pictures, of 64 pixels where no `size` is given,
            or rows, of 10 columns where no `columns` are.
    """

    shape: tuple[int, ...]
    counts: tuple[int, int, int]
    classes: tuple[int, ...]
    unit_interval: bool
    assumed: bool

    @property
    def is_density(self) -> bool:
        """Whether an example is a few numbers (of a density, of a table), not an image."""
        return len(self.shape) == 1

    @property
    def size(self) -> int:
        """Numbers per example."""
        return math.prod(self.shape)


def facts(data: dict[str, Any]) -> Facts:
    """The facts of validated options (`phvae.data.validate`).

    >>> facts({"kind": "mnist", "n_validation": 1000}).counts
    (59000, 1000, 10000)
    """
    kind = kind_class(str(data["kind"]))
    shape = kind.about.shape or (_ASSUMED_SHAPE if kind.unit_interval else _ASSUMED_COLUMNS)
    known = kind.about.counts or _ASSUMED_COUNTS
    if data.get("columns"):
        shape = (len(data["columns"]),)
    if data.get("resolution"):
        shape = (shape[0], int(data["resolution"]), int(data["resolution"]))
    if data.get("size"):
        height, width = data["size"] if isinstance(data["size"], list | tuple) else (data["size"], data["size"])
        shape = (1 if data.get("colour") == "grey" else 3, height, width)
    given = [data.get(f"n_{split}") for split in SPLITS]
    train, validation, test = (int(n or usual) for n, usual in zip(given, known, strict=True))
    if given[0] is None and kind.about.counts:  # what the other splits leave of the published examples
        train = sum(known) - validation - test
    classes = tuple(kind.factor_sizes.values())
    return Facts(shape, (train, validation, test), classes, kind.unit_interval, kind.about.counts is None)


def glance(data: dict[str, Any], sources: Sources) -> Facts:
    """The facts of the user's own data, from a look at their files: names, headers, at most one picture.

    Raises:
        DataError: they are not here, or would have to be read whole to be counted.
    """
    options = parse(str(data["kind"]), data)
    shape, counts = options.glance(sources)
    return Facts(shape, counts, (), options.unit_interval, False)
