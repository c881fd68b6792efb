"""Checks of what a caller passes to a model: shapes, types, ranges."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from phvae.errors import ConfigError, DataError

__all__ = ["check_shape", "check_unit_interval", "data_batch", "latent_batch", "readable"]


def check_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of one example: (C, H, W) of an image, or (D,) of a density.

    >>> check_shape([1, 28, 28])
    (1, 28, 28)

    Raises:
        ConfigError: another number of axes, a size that is no positive integer, or channels that come last.
    """
    if not isinstance(shape, Iterable):
        raise ConfigError(
            f"shape is {shape!r:.60}, expected (channels, height, width) of images, or (columns,) of a table"
        )
    found = tuple(int(size) if isinstance(size, numbers.Integral) else 0 for size in shape)
    if len(found) not in (1, 3) or min(found) < 1:
        raise ConfigError(f"shape is {tuple(shape)}, expected (channels, height, width) or (dimensions,), all positive")
    if len(found) == 3 and found[2] in (1, 3, 4) and min(found[:2]) > 4:
        height, width, channels = found
        raise ConfigError(
            f"shape is {found}, expected channels first, ({channels}, {height}, {width}): move the channels of the "
            "images, too, by np.moveaxis(x, -1, 1)"
        )
    return found


def readable(value: Any, what: str) -> np.ndarray | Tensor:
    """A caller's array as torch can read it: a tensor as it is, all else contiguous and in this machine's byte order.

    A data frame's columns are read as float64.

    Raises:
        DataError: it is no array, sparse, or has masked elements; a loader; a data frame with columns of other things.
    """
    if isinstance(value, Tensor):
        if value.layout != torch.strided:
            raise DataError(f"{what} has the layout {value.layout}, expected a dense tensor: pass {what}.to_dense()")
        return value
    if isinstance(value, DataLoader | Dataset):
        way = "torch.cat([part[0]" if isinstance(value, DataLoader) else "torch.stack([part[0]"
        raise DataError(
            f"{what} is a {type(value).__name__}, expected all examples as one array or tensor: pass "
            f"{way} for part in {what}])"
        )
    if hasattr(value, "iloc") and hasattr(value, "columns"):  # of pandas, which is not loaded for it
        value = _frame(value, what)
    if np.ma.is_masked(value):
        raise DataError(
            f"{what} has {np.ma.count_masked(value)} masked elements, expected none: fill them ({what}.filled), "
            "or leave these examples out"
        )
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{what} is not an array of numbers: {error}") from None
    if array.dtype.kind not in "biuf" or not array.ndim:
        raise DataError(
            f"{what} is not an array of numbers: found {value!r:.60} ({type(value).__name__} of {array.dtype})"
        )
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))


def _frame(frame: Any, what: str) -> np.ndarray:
    """A data frame's numbers, float64; missing ones are NaN."""
    columns = zip(frame.columns, frame.dtypes, strict=True)
    if other := [f"{name!r} ({dtype})" for name, dtype in columns if dtype.kind not in "biuf"]:
        raise DataError(
            f"{what} has columns that are no numbers: {', '.join(other[:8])}; expected numbers alone: leave these out "
            f"({what}.select_dtypes('number')), or code them (pandas.get_dummies)"
        )
    numbers: np.ndarray = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers


def _tensor(value: Any, what: str) -> Tensor:
    found = readable(value, what)
    if isinstance(found, np.ndarray) and not found.flags.writeable:  # a memory map: torch would warn
        found = found.copy()
    try:
        return torch.as_tensor(found)
    except TypeError as error:
        raise DataError(f"{what} is not an array of numbers: {error}") from None


def _check_finite(tensor: Tensor, what: str) -> None:
    if not bool(torch.isfinite(tensor).all()):
        count = int((~torch.isfinite(tensor)).sum())
        raise DataError(
            f"{what} holds {count} NaN or infinite values, expected finite numbers: fill them, or leave those examples "
            "out"
        )


def check_unit_interval(low: float, high: float, shape: tuple[int, ...], what: str) -> None:
    """Refuse examples of a shape whose lowest and highest values leave [0, 1].

    Raises:
        DataError: they do.
    """
    if not (low >= 0 and high <= 1):
        asked = "images in [0, 1]: scale them, or pass uint8"
        if len(shape) == 1:
            asked = "numbers in [0, 1], where this likelihood is defined: use likelihood gaussian, or scale them"
        raise DataError(f"{what} has values from {low:.6g} to {high:.6g}, expected {asked}")


def data_batch(x: Any, shape: tuple[int, ...], unit_interval: bool, like: Tensor, what: str = "x") -> Tensor:
    """A batch of examples, (B, *shape), in the type and on the device of `like`.

    Args:
        x: tensor or array; uint8 is divided by 255.
        shape: the shape of one example.
        unit_interval: whether values outside [0, 1] are an error (images, and likelihoods other than gaussian).
        like: any parameter of the model.
        what: the argument's name, for messages.

    Raises:
        DataError: wrong type, shape, NaN, infinite, or a value outside [0, 1].
    """
    tensor = _tensor(x, what)
    if not tensor.is_floating_point() and tensor.dtype not in (torch.uint8, torch.bool):
        raise DataError(f"{what} has type {tensor.dtype}, expected floating point, uint8 (read as x/255) or bool")
    if tensor.shape[1:] != shape or tensor.ndim != len(shape) + 1 or not len(tensor):
        expected = ", ".join(map(str, ("batch", *shape)))
        raise DataError(
            f"{what} has shape {tuple(tensor.shape)}, expected ({expected}){_hint(tuple(tensor.shape), shape, what)}"
        )
    batch = tensor.to(like.device, like.dtype)
    if tensor.dtype == torch.uint8:
        batch = batch / 255
    _check_finite(batch, what)
    if unit_interval:
        check_unit_interval(batch.min().item(), batch.max().item(), shape, what)
    return batch


def _hint(found: tuple[int, ...], shape: tuple[int, ...], what: str) -> str:
    """How an array of shape `found` becomes a batch of examples of another shape, if that is plain."""
    if found == shape:
        return f"; add a batch axis: {what}[None]"
    if found[1:] == (*shape[1:], shape[0]):
        return f"; channels come first: np.moveaxis({what}, -1, 1)"
    if shape[0] == 1 and found[1:] == shape[1:]:
        return f"; add an axis: {what}[:, None]"
    return ""


def latent_batch(z: Any, levels: int, level_size: int, like: Tensor, what: str = "z") -> Tensor:
    """A batch of codes, (B, n, d), in the type and on the device of `like`.

    Raises:
        DataError: wrong type, shape, NaN, infinite, or too large for that type.
    """
    tensor = _tensor(z, what)
    if not tensor.is_floating_point():
        raise DataError(f"{what} has type {tensor.dtype}, expected floating point")
    if tensor.ndim != 3 or tuple(tensor.shape[1:]) != (levels, level_size) or not len(tensor):
        raise DataError(f"{what} has shape {tuple(tensor.shape)}, expected (batch, {levels}, {level_size})")
    batch = tensor.to(like.device, like.dtype)
    _check_finite(batch, what)
    return batch
