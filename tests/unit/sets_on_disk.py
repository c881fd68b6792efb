"""Sets in small files: the user's own images with factors; how they are prepared."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from phvae import data


def prepare(tmp_path: Path, kind: str, **options: Any) -> data.Prepared:
    folder = data.prepare(kind, options, cache=tmp_path / "cache", search=[tmp_path])
    return data.load(folder, verify=True)


def nothing_left(tmp_path: Path) -> bool:
    cache = tmp_path / "cache"
    return not cache.exists() or [p.name for p in cache.iterdir() if p.name != "first-use"] == []


def grid(sizes: list[int]) -> np.ndarray:
    return np.array(list(itertools.product(*(range(n) for n in sizes))))


def write_factors(path: Path, images: np.ndarray, factors: np.ndarray) -> Path:
    if path.suffix == ".npz":
        np.savez(path, images=images, factors=factors)
    else:
        with h5py.File(path, "w") as file:
            file["images"], file["factors"] = images, factors
    return path
