"""The paper's powers."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

__all__ = ["levels", "logit"]


def levels(x: Tensor, order: int) -> list[Tensor]:
    """The powers x^k (Chen and Li, 2025).

    By repeated multiplication: exact on {0, 1}, and with finite gradients at 0 and 1.

    >>> [level.tolist() for level in levels(torch.tensor([0.0, 0.5, 1.0]), 3)]
    [[0.0, 0.5, 1.0], [0.0, 0.25, 1.0], [0.0, 0.125, 1.0]]
    """
    levels = [x]
    while len(levels) < order:
        levels.append(levels[-1] * x)
    return levels


def logit(output: Tensor, level: int) -> Tensor:
    """The logit of phi_k(x_hat) from that of x_hat = sigmoid(l).

    log x_hat^k = k logsigmoid(l) and log(1 - x_hat^k) = logsigmoid(-l) + log sum_(j<k) x_hat^j: finite for every l.

    >>> round(torch.sigmoid(logit(torch.tensor(0.0), 3)).item(), 6)
    0.125
    """
    if level == 1:
        return output
    powers = levels(torch.sigmoid(output), level - 1)
    return level * logsigmoid(output) - logsigmoid(-output) - torch.log1p(torch.stack(powers).sum(0))
