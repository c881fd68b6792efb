"""A table before its training: brought to the model's units, and refused where polynomial levels cannot take it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from phvae.api.units import Scaling, to_model
from phvae.data.standardise import column_scaling
from phvae.errors import ConfigError, DataError
from phvae.model.hierarchy import expand

if TYPE_CHECKING:
    from phvae.api.phvae import PHVAE

__all__ = ["in_model_units", "is_table"]

LARGEST = 100.0  # of any level: trainings begin to fail above it (z-scores at order 4)


def is_table(model: PHVAE) -> bool:
    """Whether a model is of real numbers without bounds, not of what lies in [0, 1]."""
    return len(model.shape) == 1 and not model.unit_interval


def in_model_units(
    model: PHVAE, parts: dict[str, np.ndarray], names: Sequence[object], standardise: bool
) -> tuple[list[np.ndarray], Scaling | None]:
    """Rows (N, D) of a table as the model sees them, and the map that leads there: the model's, or one of all rows.

    Args:
        parts: rows by the name of their argument.
        names: of the columns, if they have any.
        standardise: False takes the rows as they are.

    Raises:
        DataError: a column without a scale, or a value whose powers are too large.
        ConfigError: the model has a map, and is not to use it.
    """
    if standardise:
        way = "the model keeps the map of its first fit: make a new model for other data"
        scaling = model.scaling or _new(np.concatenate(list(parts.values())), names)
        rows = [to_model(torch.from_numpy(part), scaling).numpy() for part in parts.values()]
    elif model.scaling:
        raise ConfigError(
            "fit: standardise is False, but the model has a map of its columns (scaling): pass x in its original units "
            "and standardise=True, or set model.scaling = None"
        )
    else:
        way = "pass standardise=True"
        scaling, rows = None, list(parts.values())
    for what, part in zip(parts, rows, strict=True):
        _refuse_large(model, part, what, names, way)
    return rows, scaling


def _new(x: np.ndarray, names: Sequence[object]) -> Scaling:
    try:
        offset, scale = column_scaling(x, names)
    except DataError as error:
        raise DataError(f"{error}, or pass standardise=False") from None
    return offset.tolist(), scale.tolist()


def _refuse_large(model: PHVAE, x: np.ndarray, what: str, names: Sequence[object], way: str) -> None:
    """Refuse a value whose level phi_k is above 100 in size; bytes stand for [0, 1]."""
    if x.dtype == np.uint8:
        return
    ends = torch.from_numpy(np.stack([x.min(0), x.max(0)])).double()  # between them levels leave no larger ones
    sizes = torch.stack(expand(ends, model.order, model.config.basis)).abs()
    if sizes.max() > LARGEST:
        level, end, column = (int(i) for i in np.unravel_index(int(sizes.argmax()), sizes.shape))
        found = f"column {names[column] if names else column} reaches {ends[end, column]:.4g} in the model's units"
        raise DataError(
            f"{what}: {found}, where its level {level + 1} ({model.config.basis}) is {sizes.max():.3g}, expected "
            f"{LARGEST:g} at most: {way}"
        )
