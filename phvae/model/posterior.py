"""The posterior z = mu + A (sigma * eps), and the priors.

Shapes: B examples, n levels, d coordinates a level. A acts on the level axis, alike on each coordinate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

__all__ = ["PRIORS", "Posterior", "couple", "uncouple"]


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

    def detached(self) -> Posterior:
        """The same numbers, through which no gradient flows."""
        return replace(
            self, mean=self.mean.detach(), log_variance=self.log_variance.detach(), matrix=self.matrix.detach()
        )

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

    @cached_property
    def drawn(self) -> Tensor:
        """u = F^-1 z, the draw in whitened coordinates, (B, n, d)."""
        return self.z if self.prior == "standard" else uncouple(self.factor, self.z)

    @cached_property
    def kl_levels(self) -> Tensor:
        r"""The level terms D_k, whose sum is KL(q || p), (B, n) nats.

        .. math:: D_k = \tfrac12 \sum_j [\sum_{l \le k} C_{kl}^2 \sigma_{lj}^2 + w_{kj}^2 - 1 - \log\sigma_{kj}^2]

        Under the hierarchical prior C = I and D_k = E_q KL(q(z_k | z_<k) || p(z_k | z_<k)). Near sigma = 1 the
        difference sigma^2 - 1 is taken by expm1, so that D_k = 0 holds exactly at q = p.

        >>> q = Posterior(torch.tensor([[[0.7]]]), torch.tensor([[[-1.0217]]]), torch.eye(1))
        >>> round(q.kl_levels.item(), 4)  # (.36 + .49 - 1 + 1.0217) / 2
        0.4358
        """
        terms = torch.expm1(self.log_variance) - self.log_variance + self.whitened.square()
        if self.prior != "hierarchical":
            terms = terms + couple(self.mixing.tril(-1).square(), torch.exp(self.log_variance))
        return 0.5 * terms.sum(-1)

    def log_density(self, eps: Tensor) -> Tensor:
        """log q(z | x) of the z drawn with eps, (B,) nats: |A| = 1."""
        return -0.5 * (eps.square() + self.log_variance + math.log(2 * math.pi)).sum((-2, -1))

    def log_prior(self, z: Tensor) -> Tensor:
        """log p(z), (B,) nats: |F| = 1."""
        u = uncouple(self.factor, z)
        return -0.5 * (u.square() + math.log(2 * math.pi)).sum((-2, -1))
