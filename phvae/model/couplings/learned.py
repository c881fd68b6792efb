"""A trained coupling of the levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from phvae.model.part import Coupling

if TYPE_CHECKING:
    from torch import Tensor

    from phvae.model.bound import BoundCoupling

__all__ = ["Learned"]


class Learned(Coupling):
    """A's strictly lower entries are trained, starting from chain(rho)."""

    name: Literal["learned"] = "learned"
    rho: float = Field(0.5, gt=-1, lt=1, description="the chain that training starts from")

    def parameters(self, order: int) -> dict[str, Tensor]:
        """`entries`: A's strictly lower entries, row by row, (n (n - 1) / 2,)."""
        import torch

        rows, columns = torch.tril_indices(order, order, -1)
        return {"entries": torch.pow(self.rho, (rows - columns).float())}

    def constants(self, order: int) -> dict[str, Tensor]:
        """`place`: 1 where each entry belongs, (n (n - 1) / 2, n, n)."""
        import torch

        rows, columns = torch.tril_indices(order, order, -1)
        place = torch.zeros(len(rows), order, order)
        place[torch.arange(len(rows)), rows, columns] = 1
        return {"place": place}

    def matrix(self, at: BoundCoupling, like: Tensor) -> Tensor:
        """I and the entries below it."""
        import torch

        eye = torch.eye(at.order, dtype=like.dtype, device=like.device)
        return eye + (at.entries[:, None, None] * at.place).sum(0).to(like.dtype)
