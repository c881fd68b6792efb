"""Small files in the layout of MNIST."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phvae.data.files.published import Published
from phvae.data.kinds import idx


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, monkeypatch: pytest.MonkeyPatch, packed: bool = True, cut: int | None = None) -> list[Any]:
    """Small files in MNIST's layout, and a Mnist that expects them."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    arrays = [
        generator.integers(0, 256, (60, 28, 28), dtype=np.uint8),
        generator.integers(0, 10, 60, dtype=np.uint8),
        generator.integers(0, 256, (20, 28, 28), dtype=np.uint8),
        generator.integers(0, 10, 20, dtype=np.uint8),
    ]
    if cut is not None:
        arrays[1] = arrays[1][:cut]
    files = []
    for original, array in zip(idx.Mnist.files, arrays, strict=True):
        content = idx_bytes(array)
        name = original.name if packed else original.name.removesuffix(".gz")
        (folder / name).write_bytes(gzip.compress(content) if packed else content)
        sha256 = hashlib.sha256(content).hexdigest()
        files.append(Published(original.name, original.folders, sha256=sha256))
    monkeypatch.setattr(idx.Mnist, "files", tuple(files))
    return arrays
