"""No coupling of the levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from phvae.model.part import Coupling

if TYPE_CHECKING:
    from torch import Tensor

    from phvae.model.bound import BoundCoupling

__all__ = ["Identity"]


class Identity(Coupling):
    """A = I."""

    name: Literal["identity"] = "identity"

    def matrix(self, at: BoundCoupling, like: Tensor) -> Tensor:
        """I, (n, n)."""
        import torch

        return torch.eye(at.order, dtype=like.dtype, device=like.device)
