"""Inception-v3 with seeded weights in a file, a pickle that runs code, and the distance between few features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch


def write_inception(path: Path) -> Path:
    """A seeded state dict of Inception-v3's shapes, stored as the real one is."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3 as Inception

    with pytest.MonkeyPatch.context() as patch, torch.device("meta"):
        module = "torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url"
        patch.setattr(module, lambda *args, **kwargs: {})
        patch.setattr(Inception, "load_state_dict", lambda self, state: None)
        shapes = Inception("inception-v3-compat", ["2048"]).state_dict()
    assert len(shapes) == 566
    g = torch.Generator().manual_seed(0)
    state = {}
    for name, like in shapes.items():
        if like.dtype == torch.int64:
            state[name] = torch.zeros((), dtype=torch.int64)
        elif like.ndim > 1:
            state[name] = torch.randn(like.shape, generator=g) / like[0].numel() ** 0.5 * 1.4
        else:
            state[name] = torch.full(like.shape, 0.0 if name.endswith(("mean", "bias")) else 1.0)
    torch.save(state, path)
    return path


class Trap:
    """Unpickling it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def frechet_low_rank(x: np.ndarray, y: np.ndarray) -> float:
    a, b = (f.astype(np.float64) - f.mean(0, dtype=np.float64) for f in (x, y))
    a, b = a / np.sqrt(len(a) - 1), b / np.sqrt(len(b) - 1)
    shift = np.sum((x.mean(0, dtype=np.float64) - y.mean(0, dtype=np.float64)) ** 2)
    return float(shift + np.sum(a**2) + np.sum(b**2) - 2 * np.linalg.svd(a @ b.T, compute_uv=False).sum())
