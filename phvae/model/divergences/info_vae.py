"""The InfoVAE with the maximum mean discrepancy (Zhao et al., 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from phvae.config.strict import LARGEST, SMALLEST, Weight
from phvae.model.part import Divergence

if TYPE_CHECKING:
    from torch import Tensor

    from phvae.model.part import Context
    from phvae.model.posterior import Posterior

__all__ = ["InfoVAE"]


class InfoVAE(Divergence):
    """(1 - alpha) * KL + (alpha + lambda_mmd - 1) * MMD^2 between the batch's codes and draws of the prior."""

    draws_prior: ClassVar[bool] = True
    pairs: ClassVar[bool] = True

    name: Literal["info_vae"] = "info_vae"
    alpha: Annotated[float, Field(ge=-LARGEST, le=1)] = Field(
        0.0, description="weight of the mutual information of x and its code; 1 leaves MMD alone"
    )
    lambda_mmd: Weight = Field(500.0, description="lambda of the paper; alpha + lambda_mmd must be above 1")
    kernel: Literal["imq", "rbf"] = Field("rbf", description="inverse multiquadratic, or Gaussian")
    scale: float = Field(1.0, ge=SMALLEST, le=LARGEST, description="width of the kernel, in those of the prior")

    @model_validator(mode="after")
    def _positive(self) -> InfoVAE:
        weight = self.alpha + self.lambda_mmd - 1
        if weight <= 0:
            raise ValueError(
                f"alpha + lambda_mmd - 1, the weight of MMD, is {weight:g}, expected more than 0: raise lambda_mmd, or "
                "use kl"
            )
        return self

    def value(self, q: Posterior, at: Context) -> Tensor:
        """The weighted sum, (B,); its discrepancy is the same for each example."""
        from phvae.model.discrepancy import squared_discrepancy

        discrepancy = squared_discrepancy(q.drawn.flatten(1), at.drawn_prior.flatten(1), self.kernel, self.scale)
        return (1 - self.alpha) * q.kl_levels.sum(-1) + (self.alpha + self.lambda_mmd - 1) * discrepancy
