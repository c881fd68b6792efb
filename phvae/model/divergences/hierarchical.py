"""The level-weighted polynomial divergence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StrictBool, model_validator

from phvae.config.strict import LARGEST, Weight
from phvae.model.part import Divergence

if TYPE_CHECKING:
    from torch import Tensor

    from phvae.model.options import ModelConfig
    from phvae.model.part import Context
    from phvae.model.posterior import Posterior

__all__ = ["Hierarchical"]


class Hierarchical(Divergence):
    """The level-weighted polynomial divergence sum_k omega_k D_k."""

    name: Literal["hierarchical"] = "hierarchical"
    beta: Weight = Field(1.0, description="mean of the normalised level weights")
    weights: Literal["uniform", "geometric"] | Annotated[list[Weight], Field(min_length=1)] = Field(
        "geometric", description="level weights omega_k: uniform, geometric, or one number a level"
    )
    ratio: float = Field(
        2.0,
        gt=0,
        le=LARGEST,
        description="r of the geometric weights, omega_k proportional to r^(k-1); refused beside others",
    )
    normalise: StrictBool = Field(True, description="rescale listed weights so that they sum to order * beta")

    @model_validator(mode="after")
    def _used(self) -> Hierarchical:
        if not self.normalise and isinstance(self.weights, str):
            raise ValueError(f"normalise is false, but weights {self.weights} are normalised always: list the weights")
        if self.weights != "geometric" and self.ratio != type(self).model_fields["ratio"].default:
            kind = self.weights if isinstance(self.weights, str) else "listed"
            raise ValueError(f"ratio is {self.ratio:g}, but {kind} weights have none: use weights: geometric")
        return self

    def check(self, model: ModelConfig) -> None:
        """Listed weights: one per level, one of them positive."""
        if isinstance(self.weights, list):
            if len(self.weights) != model.order:
                raise ValueError(
                    f"divergence.weights has {len(self.weights)} entries, expected one a level: order is {model.order}"
                )
            if sum(self.weights) <= 0:
                raise ValueError(f"divergence.weights is {self.weights}: at least one weight must be positive")

    def level_weights(self, order: int) -> list[float]:
        """omega_k, k = 1..order (method.md, section 4).

        They sum to order * beta, so that a gain cannot be a smaller beta in disguise; with `normalise` off a list is
        taken as it stands, times beta.

        >>> [round(w, 4) for w in Hierarchical(ratio=2.0).level_weights(3)]
        [0.4286, 0.8571, 1.7143]
        >>> Hierarchical(weights=[1, 3], beta=0.5).level_weights(2)
        [0.25, 0.75]
        """
        if self.weights == "uniform":
            raw: Sequence[float] = [1.0] * order
        elif self.weights == "geometric":
            raw = [self.ratio**k for k in range(order)]
        else:
            raw = [float(weight) for weight in self.weights]
        listed = not isinstance(self.weights, str)
        gain = self.beta if listed and not self.normalise else self.beta * order / math.fsum(raw)
        return [gain * value for value in raw]

    def value(self, q: Posterior, at: Context) -> Tensor:
        """The level-weighted divergence sum_k omega_k D_k, (B,) nats."""
        import torch

        return torch.stack(self._weighted(q)).sum(0)

    def levels(self, q: Posterior, at: Context) -> Tensor:
        """omega_k D_k, (B, n) nats."""
        import torch

        return torch.stack(self._weighted(q), -1)

    def _weighted(self, q: Posterior) -> list[Tensor]:
        levels = q.kl_levels.unbind(-1)
        return [omega * d_k for omega, d_k in zip(self.level_weights(len(levels)), levels, strict=True)]

    def computed(self, order: int) -> dict[str, object]:
        """The weights, however they are written."""
        return {"weights": self.level_weights(order)}
