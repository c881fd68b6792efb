"""The skew-geometric Jensen-Shannon divergence (Deasy et al., 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, StrictBool

from phvae.config.strict import Weight
from phvae.model.part import Divergence

if TYPE_CHECKING:
    from torch import Tensor

    from phvae.model.part import Context
    from phvae.model.posterior import Posterior

__all__ = ["SkewJS"]


class SkewJS(Divergence):
    """(1 - alpha) * KL(q || g) + alpha * KL(p || g) with the geometric mean g of q^alpha and p^(1 - alpha).

    alpha to 0 is KL(q || p), alpha to 1 is KL(p || q); with `dual` KL is taken from g, and the limits change places.
    """

    name: Literal["skew_js"] = "skew_js"
    beta: Weight = Field(1.0, description="weight of the divergence")
    alpha: float = Field(0.5, gt=0, lt=1, description="skew: the share of q in the geometric mean, and of KL(p || g)")
    dual: StrictBool = Field(False, description="KL from the geometric mean to q and p, instead of to it")

    def value(self, q: Posterior, at: Context) -> Tensor:
        """Beta times the divergence, (B,) nats."""
        return self.levels(q, at).sum(-1)

    def levels(self, q: Posterior, at: Context) -> Tensor:
        """By level, (B, n) nats; under the standard prior, where levels are correlated, as a whole (B, 1)."""
        if q.prior == "hierarchical":
            return self.beta * (_dual if self.dual else _straight)(q, self.alpha).sum(-1)
        return self.beta * self._correlated(q).sum(-1, keepdim=True)

    def _correlated(self, q: Posterior) -> Tensor:
        """The divergence of each coordinate, over levels that are correlated under q, (B, d)."""
        import torch

        from phvae.model.gaussian import LevelNormal, inverse_and_log_determinant, normal_kl, of_posterior

        a, one = self.alpha, of_posterior(q)
        eye = torch.eye(one.mean.shape[-1], dtype=q.mean.dtype, device=q.mean.device).expand_as(one.covariance)
        zero = torch.zeros_like(one.mean)
        prior = LevelNormal(zero, eye, eye, zero.sum(-1))
        precision = a * one.precision + (1 - a) * eye
        covariance, log_determinant = inverse_and_log_determinant(precision)
        pull = (one.precision * one.mean.unsqueeze(-2)).sum(-1)
        mean = a * (covariance * pull.unsqueeze(-2)).sum(-1)
        g = LevelNormal(mean, covariance, precision, -log_determinant)
        if self.dual:
            return (1 - a) * normal_kl(g, one) + a * normal_kl(g, prior)
        return (1 - a) * normal_kl(one, g) + a * normal_kl(prior, g)


def _straight(q: Posterior, a: float) -> Tensor:
    """(1 - a) KL(q || g) + a KL(p || g) of independent coordinates, (B, n, d)."""
    import torch

    more, less = torch.expm1(q.log_variance), torch.expm1(-q.log_variance)
    precision = 1 + a * less
    pulled = (1 - a) ** 3 * q.whitened.square() + a**3 * (q.whitened * torch.exp(-q.log_variance)).square()
    spread = (1 - a) ** 2 * more + a**2 * less
    return 0.5 * (spread - torch.log1p(a * less) - (1 - a) * q.log_variance + pulled / precision)


def _dual(q: Posterior, a: float) -> Tensor:
    """(1 - a) KL(g || q) + a KL(g || p) of independent coordinates, (B, n, d)."""
    import torch

    less, inverse = torch.expm1(-q.log_variance), torch.exp(-q.log_variance)
    precision = 1 + a * less
    pulled = q.whitened.square() * inverse * ((1 - a) ** 3 + a**3 * inverse)
    log_ratio = (1 - a) * q.log_variance + torch.log1p(a * less)
    return 0.5 * ((1 - 2 * a) * less / precision + log_ratio + pulled / precision.square())
