"""The chain: each level follows from the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from phvae.model.part import Coupling

if TYPE_CHECKING:
    from torch import Tensor

    from phvae.model.bound import BoundCoupling

__all__ = ["Chain"]


class Chain(Coupling):
    """A = (I - rho S)^-1, S the one-step shift: A_kl = rho^(k-l)."""

    name: Literal["chain"] = "chain"
    rho: float = Field(0.5, gt=-1, lt=1, description="correlation of a level with the one before")

    def constants(self, order: int) -> dict[str, Tensor]:
        """`steps`: max(k - l, 0), (n, n)."""
        import torch

        k = torch.arange(order)
        return {"steps": (k[:, None] - k[None, :]).clamp(min=0)}

    def matrix(self, at: BoundCoupling, like: Tensor) -> Tensor:
        """A_kl = rho^(k-l) for l <= k."""
        import torch

        return torch.pow(self.rho, at.steps.to(like.dtype)).tril()
