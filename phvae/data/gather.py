"""The rows of a table that are used, brought from its file to one array on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from phvae.data.card import SPLITS
from phvae.data.files.csv_rows import Piece
from phvae.data.files.tabular import Tabular
from phvae.errors import DataError

__all__ = ["Gathered", "gather"]


@dataclass(frozen=True)
class Gathered:
    """Rows of finite numbers.

    Attributes:
        numbers: (N, D) float64, memory-mapped.
        splits: (N,) places in `SPLITS`, or None where no column tells.
        dropped: how many rows were left out, for a missing value.
    """

    numbers: np.ndarray
    splits: np.ndarray | None
    dropped: int


def gather(
    file: Tabular, columns: Sequence[str], split: str | None, missing: Literal["refuse", "drop"], place: Path
) -> Gathered:
    """Read a file's rows into `place`, never more than a piece in memory.

    Raises:
        DataError: a missing value that is refused, an infinite one, a word that is no split, or no row at all; names
            file, line and column.
    """
    splits: list[np.ndarray] = []
    count = dropped = 0
    with place.open("wb") as out:
        for piece in file.pieces(columns, split):
            lacking = np.isnan(piece.numbers).any(axis=1)
            if missing == "refuse" and lacking.any():
                raise _refusal(file, piece, columns, np.isnan(piece.numbers), "a missing value", "drop")
            if np.isinf(piece.numbers).any():
                raise _refusal(file, piece, columns, np.isinf(piece.numbers), "an infinite value", None)
            kept = piece.numbers[~lacking]
            out.write(kept.tobytes())
            count, dropped = count + len(kept), dropped + int(lacking.sum())
            if split:
                splits.append(_splits(file, piece, split)[~lacking])
    if not count:
        raise DataError(
            f"{file.path}: no rows{' without a missing value' if dropped else ''}, expected numbers below "
            "the names of the columns"
        )
    numbers = np.memmap(place, np.float64, mode="r", shape=(count, len(columns)))
    return Gathered(numbers, np.concatenate(splits) if split else None, dropped)


def _splits(file: Tabular, piece: Piece, split: str) -> np.ndarray:
    for i, word in enumerate(piece.words):
        if word not in SPLITS:
            raise DataError(
                f"{file.path}: {piece.where(i)}, column {split!r}: found {word!r:.60}, expected {', '.join(SPLITS)}"
            )
    return np.array([SPLITS.index(word) for word in piece.words], dtype=np.int8)


def _refusal(
    file: Tabular, piece: Piece, columns: Sequence[str], bad: np.ndarray, what: str, option: str | None
) -> DataError:
    i, j = (int(k) for k in np.argwhere(bad)[0])
    way = f"; `missing: {option}` leaves such rows out" if option else ""
    return DataError(
        f"{file.path}: {piece.where(i)}, column {columns[j]!r}: found {what}, expected a finite number{way}"
    )
