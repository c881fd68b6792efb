"""Binary cross-entropy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from phvae.model.part import Likelihood

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from phvae.model.bound import BoundLikelihood
    from phvae.model.options import ModelConfig

__all__ = ["Bernoulli"]


class Bernoulli(Likelihood):
    """Binary cross-entropy; on grey data it is not a density and is reported as `bce`."""

    name: Literal["bernoulli"] = "bernoulli"

    def check(self, model: ModelConfig) -> None:
        """Levels above 1 need a basis whose levels have a logit."""
        model.check_logits()

    def mean(self, at: BoundLikelihood, output: Tensor) -> Tensor:
        """x_hat, the probability of 1."""
        return output.sigmoid()

    def nll(self, at: BoundLikelihood, x: Sequence[Tensor], output: Tensor, levels: Sequence[int]) -> list[Tensor]:
        """Sum over elements of -phi_k(x) log phi_k(x_hat) - (1 - phi_k(x)) log(1 - phi_k(x_hat))."""
        from torch.nn.functional import softplus

        from phvae.model.hierarchy import basis_logit
        from phvae.model.layers import total

        logits = [basis_logit(output, k, at.basis) for k in levels]
        return [total(softplus(logit) - x[k - 1] * logit) for k, logit in zip(levels, logits, strict=True)]

    def sample(self, at: BoundLikelihood, output: Tensor, generator: torch.Generator) -> Tensor:
        """Zeros and ones."""
        from phvae.model.layers import uniform

        return (uniform(output, generator) < self.mean(at, output)).to(output.dtype)
