"""PH-VAE: a polynomial hierarchical variational autoencoder; importing the package loads no torch (PEP 562)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from phvae.config import Config, ModelConfig, TrainingConfig
    from phvae.divergences import DIVERGENCES
    from phvae.likelihoods import LIKELIHOODS
    from phvae.model import PHVAE
    from phvae.networks import NETWORKS
    from phvae.polynomial import BASES
    from phvae.posterior import COUPLINGS
    from phvae.saving import load

__all__ = [
    "BASES",
    "COUPLINGS",
    "DIVERGENCES",
    "LIKELIHOODS",
    "NETWORKS",
    "PHVAE",
    "Config",
    "ModelConfig",
    "TrainingConfig",
    "__version__",
    "load",
]

__version__ = "0.1.0"

_HOME = {
    "BASES": "phvae.polynomial",
    "COUPLINGS": "phvae.posterior",
    "DIVERGENCES": "phvae.divergences",
    "LIKELIHOODS": "phvae.likelihoods",
    "NETWORKS": "phvae.networks",
    "PHVAE": "phvae.model",
    "Config": "phvae.config",
    "ModelConfig": "phvae.config",
    "TrainingConfig": "phvae.config",
    "load": "phvae.saving",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'phvae' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
