"""The polynomial divergence of the log-ratio."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from phvae.config.strict import Coefficient, Weight, Whole
from phvae.model.acceptance import require_non_negative
from phvae.model.part import Divergence

if TYPE_CHECKING:
    from torch import Tensor

    from phvae.model.options import ModelConfig
    from phvae.model.part import Context
    from phvae.model.posterior import Posterior

__all__ = ["LogPolynomial", "log_ratio_moments"]


class LogPolynomial(Divergence):
    """The log-ratio polynomial sum_i E_q[P(log q/p)]."""

    name: Literal["log_polynomial"] = "log_polynomial"
    beta: Weight = Field(1.0, description="weight of the divergence")
    degree: Whole = Field(3, ge=1, le=12, description="m of exponential(m), c_j = 1/j!; refused beside coefficients")
    coefficients: Annotated[list[Coefficient], Field(min_length=1, max_length=12)] | None = Field(
        None, description="c_1..c_m of P(s) = sum_j c_j s^j; accepted only if D >= 0 is guaranteed"
    )

    @field_validator("coefficients")
    @classmethod
    def _accepted(cls, value: list[float] | None) -> list[float] | None:
        if value is not None:
            require_non_negative(value)
        return value

    @model_validator(mode="after")
    def _used(self) -> LogPolynomial:
        if self.coefficients is not None and self.degree != type(self).model_fields["degree"].default:
            raise ValueError(f"degree is {self.degree}, but the coefficients are listed: give one of the two")
        return self

    def check(self, model: ModelConfig) -> None:
        """Its closed form needs independent whitened coordinates."""
        if model.prior == "standard" and model.coupling.name != "identity" and model.order > 1:
            raise ValueError(
                "divergence log_polynomial under prior standard needs coupling identity "
                f"(found {model.coupling.name}): its closed form needs independent coordinates"
            )

    @property
    def listed(self) -> list[float]:
        """c_1..c_m of P(s) = sum_j c_j s^j: as listed, or 1/j! up to the degree.

        >>> LogPolynomial(degree=2).listed
        [1.0, 0.5]
        """
        if self.coefficients is not None:
            return [float(value) for value in self.coefficients]
        return [1 / math.factorial(j) for j in range(1, self.degree + 1)]

    def value(self, q: Posterior, at: Context) -> Tensor:
        r"""The log-ratio polynomial :math:`\beta \sum_i E_q[P(l_i)]`, :math:`P(s) = \sum_j c_j s^j`, (B,).

        The sum runs over whitened coordinates. c_j = 1/j! tends to the sum of the coordinates' chi-squared
        divergences, where sigma^2 < 2. Coefficients are accepted by `phvae.model.acceptance` only.
        """
        return self.beta * self._coordinates(q).sum((-2, -1))

    def levels(self, q: Posterior, at: Context) -> Tensor:
        """The sum over each level's coordinates, (B, n) nats."""
        return self.beta * self._coordinates(q).sum(-1)

    def _coordinates(self, q: Posterior) -> Tensor:
        """E_q[P(l_i)], (B, n, d)."""
        import torch

        c = self.listed
        moments = log_ratio_moments(q.whitened, q.log_variance, len(c))
        return torch.stack([c_j * moment for c_j, moment in zip(c, moments, strict=True)]).sum(0)

    def computed(self, order: int) -> dict[str, object]:
        """The coefficients, however they are written."""
        return {"beta": self.beta, "coefficients": self.listed}


def log_ratio_moments(w: Tensor, log_variance: Tensor, degree: int) -> list[Tensor]:
    r"""Raw moments E_q[l^r], r = 1..degree, of the log-ratio l = log q(u) / p(u); q = N(w, sigma^2), p = N(0, 1).

    Under q, :math:`l = \gamma_0 + \beta_1 \epsilon + \alpha \epsilon^2` with :math:`\alpha = (\sigma^2 - 1)/2`,
    :math:`\beta_1 = w\sigma` and :math:`\gamma_0 = w^2/2 - \log\sigma`. Its cumulants are
    :math:`\kappa_1 = \gamma_0 + \alpha` and
    :math:`\kappa_r = \tfrac12 (2\alpha)^r (r-1)! + \tfrac12 \beta_1^2 r! (2\alpha)^{r-2}`; its moments follow by
    :math:`m_r = \sum_i \binom{r-1}{i-1} \kappa_i m_{r-i}`. Elementwise; every result has w's shape.

    >>> import torch
    >>> w, variance = torch.tensor(0.7, dtype=torch.float64), torch.tensor(0.36, dtype=torch.float64)
    >>> [round(m.item(), 4) for m in log_ratio_moments(w, variance.log(), 5)]
    [0.4358, 0.5711, -0.0196, 1.2294, -3.2272]
    """
    import torch

    two_alpha = torch.expm1(log_variance)
    squared_beta = w.square() * torch.exp(log_variance)
    cumulants = [0.5 * (w.square() - log_variance + two_alpha)]
    power = torch.ones_like(w)
    for r in range(2, degree + 1):
        gain = math.factorial(r - 1) * two_alpha.square() + math.factorial(r) * squared_beta
        cumulants.append(0.5 * gain * power)
        power = power * two_alpha
    moments = [torch.ones_like(w)]
    for r in range(1, degree + 1):
        terms = [math.comb(r - 1, i - 1) * cumulants[i - 1] * moments[r - i] for i in range(1, r + 1)]
        moments.append(torch.stack(terms).sum(0))
    return moments[1:]
