"""The affine map that brings columns of real numbers to where their powers are tame."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from phvae.data.card import SPLITS
from phvae.errors import DataError
from phvae.words import listed

__all__ = ["column_scaling", "standardise_splits"]

LOW, HIGH = 0.1, 0.9
SHARES = (0.005, 0.995)
THIN = 0.1  # of the range: what lies there is then less than .08 wide, and the default noise is .1
ENOUGH = 1 << 23  # numbers that tell the quantiles
BLOCK = 1 << 20  # numbers that are moved at once


def column_scaling(x: np.ndarray, names: Sequence[object] = (), what: str = "x") -> tuple[np.ndarray, np.ndarray]:
    """(offset, scale), (D,) each, of x_model = offset + scale * x: every column's ends become 0.1 and 0.9.

    In [0, 1] no power is above 1 and every basis stays there; the margin is for rows not seen. A quantile map, which
    densities have, lets outliers leave it: their powers end trainings. Warns of columns that outliers make thin.

    Args:
        x: (N, D) finite numbers, in any units.
        names: of the columns, for messages; their positions without.
        what: the table's name, for messages.

    Raises:
        DataError: a column is constant, or its numbers lie too close together or too far apart for a scale.

    >>> offset, scale = column_scaling(np.array([[150.0], [190.0]]))
    >>> (offset + scale * np.array([150.0, 170.0, 190.0])).round(9).tolist()
    [0.1, 0.5, 0.9]
    """
    names = list(names) or list(range(x.shape[1]))
    least, most = x.min(0), x.max(0)
    with np.errstate(all="ignore"):
        scale = (HIGH - LOW) / (most - least)
        offset = LOW - scale * least
        good = np.isfinite(offset) & np.isfinite(scale) & (scale > 0)
    if not good.all():
        raise DataError(
            f"{what}: columns without a scale (constant, or beyond floating point): {_some(names, ~good)}; expected "
            "columns that vary: leave these out"
        )
    low, high = np.quantile(x[:: max(1, x.size // ENOUGH)], SHARES, axis=0)
    if (thin := (low < high) & (scale * (high - low) < THIN * (HIGH - LOW))).any():
        warnings.warn(
            f"{what}: 99 % of the values share less than a tenth of the range, the rest are outliers, in columns "
            f"{_some(names, thin)}: they are learned coarsely; transform (np.log, np.arcsinh) or clip these columns",
            UserWarning,
            stacklevel=5,  # the caller of fit
        )
    return offset, scale


def standardise_splits(folder: Path, columns: Sequence[str], where: str) -> dict[str, Any]:
    """Map the splits of a table in place, {split}.npy (N, D) float64, by the ends of the training rows.

    Returns:
        For the card: `scaling`, and `spread`, the standard deviation of the training rows in original units.

    Raises:
        DataError: as `column_scaling`; `where` names the source.
    """
    arrays = {split: np.lib.format.open_memmap(folder / f"{split}.npy", mode="r+") for split in SPLITS}
    train = arrays["train"]
    offset, scale = column_scaling(train, columns, where)
    for array in arrays.values():
        for block in _blocks(array):
            block *= scale
            block += offset
        array.flush()
    mean = train.mean(0)
    squares = sum(np.square(block - mean).sum(0) for block in _blocks(train))
    spread = np.sqrt(squares / len(train)) / scale
    return {"scaling": {"offset": offset.tolist(), "scale": scale.tolist()}, "spread": spread.tolist()}


def _blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Views of some rows each, so that what is made of them is small."""
    step = max(1, BLOCK // array.shape[1])
    return (array[start : start + step] for start in range(0, len(array), step))


def _some(names: list[object], chosen: np.ndarray) -> str:
    """Names of the chosen columns."""
    return listed(str(name) for name, this in zip(names, chosen, strict=True) if this)
