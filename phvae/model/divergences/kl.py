"""KL(q || p), the divergence of the VAE and the beta-VAE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from phvae.config.strict import Weight
from phvae.model.part import Divergence

if TYPE_CHECKING:
    from torch import Tensor

    from phvae.model.part import Context
    from phvae.model.posterior import Posterior

__all__ = ["KL"]


class KL(Divergence):
    """beta * KL(q || p)."""

    name: Literal["kl"] = "kl"
    beta: Weight = Field(1.0, description="weight of the divergence")

    def value(self, q: Posterior, at: Context) -> Tensor:
        """Beta times KL(q || p), (B,) nats: VAE (Kingma and Welling, 2014), beta-VAE (Higgins et al., 2017)."""
        return self.beta * q.kl_levels.sum(-1)

    def levels(self, q: Posterior, at: Context) -> Tensor:
        """Beta D_k, (B, n) nats."""
        return self.beta * q.kl_levels

    def computed(self, order: int) -> dict[str, object]:
        """On one level it is the level-weighted divergence of that weight."""
        return {"weights": [self.beta]} if order == 1 else super().computed(order)
