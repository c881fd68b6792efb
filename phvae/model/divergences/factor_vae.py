"""The FactorVAE, whose total correlation a discriminator estimates (Kim and Mnih, 2018)."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from phvae.config.strict import MOST_AT_ONCE, Weight, Whole
from phvae.model.part import Divergence

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from phvae.model.part import Context
    from phvae.model.posterior import Posterior

__all__ = ["FactorVAE"]


class FactorVAE(Divergence):
    """KL + gamma * total correlation of all coordinates, by the density ratio of a discriminator trained beside it."""

    draws_prior: ClassVar[bool] = True

    name: Literal["factor_vae"] = "factor_vae"
    gamma: Weight = Field(10.0, description="weight of the total correlation")
    critic_width: Whole = Field(1000, ge=1, le=MOST_AT_ONCE, description="width of the discriminator's hidden layers")
    critic_layers: Whole = Field(6, ge=1, le=16, description="number of its hidden layers, leaky ReLU")
    critic_learning_rate: float = Field(1e-4, gt=0, description="of its own Adam")

    @model_validator(mode="after")
    def _used(self) -> FactorVAE:
        if not self.gamma:
            raise ValueError("gamma is 0, which is KL: use kl, or give gamma a weight")
        return self

    def value(self, q: Posterior, at: Context) -> Tensor:
        """KL(q || p) and the weighted log-ratio of q(u) to the product of its marginals at each draw, (B,) (eq. 2, 3).

        The discriminator's one output is log D / (1 - D), which the paper has as a difference of two.
        """
        return q.kl_levels.sum(-1) + self.gamma * at.judged(q.drawn.flatten(1)).squeeze(-1)

    def critic(self, size: int, generator: torch.Generator) -> nn.Module:
        """Size - hidden layers - 1, the logit of "drawn together"; leaky ReLU of slope .2 (appendix A)."""
        from torch import nn

        from phvae.model.layers import linear

        sizes = (size, *[self.critic_width] * self.critic_layers)
        hidden = [(linear(a, b, generator), nn.LeakyReLU(0.2)) for a, b in itertools.pairwise(sizes)]
        return nn.Sequential(*itertools.chain.from_iterable(hidden), linear(sizes[-1], 1, generator))

    def critic_size(self, size: int) -> int:
        """Weights and biases."""
        sizes = (size, *[self.critic_width] * self.critic_layers, 1)
        return sum((a + 1) * b for a, b in itertools.pairwise(sizes))

    @property
    def critic_rate(self) -> float:
        """Of the discriminator's Adam; its decays are the paper's."""
        return self.critic_learning_rate

    def critic_loss(self, q: Posterior, at: Context) -> Tensor:
        """Cross-entropy of draws against draws whose coordinates were permuted over the batch, (B,) (algorithm 2).

        The permutations are orders of fresh noise; the permuted draws are of the same batch, not of a second one.
        """
        from torch.nn.functional import softplus

        u = q.drawn.flatten(1)
        permuted = u.gather(0, at.drawn_prior.flatten(1).argsort(0))
        together, apart = at.judged(u).squeeze(-1), at.judged(permuted).squeeze(-1)
        return 0.5 * (softplus(-together) + softplus(apart))
