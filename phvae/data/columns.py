"""Examples of a few numbers: the names of a table's columns, and the way back to the units of its owner."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from phvae.data.prepared import Prepared

__all__ = ["columns_of", "keys_of", "spread_of", "to_user"]


def columns_of(data: Prepared) -> tuple[str, ...]:
    """The columns of a table; empty for densities and images."""
    return tuple(data.card.get("columns", ()))


def spread_of(data: Prepared) -> np.ndarray:
    """The standard deviation of each column of a table among its training rows, in original units, (D,)."""
    return np.array(data.card["spread"])


def keys_of(columns: tuple[str, ...]) -> list[str]:
    """What columns are called in the names of metrics: in letters, digits and _ . + -, each another.

    >>> keys_of(("age", "size (cm)", "size_cm_", "Größe"))
    ['age', 'size_cm', 'size_cm-3', 'Gr_e']
    """
    found: list[str] = []
    for number, name in enumerate(columns, start=1):
        key = re.sub(r"[^A-Za-z0-9_.+-]+", "_", name).strip("_") or "column"
        found.append(f"{key}-{number}" if key in found else key)
    return found


def to_user(x: Any, data: Prepared) -> np.ndarray:
    """Examples (..., D) of the prepared splits or of a model, in original units: float64.

    The one inverse of `scaling`, x_model = offset + scale * x_original. Raises ValueError of images, which have none.
    """
    if data.scaling is None:
        raise ValueError(f"{data.kind} has no scaling: its examples are images")
    offset, scale = data.scaling
    return (np.asarray(x, dtype=np.float64) - offset) / scale
