"""Random posteriors with a draw, and what an objective may see beside them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from phvae.model.bound import BoundCoupling
from phvae.model.couplings.chain import Chain
from phvae.model.couplings.identity import Identity
from phvae.model.couplings.learned import Learned
from phvae.model.part import Context
from phvae.model.posterior import Posterior

__all__ = ["COUPLING_OPTIONS", "covariances", "matrix_of", "random_posterior", "seen"]

COUPLING_OPTIONS = {"identity": Identity(), "chain": Chain(rho=0.5), "learned": Learned(rho=-0.7)}


def matrix_of(coupling: str, order: int = 3) -> Tensor:
    module = BoundCoupling(COUPLING_OPTIONS[coupling], order).double()
    return module(torch.zeros(1, dtype=torch.float64)).detach()


def random_posterior(
    coupling: str = "chain",
    prior: str = "hierarchical",
    batch: int = 6,
    order: int = 3,
    size: int = 2,
    seed: int = 0,
    spread: float = 1.0,
) -> Posterior:
    g = torch.Generator().manual_seed(seed)
    mean, log_variance = spread * torch.randn(2, batch, order, size, generator=g, dtype=torch.float64)
    eps = torch.randn(batch, order, size, generator=g, dtype=torch.float64)
    return Posterior(mean, log_variance, matrix_of(coupling, order), prior, eps)


def seen(q: Posterior, examples: int = 50, share: float = 1.0, seed: int = 9) -> Context:
    """What is seen beside q; its draws of the prior and its critic are of the seed."""
    g = torch.Generator().manual_seed(seed)
    prior = torch.randn(q.mean.shape, generator=g, dtype=torch.float64).to(q.mean.dtype)
    direction = torch.randn(q.mean[0].numel(), 1, generator=g, dtype=torch.float64).to(q.mean.dtype)
    return Context(examples, torch.tensor(share, dtype=q.mean.dtype), prior, lambda u: torch.tanh(u @ direction))


def covariances(q: Posterior) -> tuple[np.ndarray, np.ndarray]:
    """The mean (B, L) and the covariance (B, L, L) of u = F^-1 z, by matrices of all coordinates and NumPy alone."""
    size = q.mean.shape[-1]
    a = np.kron(q.matrix.numpy(), np.eye(size))
    f = a if q.prior == "hierarchical" else np.eye(len(a))
    c = np.linalg.solve(f, a)
    variance = np.exp(q.log_variance.flatten(1).numpy())
    return q.mean.flatten(1).numpy() @ np.linalg.inv(f).T, np.einsum("il,bl,jl->bij", c, variance, c)
