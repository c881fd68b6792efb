"""The Rényi divergence of order alpha (Gil et al., 2013)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from phvae.config.strict import Weight
from phvae.model.part import Divergence

if TYPE_CHECKING:
    from torch import Tensor

    from phvae.model.part import Context
    from phvae.model.posterior import Posterior

__all__ = ["Renyi"]


class Renyi(Divergence):
    """The Rényi divergence of order alpha between 0 and 1; alpha to 1 is KL."""

    name: Literal["renyi"] = "renyi"
    beta: Weight = Field(1.0, description="weight of the divergence")
    alpha: float = Field(0.5, description="order, above 0 and below 1")

    @field_validator("alpha")
    @classmethod
    def _finite(cls, alpha: float) -> float:
        if alpha == 1:
            raise ValueError("more than 0 and less than 1: of order 1 it is KL, use kl")
        if alpha > 1:
            raise ValueError(
                "more than 0 and less than 1: of a larger order the divergence is infinite wherever a variance reaches "
                f"alpha / (alpha - 1) = {alpha / (alpha - 1):.3g} of the prior's, and nothing keeps it below"
            )
        if alpha <= 0:
            raise ValueError("more than 0 and less than 1")
        return alpha

    def value(self, q: Posterior, at: Context) -> Tensor:
        """Beta times D_alpha(q || p), (B,) nats (table 2)."""
        return self.levels(q, at).sum(-1)

    def levels(self, q: Posterior, at: Context) -> Tensor:
        """What each level adds to the divergence of the levels before it, (B, n) nats; none is negative.

        With S = alpha I + (1 - alpha) C diag(sigma^2) C^T: 1/2 sum_j [alpha w^T S^-1 w + log|S| / (1 - alpha) -
        log|sigma^2|]. Leading blocks of S belong to the first levels, so elimination takes them one after the other.
        """
        import torch

        a = self.alpha
        if q.prior == "hierarchical":
            excess = (1 - a) * torch.expm1(q.log_variance)  # S - 1
            square, log_pivot = q.whitened.square() / (1 + excess), torch.log1p(excess)
        else:
            square, log_pivot = _eliminated(q, 1 - a)
        return self.beta * 0.5 * (a * square + log_pivot / (1 - a) - q.log_variance).sum(-1)


def _eliminated(q: Posterior, share: float) -> tuple[Tensor, Tensor]:
    """Level by level, the squares that sum to w^T S^-1 w and the logs that sum to log|S|, both (B, n, d)."""
    import torch

    from phvae.model.gaussian import of_posterior

    normal = of_posterior(q)
    eye = torch.eye(normal.mean.shape[-1], dtype=q.mean.dtype, device=q.mean.device)
    s, w = eye + share * (normal.covariance - eye), normal.mean
    squares, logs = [], []
    for _ in range(len(eye)):
        pivot, column = s[..., 0, 0], s[..., 1:, 0]
        squares.append(w[..., 0].square() / pivot)
        logs.append(pivot.log())
        ratio = column / pivot.unsqueeze(-1)
        s = s[..., 1:, 1:] - ratio.unsqueeze(-1) * column.unsqueeze(-2)
        w = w[..., 1:] - ratio * w[..., :1]
    return torch.stack(squares, 1), torch.stack(logs, 1)
