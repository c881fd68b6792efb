"""The posterior z = mu + A (sigma * eps), the coupling A of the levels, and the priors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from phvae.config import Chain, Identity, Learned

__all__ = ["COUPLINGS", "PRIORS", "Posterior", "couple", "uncouple"]


def couple(matrix: Tensor, v: Tensor) -> Tensor:
    """A v on the level axis: (n, n) and (..., n, d) to (..., n, d); by products and sums, so autocast leaves it."""
    return (matrix.unsqueeze(-1) * v.unsqueeze(-3)).sum(-2)


def uncouple(matrix: Tensor, v: Tensor) -> Tensor:
    """A^-1 v on the level axis, by forward substitution (A's diagonal is 1)."""
    rows: list[Tensor] = []
    for k in range(v.shape[-2]):
        row = v[..., k, :]
        for j in range(k):
            row = row - matrix[k, j] * rows[j]
        rows.append(row)
    return torch.stack(rows, dim=-2)


class ChainCoupling(nn.Module):
    """A = (I - rho S)^-1 with S the one-step shift: A_kl = rho^(k-l) for l <= k. Identity is rho = 0."""

    distance: Tensor

    def __init__(self, order: int, options: Chain | Identity) -> None:
        super().__init__()
        self.rho = getattr(options, "rho", 0.0)
        k = torch.arange(order)
        self.register_buffer("distance", (k[:, None] - k[None, :]).clamp(min=0), persistent=False)

    def forward(self, like: Tensor) -> Tensor:
        return torch.pow(self.rho, self.distance.to(like.dtype)).tril()


class LearnedCoupling(nn.Module):
    """A with free strictly lower entries, which start at rho^(k-l)."""

    place: Tensor

    def __init__(self, order: int, options: Learned) -> None:
        super().__init__()
        rows, columns = torch.tril_indices(order, order, -1)
        place = torch.zeros(len(rows), order, order)
        place[torch.arange(len(rows)), rows, columns] = 1
        self.register_buffer("place", place, persistent=False)
        self.entries = nn.Parameter(torch.pow(options.rho, (rows - columns).float()))

    def forward(self, like: Tensor) -> Tensor:
        eye = torch.eye(self.place.shape[-1], dtype=like.dtype, device=like.device)
        return eye + (self.entries[:, None, None] * self.place).sum(0).to(like.dtype)


COUPLINGS: dict[str, Callable[..., nn.Module]] = {
    "identity": ChainCoupling,
    "chain": ChainCoupling,
    "learned": LearnedCoupling,
}

# A prior is N(0, F F^T) on the level axis, alike on each coordinate: its factor F as a function of A.
PRIORS: dict[str, Callable[[Tensor], Tensor]] = {
    "standard": lambda matrix: torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device),
    "hierarchical": lambda matrix: matrix,
}


@dataclass(frozen=True)
class Posterior:
    """q(z | x) = N(mu, A diag(sigma^2) A^T), with the prior it is compared with.

    In whitened coordinates u = F^-1 z (F the prior's factor) the prior is N(0, I) and u = w + C (sigma * eps) with
    w = F^-1 mu and C = F^-1 A, which has a unit diagonal: one form of every divergence serves both priors.
    """

    mean: Tensor
    log_variance: Tensor
    matrix: Tensor
    prior: str

    def draw(self, eps: Tensor) -> Tensor:
        """z = mu + A (sigma * eps), (B, n, d)."""
        return self.mean + couple(self.matrix, torch.exp(0.5 * self.log_variance) * eps)

    @property
    def whitened(self) -> Tensor:
        """w = F^-1 mu, (B, n, d)."""
        return self.mean if self.prior == "standard" else uncouple(self.matrix, self.mean)

    @property
    def mixing(self) -> Tensor | None:
        """C = F^-1 A, (n, n); None stands for the identity."""
        return self.matrix if self.prior == "standard" else None

    def log_density(self, eps: Tensor) -> Tensor:
        """log q(z | x) of the z drawn with eps, (B,) nats; A has determinant 1."""
        return -0.5 * (eps.square() + self.log_variance + math.log(2 * math.pi)).sum((-2, -1))

    def log_prior(self, z: Tensor) -> Tensor:
        """log p(z), (B,) nats; the prior's factor has determinant 1."""
        u = z if self.prior == "standard" else uncouple(self.matrix, z)
        return -0.5 * (u.square() + math.log(2 * math.pi)).sum((-2, -1))
