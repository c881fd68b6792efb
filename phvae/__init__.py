"""PH-VAE: a polynomial hierarchical variational autoencoder; importing the package loads no torch (PEP 562)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from phvae.api.phvae import PHVAE
    from phvae.api.saving import load
    from phvae.experiment.schema import Config
    from phvae.jobs.score import score
    from phvae.model.hierarchy import BASES
    from phvae.model.options import ModelConfig
    from phvae.model.parts import COUPLINGS, DIVERGENCES, LIKELIHOODS, NETWORKS
    from phvae.training.options import TrainingConfig

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
    "score",
]

__version__ = "0.2.0"

_HOME = {
    "BASES": "phvae.model.hierarchy",
    "COUPLINGS": "phvae.model.parts",
    "DIVERGENCES": "phvae.model.parts",
    "LIKELIHOODS": "phvae.model.parts",
    "NETWORKS": "phvae.model.parts",
    "PHVAE": "phvae.api.phvae",
    "Config": "phvae.experiment.schema",
    "ModelConfig": "phvae.model.options",
    "TrainingConfig": "phvae.training.options",
    "load": "phvae.api.saving",
    "score": "phvae.jobs.score",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'phvae' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
