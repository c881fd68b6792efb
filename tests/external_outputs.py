"""Outputs of a linear model that was not trained here: principal components of the test split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from phvae.data import Prepared
from phvae.determinism.seeding import numpy_generator

__all__ = ["linear_model", "write"]


def linear_model(data: Prepared, seed: int = 0, size: int = 3, samples: int = 32) -> dict[str, np.ndarray]:
    """Whatever may be given: codes of `size` components at most, in the units of the exported arrays."""
    shape = data.test.shape[1:]
    x = np.asarray(data.test, dtype=np.float64).reshape(len(data.test), -1) / (1 if data.is_density else 255)
    middle = x.mean(0)
    axes = np.linalg.svd(x - middle, full_matrices=False)[2][:size]
    codes = (x - middle) @ axes.T
    spread = codes.std(0)
    noise = numpy_generator(seed, "external").standard_normal((samples, len(spread)))

    def decoded(z: np.ndarray) -> np.ndarray:
        found = middle + (z * spread) @ axes
        return (found if data.is_density else np.clip(found, 0, 1)).reshape(-1, *shape).astype(np.float32)

    mean = codes / spread + 0.01 * numpy_generator(seed, "external", "codes").standard_normal(codes.shape)
    return {
        "mean": mean.astype(np.float32),
        "log_variance": np.full(mean.shape, -3.0, np.float32),
        "reconstructions": decoded(codes / spread),
        "samples": decoded(noise),
        "noisy_samples": decoded(noise),
        "log_px": np.full(len(x), -1.5),
    }


def write(file: Path, data: Prepared, outputs: dict[str, Any]) -> Path:
    """As a user of NumPy would."""
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, **({"data": data.sha256} | outputs))
    return file
