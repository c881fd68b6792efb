"""Writing a set: the arrays of one folder, whole or row by row, on disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from phvae.errors import DataError

__all__ = ["Builder", "Target"]


class Target:
    """An .npy file written and read row by row, at any place; unlike a memory map it takes no memory of its own."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: Any = np.uint8) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._row = int(np.prod(shape[1:])) * self.dtype.itemsize
        self._stream = path.open("w+b")
        header = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._stream, header)
        self._start = self._stream.tell()
        self._stream.truncate(self._start + shape[0] * self._row)

    def write(self, first: int, rows: np.ndarray) -> None:
        """Write rows (n, *shape[1:]) from row `first` on."""
        if rows.shape[1:] != self.shape[1:] or first + len(rows) > self.shape[0]:
            raise ValueError(f"rows {first} to {first + len(rows)} of {rows.shape[1:]} do not fit into {self.shape}")
        self._stream.seek(self._start + first * self._row)
        self._stream.write(np.ascontiguousarray(rows, dtype=self.dtype).data)

    def read(self, row: int) -> np.ndarray:
        """Read one row."""
        self._stream.seek(self._start + row * self._row)
        return np.frombuffer(self._stream.read(self._row), self.dtype).reshape(self.shape[1:])

    def close(self) -> None:
        """Write out what is buffered."""
        self._stream.close()


@dataclass
class Builder:
    """Writes the arrays of a set into one folder, `{split}.npy`, `{split}_labels.npy`, `{split}_factors.npy`."""

    folder: Path
    progress: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    _open: list[Target] = field(default_factory=list)

    def create(self, split: str, shape: tuple[int, ...], dtype: Any = np.uint8) -> Target:
        """An array on disk, to be filled piece by piece."""
        if min(shape) < 1:
            raise DataError(f"the {split} split would have shape {shape}: every split needs at least one example")
        return self.scratch(f"{split}.npy", shape, dtype)

    def scratch(self, name: str, shape: tuple[int, ...], dtype: Any = np.uint8) -> Target:
        """An array on disk that is no split."""
        self._open.append(Target(self.folder / name, shape, dtype))
        return self._open[-1]

    def close(self) -> None:
        """Close every array on disk."""
        while self._open:
            self._open.pop().close()

    def put(
        self, split: str, x: np.ndarray, labels: np.ndarray | None = None, factors: np.ndarray | None = None
    ) -> None:
        """Write one split: x uint8 (N, C, H, W) or float32 (N, D), labels (N,), factors (N, F)."""
        if len(x) == 0:
            raise DataError(f"the {split} split is empty: every split needs at least one example")
        np.save(self.folder / f"{split}.npy", np.ascontiguousarray(x))
        self.annotate(split, labels=labels, factors=factors)

    def annotate(self, split: str, labels: np.ndarray | None = None, factors: np.ndarray | None = None) -> None:
        """Write the labels (N,) and factor classes (N, F) of a split as int64."""
        for name, array in (("labels", labels), ("factors", factors)):
            if array is not None:
                np.save(self.folder / f"{split}_{name}.npy", np.ascontiguousarray(array, dtype=np.int64))
