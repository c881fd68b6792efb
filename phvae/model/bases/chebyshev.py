"""Chebyshev polynomials moved to [0, 1]."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["levels"]


def levels(x: Tensor, order: int) -> list[Tensor]:
    """Chebyshev polynomials moved to [0, 1]: (T_k(t) + 1) / 2 with t = 2x - 1 (an extension of the paper).

    By the recursion T_k = 2 t T_(k-1) - T_(k-2).

    >>> [level.tolist() for level in levels(torch.tensor([0.0, 0.5, 1.0]), 2)]
    [[0.0, 0.5, 1.0], [1.0, 0.0, 1.0]]
    """
    t = 2 * x - 1
    p = [torch.ones_like(x), t]
    for _ in range(2, order + 1):
        p.append(2 * t * p[-1] - p[-2])
    return [x, *((value + 1) / 2 for value in p[2 : order + 1])]
