"""Legendre polynomials moved to [0, 1]."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["levels"]


def levels(x: Tensor, order: int) -> list[Tensor]:
    """Legendre polynomials moved to [0, 1]: (P_k(t) + 1) / 2 with t = 2x - 1 (an extension of the paper).

    By Bonnet's recursion k P_k = (2k - 1) t P_(k-1) - (k - 1) P_(k-2).

    >>> [level.tolist() for level in levels(torch.tensor([0.0, 0.5, 1.0]), 2)]
    [[0.0, 0.5, 1.0], [1.0, 0.25, 1.0]]
    """
    t = 2 * x - 1
    p = [torch.ones_like(x), t]
    for k in range(2, order + 1):
        p.append(((2 * k - 1) * t * p[-1] - (k - 1) * p[-2]) / k)
    return [x, *((value + 1) / 2 for value in p[2 : order + 1])]
