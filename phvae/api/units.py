"""Between the units of a user's table and those of the model: the affine map that stays with the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from phvae.model.inputs import data_batch, readable

__all__ = ["Scaling", "log_volume", "rows", "to_model", "to_user"]

Scaling = tuple[list[float], list[float]]  # offset and scale of x_model = offset + scale * x, a number a column


def rows(x: Any, shape: tuple[int, ...], what: str = "x") -> Tensor:
    """A table's rows as they are, (B, D) float64; whole numbers and bytes count as what they say.

    Raises:
        DataError: no array of finite numbers, or another number of columns.
    """
    found = readable(x, what)
    wide = found.double() if isinstance(found, Tensor) else torch.from_numpy(found.astype(np.float64))
    return data_batch(wide, shape, False, torch.zeros((), dtype=torch.float64, device=wide.device), what)


def to_model(x: Tensor, scaling: Scaling) -> Tensor:
    """offset + scale * x, (B, D) float64."""
    offset, scale = (x.new_tensor(part) for part in scaling)
    return offset + scale * x


def to_user(x: Tensor, scaling: Scaling) -> Tensor:
    """The inverse of `to_model`, (B, D) float64."""
    offset, scale = (torch.tensor(part, dtype=torch.float64, device=x.device) for part in scaling)
    return (x.double() - offset) / scale


def log_volume(scaling: Scaling) -> float:
    """log |dx_model / dx|: what log p(x) gains in the user's units, nats."""
    return float(np.log(np.abs(scaling[1])).sum())
