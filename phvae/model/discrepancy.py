"""The squared maximum mean discrepancy of two samples, by its unbiased U-statistic."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["squared_discrepancy"]


def squared_discrepancy(u: Tensor, p: Tensor, kernel: str, scale: float) -> Tensor:
    """MMD^2 of two samples (B, L), () without unit: unbiased, hence negative at times (Gretton et al., 2012, eq. 3).

    With r = |a - b|^2 / (2 L scale^2), whose mean is 1 between draws of N(0, I) at scale 1, the kernel is 1 / (1 + r)
    (`imq`, inverse multiquadratic) or exp(-r) (`rbf`). One example has no pair: 0.

    By differences and sums, because autocast would run a matrix product in half precision.

    >>> u = torch.tensor([[0.0], [1.0]])
    >>> squared_discrepancy(u, u, "imq", 1.0)  # 2/3 + 2/3 - 2 (1 + 1 + 2/3 + 2/3) / 4
    tensor(-0.3333)
    """
    count, size = u.shape
    if count == 1:
        return (u - u).sum()

    def similar(a: Tensor, b: Tensor) -> Tensor:
        r = (a.unsqueeze(1) - b).square().sum(-1) / (2 * size * scale**2)
        return 1 / (1 + r) if kernel == "imq" else torch.exp(-r)

    # an example beside itself has 1 in either kernel
    within = (similar(u, u).sum() + similar(p, p).sum() - 2 * count) / (count * (count - 1))
    return within - 2 * similar(u, p).mean()
