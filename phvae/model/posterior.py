"""The posterior z = mu + A (sigma * eps), the coupling A of the levels, and the priors.

Shapes: B examples, n levels, d coordinates a level. A acts on the level axis, alike on each coordinate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from phvae.experiment.schema import Chain, Identity, Learned

__all__ = ["COUPLINGS", "PRIORS", "ChainCoupling", "LearnedCoupling", "Posterior", "couple", "uncouple"]


def couple(matrix: Tensor, v: Tensor) -> Tensor:
    """A v on the level axis: (n, n) and (..., n, d) to (..., n, d).

    Written with a product and a sum, because autocast would run a matrix product in half precision.

    >>> couple(torch.tensor([[1.0, 0.0], [0.5, 1.0]]), torch.tensor([[2.0], [3.0]])).tolist()
    [[2.0], [4.0]]
    """
    return (matrix.unsqueeze(-1) * v.unsqueeze(-3)).sum(-2)


def uncouple(matrix: Tensor, v: Tensor) -> Tensor:
    """A^-1 v on the level axis, for A lower triangular with unit diagonal.

    >>> uncouple(torch.tensor([[1.0, 0.0], [0.5, 1.0]]), torch.tensor([[2.0], [4.0]])).tolist()
    [[2.0], [3.0]]
    """
    eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    return couple(torch.linalg.solve_triangular(matrix, eye, upper=False, unitriangular=True), v)


class ChainCoupling(nn.Module):
    """A = (I - rho S)^-1 with S the one-step shift: A_kl = rho^(k-l) for l <= k; `identity` is rho = 0.

    >>> ChainCoupling(3, Chain(rho=0.5))(torch.zeros(1)).tolist()
    [[1.0, 0.0, 0.0], [0.5, 1.0, 0.0], [0.25, 0.5, 1.0]]
    """

    steps: Tensor

    def __init__(self, order: int, options: Chain | Identity) -> None:
        super().__init__()
        self.rho = options.rho if isinstance(options, Chain) else 0.0
        k = torch.arange(order)
        self.register_buffer("steps", (k[:, None] - k[None, :]).clamp(min=0), persistent=False)

    def forward(self, like: Tensor) -> Tensor:
        """A, (n, n), in the precision of `like`."""
        return torch.pow(self.rho, self.steps.to(like.dtype)).tril()


class LearnedCoupling(nn.Module):
    """A with n(n-1)/2 free strictly lower entries, which start at those of chain(rho).

    >>> LearnedCoupling(2, Learned(rho=0.5))(torch.zeros(1)).tolist()
    [[1.0, 0.0], [0.5, 1.0]]
    """

    place: Tensor

    def __init__(self, order: int, options: Learned) -> None:
        super().__init__()
        rows, columns = torch.tril_indices(order, order, -1)
        place = torch.zeros(len(rows), order, order)
        place[torch.arange(len(rows)), rows, columns] = 1
        self.register_buffer("place", place, persistent=False)
        self.entries = nn.Parameter(torch.pow(options.rho, (rows - columns).float()))

    def forward(self, like: Tensor) -> Tensor:
        """A, (n, n), in the precision of `like`."""
        eye = torch.eye(self.place.shape[-1], dtype=like.dtype, device=like.device)
        return eye + (self.entries[:, None, None] * self.place).sum(0).to(like.dtype)


COUPLINGS: dict[str, Callable[..., nn.Module]] = {
    "identity": ChainCoupling,
    "chain": ChainCoupling,
    "learned": LearnedCoupling,
}

# A prior is p(z) = N(0, F F^T) on the level axis, alike on each coordinate, with |F| = 1: here F as a function of A.
PRIORS: dict[str, Callable[[Tensor], Tensor]] = {
    "standard": lambda matrix: torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device),
    "hierarchical": lambda matrix: matrix,
}


@dataclass(frozen=True)
class Posterior:
    """q(z | x) = N(mu, A diag(sigma^2) A^T), beside the prior it is compared with.

    In whitened coordinates u = F^-1 z, with F the prior's factor, the prior is N(0, I) and the posterior is
    u = w + C (sigma * eps), w = F^-1 mu, C = F^-1 A. C has a unit diagonal under both priors (it is I under
    `hierarchical`, A under `standard`), so that one formula of a divergence serves both.

    Attributes:
        mean: mu, (B, n, d).
        log_variance: log sigma^2, (B, n, d); not bounded.
        matrix: A, (n, n).
        prior: a name of `PRIORS`.
        eps: the standard normal noise of the one draw that trains, (B, n, d); None where nothing is drawn.
    """

    mean: Tensor
    log_variance: Tensor
    matrix: Tensor
    prior: str = "hierarchical"
    eps: Tensor | None = None

    def draw(self, eps: Tensor) -> Tensor:
        """z = mu + A (sigma * eps), (B, n, d)."""
        return self.mean + couple(self.matrix, torch.exp(0.5 * self.log_variance) * eps)

    @cached_property
    def z(self) -> Tensor:
        """The draw that belongs to `eps`, (B, n, d)."""
        if self.eps is None:
            raise ValueError("this posterior was built without eps: pass noise of shape (B, n, d) to have a draw")
        return self.draw(self.eps)

    @cached_property
    def factor(self) -> Tensor:
        """F, the prior's factor, (n, n)."""
        return PRIORS[self.prior](self.matrix)

    @cached_property
    def whitened(self) -> Tensor:
        """w = F^-1 mu, (B, n, d)."""
        return self.mean if self.prior == "standard" else uncouple(self.factor, self.mean)

    @cached_property
    def mixing(self) -> Tensor:
        """C = F^-1 A, (n, n)."""
        return PRIORS["standard"](self.matrix) if self.prior == "hierarchical" else uncouple(self.factor, self.matrix)

    def log_density(self, eps: Tensor) -> Tensor:
        """log q(z | x) of the z drawn with eps, (B,) nats: |A| = 1."""
        return -0.5 * (eps.square() + self.log_variance + math.log(2 * math.pi)).sum((-2, -1))

    def log_prior(self, z: Tensor) -> Tensor:
        """log p(z), (B,) nats: |F| = 1."""
        u = uncouple(self.factor, z)
        return -0.5 * (u.square() + math.log(2 * math.pi)).sum((-2, -1))
