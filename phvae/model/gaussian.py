"""Normal distributions whose levels are correlated: small matrices (B, d, n, n), by products and sums alone.

torch.linalg looks at its results on the host (is the matrix positive definite?), which a recorded step may not, and
autocast would run its products in half precision.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from phvae.model.posterior import Posterior, uncouple

__all__ = ["LevelNormal", "inverse_and_log_determinant", "normal_kl", "of_posterior", "quadratic"]


class LevelNormal(NamedTuple):
    """Normal distributions of n numbers each.

    Attributes:
        mean: (B, d, n).
        covariance: (B, d, n, n); `precision`: its inverse.
        log_determinant: of the covariance, (B, d).
    """

    mean: Tensor
    covariance: Tensor
    precision: Tensor
    log_determinant: Tensor


def of_posterior(q: Posterior) -> LevelNormal:
    """q in whitened coordinates: N(w, C diag(sigma^2) C^T) over the levels, for each of the d coordinates."""
    eye = torch.eye(q.mean.shape[1], dtype=q.mean.dtype, device=q.mean.device)
    c = q.mixing
    inverse = uncouple(c, eye)
    log_variance = q.log_variance.transpose(1, 2)
    return LevelNormal(
        q.whitened.transpose(1, 2),
        _spread(c, torch.exp(log_variance)),
        _spread(inverse.T, torch.exp(-log_variance)),
        log_variance.sum(-1),
    )


def _spread(m: Tensor, v: Tensor) -> Tensor:
    """M diag(v) M^T, for m (n, n) and v (B, d, n)."""
    return (m.unsqueeze(1) * m * v[..., None, None, :]).sum(-1)


def quadratic(m: Tensor, x: Tensor) -> Tensor:
    """x^T M x, for m (B, d, n, n) and x (B, d, n)."""
    return (m * x.unsqueeze(-1) * x.unsqueeze(-2)).sum((-2, -1))


def inverse_and_log_determinant(m: Tensor) -> tuple[Tensor, Tensor]:
    """The inverse (..., n, n) and log |M| (...) of positive definite matrices, by Gauss-Jordan elimination.

    >>> inverse, log_determinant = inverse_and_log_determinant(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
    >>> inverse.tolist(), round(log_determinant.exp().item(), 4)
    ([[0.5, 0.0], [0.0, 0.25]], 8.0)
    """
    n = m.shape[-1]
    eye = torch.eye(n, dtype=m.dtype, device=m.device)
    both, pivots = torch.cat([m, eye.expand(m.shape)], -1), []
    for k in range(n):
        pivots.append(both[..., k, k])
        row = both[..., k, :] / pivots[-1].unsqueeze(-1)
        others = both[..., :, k] - eye[k]  # so that row k itself becomes `row`
        both = both - others.unsqueeze(-1) * row.unsqueeze(-2)
    return both[..., n:], torch.stack(pivots, -1).log().sum(-1)


def normal_kl(p: LevelNormal, q: LevelNormal) -> Tensor:
    """KL(p || q), (B, d) nats."""
    trace = (q.precision * p.covariance).sum((-2, -1)) - p.mean.shape[-1]
    return 0.5 * (trace + quadratic(q.precision, p.mean - q.mean) + q.log_determinant - p.log_determinant)
