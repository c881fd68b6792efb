"""PH-VAE: a polynomial hierarchical variational autoencoder; importing the package loads no torch (PEP 562)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from phvae.api.saving import load
    from phvae.experiment.schema import Config, ModelConfig, TrainingConfig
    from phvae.model.divergences import DIVERGENCES
    from phvae.model.likelihoods import LIKELIHOODS
    from phvae.model.model import PHVAE
    from phvae.model.networks import NETWORKS
    from phvae.model.polynomial import BASES
    from phvae.model.posterior import COUPLINGS

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
    "BASES": "phvae.model.polynomial",
    "COUPLINGS": "phvae.model.posterior",
    "DIVERGENCES": "phvae.model.divergences",
    "LIKELIHOODS": "phvae.model.likelihoods",
    "NETWORKS": "phvae.model.networks",
    "PHVAE": "phvae.model.model",
    "Config": "phvae.experiment.schema",
    "ModelConfig": "phvae.experiment.schema",
    "TrainingConfig": "phvae.experiment.schema",
    "load": "phvae.api.saving",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'phvae' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
