"""What is known of a data set from its kind and options alone, before any byte of it is read (loads no torch)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

__all__ = ["Facts", "facts"]


@dataclass(frozen=True)
class Facts:
    """Shape of one example, examples of train / validation / test, classes of the factors.

    Attributes:
        unit_interval: whether values lie in [0, 1], as images do.
        assumed: shape and counts are a guess: the user's own pictures count as 50,000 of 64 pixels.
    """

    shape: tuple[int, ...]
    counts: tuple[int, int, int]
    classes: tuple[int, ...]
    unit_interval: bool
    assumed: bool

    @property
    def is_density(self) -> bool:
        """Whether an example is a few numbers, not an image."""
        return len(self.shape) == 1

    @property
    def size(self) -> int:
        """Numbers an example."""
        return math.prod(self.shape)


def facts(data: dict[str, Any]) -> Facts:
    """The facts of validated options (`phvae.data.validate`).

    >>> facts({"kind": "mnist", "n_validation": 1000}).counts
    (59000, 1000, 10000)
    """
    from phvae.data.registry import kind_class

    kind = kind_class(str(data["kind"]))
    shape = [int(n) for n in re.findall(r"\d+", kind.about.shape.split("(")[0])]
    counts = [int(n.replace(",", "")) for n in re.findall(r"[\d,]*\d", kind.about.counts)]
    assumed = not shape or len(counts) != 3
    if assumed:
        shape, counts = [3, 64, 64], [50_000, 5_000, 10_000]
    if data.get("resolution"):
        shape = [shape[0], int(data["resolution"]), int(data["resolution"])]
    if "n_train" not in data and data.get("n_validation"):  # taken from a published training part
        counts[0] += counts[1] - int(data["n_validation"])
    for index, key in enumerate(("n_train", "n_validation", "n_test")):
        counts[index] = int(data.get(key) or counts[index])
    classes = tuple(getattr(kind, "factors", {}).values())
    return Facts(tuple(shape), (counts[0], counts[1], counts[2]), classes, kind.unit_interval, assumed)
