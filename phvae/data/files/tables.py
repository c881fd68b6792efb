"""Images with a table of factors: the table checked, the images streamed into the splits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from phvae.data.builder import Builder
from phvae.data.files.arrays import Rows
from phvae.errors import DataError

__all__ = ["channels", "check_grid", "classes_of", "write_table"]


def classes_of(values: np.ndarray, what: object) -> tuple[np.ndarray, list[int]]:
    """Turn a table of factor values (N, F) into classes 0, 1, ... in the order of the values, and their numbers.

    >>> classes_of(np.array([[0.5, 7], [1.0, 7], [0.5, 9]]), "table")[0].tolist()
    [[0, 0], [1, 0], [0, 1]]
    """
    if values.ndim != 2:
        raise DataError(f"{what}: the factor table has shape {values.shape}, expected (images, factors)")
    if values.dtype.kind == "f" and not np.all(np.isfinite(values)):
        raise DataError(f"{what}: the factor table holds NaN or infinite values")
    columns = [np.unique(values[:, i], return_inverse=True) for i in range(values.shape[1])]
    return np.stack([inverse for _, inverse in columns], axis=1).astype(np.int64), [len(known) for known, _ in columns]


def check_grid(classes: np.ndarray, sizes: list[int], what: object) -> None:
    """Check that the rows are the full grid of `sizes`, every combination once.

    Raises:
        DataError: if a class lies outside its size, or a combination is absent or given twice.
    """
    if classes.shape[1] != len(sizes):
        raise DataError(f"{what}: {classes.shape[1]} factors, but {len(sizes)} sizes are stated")
    for i, size in enumerate(sizes):
        if classes[:, i].min() < 0 or classes[:, i].max() >= size:
            raise DataError(f"{what}: factor {i} has more values than the {size} stated")
    total = math.prod(sizes)
    if total != len(classes):
        raise DataError(
            f"{what}: {len(classes)} rows do not form the grid {' x '.join(map(str, sizes))} = {total}; "
            "for a table that is no full grid set `grid: false`"
        )
    seen = np.bincount(np.ravel_multi_index(tuple(classes.T), tuple(sizes)), minlength=total)
    if twice := int((seen > 1).sum()):
        raise DataError(f"{what}: the rows do not form a grid: {twice} combinations of factors occur more than once")


def write_table(
    builder: Builder,
    images: Rows,
    table: np.ndarray,
    sizes: dict[str, int],
    splits: dict[str, np.ndarray],
    layout: Literal["auto", "hwc", "chw"] = "auto",
    values: Literal["auto", "bytes", "binary", "unit"] = "auto",
) -> None:
    """Write the splits of images (N, ...) and of their factor classes (N, F); `sizes` are the values per factor.

    Images are streamed into uint8 (N, C, H, W), never more than one block in memory.

    Raises:
        DataError: if the images are not as many as the table's rows, or not of the shape and values asked for; if
            `bytes` were asked for and none is above 1.
    """
    if images.shape[0] != len(table):
        raise DataError(f"{images.what}: {images.shape[0]} images, but {len(table)} rows of factors")
    shape, move = channels(images, layout)
    kind = _values(images) if values == "auto" else values
    out = {split: builder.create(split, (len(rows), *shape)) for split, rows in splits.items()}
    start, highest = 0, 0.0
    for block in images.blocks():
        highest = max(highest, float(block.max()))
        pixels = move(_as_bytes(block, kind, images.what))
        for split, rows in splits.items():
            places = np.flatnonzero((rows >= start) & (rows < start + len(block)))
            for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1):  # one write a run of neighbours
                if len(run):
                    out[split].write(int(run[0]), pixels[rows[run] - start])
        start += len(block)
    if kind == "bytes" and highest <= 1:
        raise DataError(
            f"{images.what}: no value is above {highest:g}, nearly black where 255 is white (`values: bytes`); "
            "set `values: unit` for numbers in 0..1, `values: binary` for 0 and 1"
        )
    for split, rows in splits.items():
        builder.annotate(split, factors=table[rows])
    builder.facts["factor_names"] = list(sizes)
    builder.facts["factor_sizes"] = list(sizes.values())


def channels(images: Rows, layout: str) -> tuple[tuple[int, ...], Callable[[np.ndarray], np.ndarray]]:
    """The shape (C, H, W) of one image, and what brings a block of rows (n, ...) to (n, C, H, W).

    Raises:
        DataError: if the array is no set of images.
    """
    rest = images.shape[1:]
    if len(rest) == 2:
        return (1, *rest), lambda block: block[:, None]
    if len(rest) == 3 and layout in ("auto", "hwc") and rest[2] in (1, 3):
        return (rest[2], rest[0], rest[1]), lambda block: block.transpose(0, 3, 1, 2)
    if len(rest) == 3 and layout in ("auto", "chw") and rest[0] in (1, 3):
        return rest, lambda block: block
    raise DataError(
        f"{images.what}: shape {images.shape} is no set of images; expected (N, H, W), (N, H, W, C) or (N, C, H, W) "
        "with C 1 or 3"
    )


def _values(images: Rows) -> Literal["bytes", "binary", "unit"]:
    if images.dtype.kind == "b":
        return "binary"
    if images.dtype.kind == "f":
        return "unit"
    return "binary" if max(int(block.max()) for block in images.blocks()) <= 1 else "bytes"


def _as_bytes(block: np.ndarray, kind: str, what: str) -> np.ndarray:
    low, high = block.min(), block.max()
    top = 255 if kind == "bytes" else 1
    if not (low >= 0 and high <= top):  # a NaN fails as well
        raise DataError(f"{what}: values {low}..{high}, expected 0..{top} (`values: {kind}`)")
    if kind == "bytes":
        return (np.rint(block) if block.dtype.kind == "f" else block).astype(np.uint8)
    if block.dtype.kind != "f":  # whole numbers up to 1
        return block.astype(np.uint8) * np.uint8(255)
    if kind == "binary" and not np.all((block == 0) | (block == 1)):
        raise DataError(f"{what}: values other than 0 and 1 (`values: binary`)")
    return np.round(block.astype(np.float32) * 255).astype(np.uint8)
