"""Normal observation noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from phvae.config.strict import LARGEST, SMALLEST
from phvae.model.part import Likelihood

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from phvae.model.bound import BoundLikelihood
    from phvae.model.options import ModelConfig

__all__ = ["MIN_LOG_SCALE", "Gaussian"]

MIN_LOG_SCALE = -6.0


class Gaussian(Likelihood):
    """Normal noise of scale s_x on every element."""

    unit_interval: ClassVar[bool] = False

    name: Literal["gaussian"] = "gaussian"
    scale: Annotated[float, Field(ge=SMALLEST, le=LARGEST)] | Literal["learned"] = Field(
        0.1, description="s_x; `learned`: one scale a level, log s_x >= -6"
    )

    def parameters(self, levels: Sequence[int]) -> dict[str, Tensor]:
        """`raw`: what a learned scale is computed from, one per scored level, starting at a scale of 0.1."""
        import torch

        start = math.log(math.expm1(math.log(0.1) - MIN_LOG_SCALE))
        return {"raw": torch.full((len(levels),), start)} if self.scale == "learned" else {}

    def check(self, model: ModelConfig) -> None:
        """A learned scale of level 1 must be trained."""
        scored = model.scored_weights
        if self.scale == "learned" and not scored[0]:
            raise ValueError(
                f"likelihood gaussian with scale learned needs a positive first reconstruction weight (found {scored}):"
                " samples and log p(x) use the scale of level 1, which would not be trained"
            )

    def log_scale(self, at: BoundLikelihood, level: int) -> Tensor | float:
        """log s_x of a level.

        A learned one is bounded below, log s_x = -6 + softplus(raw) >= -6, because the likelihood of data that are
        reconstructed exactly is not.
        """
        if self.scale != "learned":
            return math.log(self.scale)
        if level not in at.levels:
            raise ValueError(f"level {level} has no learned scale: its reconstruction weight is 0")
        from torch.nn.functional import softplus

        return MIN_LOG_SCALE + softplus(at.raw[at.levels.index(level)])

    def mean(self, at: BoundLikelihood, output: Tensor) -> Tensor:
        """x_hat: the sigmoid of the output on images, the output itself on densities."""
        return output.sigmoid() if at.image else output

    def nll(self, at: BoundLikelihood, x: Sequence[Tensor], output: Tensor, levels: Sequence[int]) -> list[Tensor]:
        """Sum over elements of (phi_k(x) - phi_k(x_hat))^2 / (2 s^2) + log s + log(2 pi) / 2."""
        import torch

        from phvae.model.hierarchy import expand

        means = expand(self.mean(at, output), max(levels), at.basis)
        size, values = math.prod(output.shape[1:]), []
        for k in levels:
            log_s = self.log_scale(at, k)
            precision = math.exp(-2 * log_s) if isinstance(log_s, float) else torch.exp(-2 * log_s)
            constant = size * (log_s + 0.5 * math.log(2 * math.pi))
            values.append(0.5 * precision * (x[k - 1] - means[k - 1]).square().flatten(1).sum(1) + constant)
        return values

    def sample(self, at: BoundLikelihood, output: Tensor, generator: torch.Generator) -> Tensor:
        """x_hat + s_x times standard normal noise; images are not clipped."""
        import torch

        log_s = self.log_scale(at, 1)
        scale = math.exp(log_s) if isinstance(log_s, float) else torch.exp(log_s)
        noise = torch.randn(output.shape, generator=generator, dtype=output.dtype, device=generator.device)
        return self.mean(at, output) + scale * noise.to(output.device)
