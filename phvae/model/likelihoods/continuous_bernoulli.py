"""The continuous Bernoulli density (Loaiza-Ganem and Cunningham, 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from phvae.model.part import Likelihood

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from phvae.model.bound import BoundLikelihood
    from phvae.model.options import ModelConfig

__all__ = ["ContinuousBernoulli", "log_sinhc"]


class ContinuousBernoulli(Likelihood):
    """The continuous Bernoulli density on [0, 1] (Loaiza-Ganem and Cunningham, 2019)."""

    # Its density is e^(l x) / integral of e^(l x) over [0, 1], so log p = (x - 1/2) l - log(sinh(l/2) / (l/2)). The
    # parameter of level k is phi_k(sigmoid(l)); the mean is that of the density, not the parameter.
    name: Literal["continuous_bernoulli"] = "continuous_bernoulli"

    def check(self, model: ModelConfig) -> None:
        """Levels above 1 need a basis whose levels have a logit."""
        model.check_logits()

    def mean(self, at: BoundLikelihood, output: Tensor) -> Tensor:
        """E[x] = 1/2 + (coth(l/2) - 2/l) / 2."""
        import torch

        small = output.abs() < 0.05
        h = torch.where(small, 1.0, 0.5 * output)
        series = output / 12 * (1 - output.square() / 60)
        return 0.5 + torch.where(small, series, 0.5 * (1 / torch.tanh(h) - 1 / h))

    def nll(self, at: BoundLikelihood, x: Sequence[Tensor], output: Tensor, levels: Sequence[int]) -> list[Tensor]:
        """Sum over elements of log(sinh(l_k/2) / (l_k/2)) - (phi_k(x) - 1/2) l_k."""
        from phvae.model.hierarchy import basis_logit
        from phvae.model.layers import total

        logits = [basis_logit(output, k, at.basis) for k in levels]
        return [total(log_sinhc(0.5 * l_k) - (x[k - 1] - 0.5) * l_k) for k, l_k in zip(levels, logits, strict=True)]

    def sample(self, at: BoundLikelihood, output: Tensor, generator: torch.Generator) -> Tensor:
        """By the inverse distribution function; |l| below 1e-3 is drawn as 1e-3, which moves x by less than 2e-4."""
        import torch

        from phvae.model.layers import uniform

        rate = output.abs().clamp(min=1e-3)
        x = -torch.log1p(uniform(output, generator) * torch.expm1(-rate)) / rate
        return torch.where(output < 0, x, 1 - x)


def log_sinhc(h: Tensor) -> Tensor:
    """log(sinh(h) / h): a series for small h, no overflow for large h.

    >>> import torch
    >>> round(log_sinhc(torch.tensor(1.0)).item(), 4), round(log_sinhc(torch.tensor(1e-4)).item(), 4)
    (0.1614, 0.0)
    """
    import torch

    small = h.abs() < 0.25
    s = torch.where(small, h, 0.0).square()
    series = s * (1 / 6 - s * (1 / 180 - s * (1 / 2835 - s * (1 / 37800 - s / 467775))))
    a = torch.where(small, 1.0, h.abs())
    return torch.where(small, series, a + torch.log1p(-torch.exp(-2 * a)) - torch.log(2 * a))
