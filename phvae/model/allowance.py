"""What a divergence may amount to without being charged: a capacity that grows, or free bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from phvae.config.strict import LARGEST, Strict

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Capacity", "above_free_bits", "off_capacity"]


class Capacity(Strict):
    """The loss has gamma * |D - C| in place of D; C grows linearly from 0 over a share of the training."""

    nats: float = Field(gt=0, le=LARGEST, description="C at its end")
    gamma: float = Field(1000.0, gt=0, le=LARGEST, description="weight of the distance")
    until: float = Field(1.0, gt=0, le=1, description="share of the training after which C no longer grows")


def off_capacity(value: Tensor, capacity: Capacity, share: Tensor) -> Tensor:
    """Gamma times the distance of a batch's mean divergence (B,) from C, (B,) nats (Burgess et al., 2018, equation 8).

    >>> import torch
    >>> off_capacity(torch.tensor([1.0, 5.0]), Capacity(nats=8, gamma=10, until=0.5), torch.tensor(0.25))
    tensor([10., 10.])
    """
    target = capacity.nats * (share / capacity.until).clamp(max=1)
    return (capacity.gamma * (value.mean() - target).abs()).expand(len(value))


def above_free_bits(levels: Tensor, free: float) -> Tensor:
    """Levels' means over the batch, `free` at least, summed: (B, n) to (B,) nats (Kingma et al., 2016, equation 15).

    >>> import torch
    >>> above_free_bits(torch.tensor([[0.0, 3.0], [0.5, 1.0]]), 0.5)
    tensor([2.5000, 2.5000])
    """
    return levels.mean(0).clamp(min=free).sum().expand(len(levels))
