"""PH-VAE: a polynomial hierarchical variational autoencoder (loaded lazily: importing this costs no torch)."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "PHVAE": "phvae.model",
    "load": "phvae.saving",
    "Config": "phvae.config",
    "ModelConfig": "phvae.config",
    "TrainingConfig": "phvae.config",
}

__all__ = ["PHVAE", "Config", "ModelConfig", "TrainingConfig", "__version__", "load"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'phvae' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
