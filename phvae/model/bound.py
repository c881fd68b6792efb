"""Parts with trained tensors, bound to their place in a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from phvae.model.part import Coupling, Likelihood

__all__ = ["BoundCoupling", "BoundLikelihood"]


class BoundCoupling(nn.Module):
    """A coupling of `order` levels with its tensors.

    >>> from phvae.model.couplings.chain import Chain
    >>> BoundCoupling(Chain(rho=0.5), 3)(torch.zeros(1)).tolist()
    [[1.0, 0.0, 0.0], [0.5, 1.0, 0.0], [0.25, 0.5, 1.0]]
    """

    def __init__(self, part: Coupling, order: int) -> None:
        super().__init__()
        self.part, self.order = part, order
        for name, value in part.parameters(order).items():
            self.register_parameter(name, nn.Parameter(value))
        for name, value in part.constants(order).items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, like: Tensor) -> Tensor:
        """A, (n, n), in the precision of `like`."""
        return self.part.matrix(self, like)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


class BoundLikelihood(nn.Module):
    """A likelihood with its tensors, the basis, the scored levels (1-based), and whether examples are images."""

    def __init__(self, part: Likelihood, basis: str, levels: Sequence[int], image: bool) -> None:
        super().__init__()
        self.part, self.basis, self.levels, self.image = part, basis, tuple(levels), image
        for name, value in part.parameters(self.levels).items():
            self.register_parameter(name, nn.Parameter(value))

    def mean(self, output: Tensor) -> Tensor:
        """E[x | z] from the decoder's output, both (B, *shape)."""
        return self.part.mean(self, output)

    def nll(self, x: Sequence[Tensor], output: Tensor, levels: Sequence[int]) -> list[Tensor]:
        """-log p(phi_k(x) | z) of each asked level, (B,) nats; x[k - 1] is phi_k(x)."""
        return self.part.nll(self, x, output, levels)

    def sample(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """A draw from p(x | z), (B, *shape)."""
        return self.part.sample(self, output, generator)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
