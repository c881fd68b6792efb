"""The penalty of the Wasserstein autoencoder, WAE-MMD (Tolstikhin et al., 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from phvae.config.strict import LARGEST, SMALLEST, Weight
from phvae.model.part import Divergence

if TYPE_CHECKING:
    from torch import Tensor

    from phvae.model.part import Context
    from phvae.model.posterior import Posterior

__all__ = ["WAEMMD"]


class WAEMMD(Divergence):
    """lambda_mmd * MMD^2 between the batch's codes and draws of the prior; no KL."""

    draws_prior: ClassVar[bool] = True
    pairs: ClassVar[bool] = True

    name: Literal["wae_mmd"] = "wae_mmd"
    lambda_mmd: Weight = Field(500.0, description="weight of MMD^2")
    kernel: Literal["imq", "rbf"] = Field("imq", description="inverse multiquadratic, or Gaussian")
    scale: float = Field(1.0, ge=SMALLEST, le=LARGEST, description="width of the kernel, in those of the prior")

    def value(self, q: Posterior, at: Context) -> Tensor:
        """The weighted discrepancy of q's draws from the prior's, (B,), the same for each example (algorithm 2)."""
        from phvae.model.discrepancy import squared_discrepancy

        u = q.drawn.flatten(1)
        discrepancy = squared_discrepancy(u, at.drawn_prior.flatten(1), self.kernel, self.scale)
        return self.lambda_mmd * discrepancy.expand(len(u))
