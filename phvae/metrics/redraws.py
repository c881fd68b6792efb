"""A metric over several sets of samples: mean, standard deviation over the sets, noise floor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from phvae.files import read_json
from phvae.metrics.rows import Row, Undefined, attempt

__all__ = ["FLOORS", "Floor", "finite", "floor_of", "read_floors", "redrawn"]

FLOORS = "floors.json"


@dataclass(frozen=True)
class Floor:
    """What a distance gives between two sets of true examples of the same size: the mean and sd over `draws`."""

    value: float
    sd: float
    n: int
    draws: int

    @classmethod
    def of(cls, values: Iterable[float], n: int) -> Floor:
        """The floor from the values of single draws."""
        array = np.asarray(list(values), dtype=np.float64)
        sd = float(array.std(ddof=1)) if len(array) > 1 else 0.0
        return cls(float(array.mean()), sd, int(n), len(array))


@lru_cache(maxsize=8)
def _floors(path: Path, stamp: int) -> dict[str, Any]:
    found: dict[str, Any] = read_json(path)
    return found


def read_floors(folder: Path) -> Mapping[str, Any]:
    """The noise floors of a reference folder, by family and number of examples; empty if it holds none."""
    path = Path(folder) / FLOORS
    return _floors(path, path.stat().st_mtime_ns) if path.is_file() else {}


def floor_of(folder: Path, family: str, n: int) -> float | None:
    """The noise floor of a family of metrics at n examples; None if the reference has none at exactly this n."""
    found = read_floors(folder).get(f"{family}@{n}")
    return None if found is None else float(found["value"])


def finite(what: str, values: np.ndarray, least: int = 1) -> np.ndarray:
    """The array itself, if it holds at least `least` examples and only finite numbers.

    Raises:
        Undefined: too few examples, NaN or infinities; the message says how many.
    """
    if len(values) < least:
        raise Undefined(f"{what} has {len(values)} examples, at least {least} are needed")
    if values.dtype.kind == "f":
        bad = int(np.size(values) - np.isfinite(values).sum())
        if bad:
            raise Undefined(f"{what} holds {bad} of {np.size(values)} numbers that are not finite")
    return values


def redrawn(
    metric: str,
    measure: Callable[[np.ndarray], float],
    sets: Sequence[np.ndarray],
    *,
    n: int,
    settings: str = "",
    floor: float | None = None,
    ceiling: float | None = None,
) -> Row:
    """One row: the mean of `measure` over sets of samples, with the standard deviation over them (two or more sets)."""
    values: list[float] = []

    def compute() -> dict[str, float]:
        values.extend(float(measure(one)) for one in sets)
        return {metric: float(np.mean(values))}

    (found,) = attempt([metric], compute, n=n, settings=settings, floor=floor, ceiling=ceiling)
    if found.status != "ok" or len(values) < 2:
        return found
    return replace(found, noise_sd=float(np.std(values, ddof=1)))
