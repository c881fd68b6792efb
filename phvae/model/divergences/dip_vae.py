"""The penalties of DIP-VAE I and II (Kumar et al., 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from phvae.config.strict import Weight
from phvae.model.part import Divergence

if TYPE_CHECKING:
    from torch import Tensor

    from phvae.model.part import Context
    from phvae.model.posterior import Posterior

__all__ = ["DIPVAE"]


class DIPVAE(Divergence):
    """KL + lambda_od * sum of squared covariances + lambda_d * sum of (variance - 1)^2, of all whitened coordinates."""

    name: Literal["dip_vae"] = "dip_vae"
    type: Literal["I", "II"] = Field("I", description="I: the covariance of the means; II: of the aggregate posterior")
    lambda_od: Weight = Field(10.0, description="weight of the covariances")
    lambda_d: Weight = Field(10.0, description="weight of the variances; in the paper 10 lambda_od (I), lambda_od (II)")

    @model_validator(mode="after")
    def _used(self) -> DIPVAE:
        if not self.lambda_od and not self.lambda_d:
            raise ValueError("lambda_od and lambda_d are both 0, which is KL: use kl, or give one of them a weight")
        return self

    def value(self, q: Posterior, at: Context) -> Tensor:
        """KL(q || p) and the penalty of the batch's covariance, (B,) nats (equations 5 to 7)."""
        import torch

        covariance = self.covariance(q)
        eye = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
        weights = self.lambda_od * (1 - eye) + self.lambda_d * eye
        return q.kl_levels.sum(-1) + (weights * (covariance - eye).square()).sum()

    def covariance(self, q: Posterior) -> Tensor:
        """Cov[w] over the batch (divided by B), for type II with the mean of C diag(sigma^2) C^T added, (L, L).

        By products and sums, because autocast would run a matrix product in half precision.
        """
        import torch

        centred = (q.whitened - q.whitened.mean(0)).flatten(1)
        covariance = (centred.unsqueeze(2) * centred.unsqueeze(1)).mean(0)
        if self.type == "I":
            return covariance
        variance = torch.exp(q.log_variance).mean(0)  # (n, d)
        if q.prior == "hierarchical":
            return covariance + torch.diag_embed(variance.flatten())
        c = q.mixing
        levels = (c[:, None, :, None] * c[None, :, :, None] * variance).sum(2)  # (n, n, d), C diag(sigma^2) C^T
        within = torch.diag_embed(levels).transpose(1, 2)  # (n, d, n, d)
        return covariance + within.flatten(2).flatten(0, 1)
