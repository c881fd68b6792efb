"""The polynomial hierarchical data format: x -> (phi_1(x), ..., phi_n(x)), element by element."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["BASES", "expand", "warn_if_binary"]


def monomial(x: Tensor, order: int) -> list[Tensor]:
    """Powers x^k, by repeated multiplication: exact on {0, 1} and smooth at 0 (Chen and Li, 2025)."""
    levels = [x]
    while len(levels) < order:
        levels.append(levels[-1] * x)
    return levels


def legendre(x: Tensor, order: int) -> list[Tensor]:
    """Shifted Legendre polynomials (P_k(2x - 1) + 1) / 2, by k P_k = (2k - 1) t P_{k-1} - (k - 1) P_{k-2}."""
    t = 2 * x - 1
    p = [torch.ones_like(x), t]
    for k in range(2, order + 1):
        p.append(((2 * k - 1) * t * p[-1] - (k - 1) * p[-2]) / k)
    return [x, *((value + 1) / 2 for value in p[2 : order + 1])]


def chebyshev(x: Tensor, order: int) -> list[Tensor]:
    """Shifted Chebyshev polynomials (T_k(2x - 1) + 1) / 2, by T_k = 2 t T_{k-1} - T_{k-2}."""
    t = 2 * x - 1
    p = [torch.ones_like(x), t]
    for _ in range(2, order + 1):
        p.append(2 * t * p[-1] - p[-2])
    return [x, *((value + 1) / 2 for value in p[2 : order + 1])]


def copies(x: Tensor, order: int) -> list[Tensor]:
    """The control: x for every level keeps the several encoders and removes the polynomials."""
    return [x] * order


BASES: dict[str, Callable[[Tensor, int], list[Tensor]]] = {
    "monomial": monomial,
    "legendre": legendre,
    "chebyshev": chebyshev,
    "copies": copies,
}


def expand(x: Tensor, order: int, basis: str = "monomial") -> list[Tensor]:
    """The levels phi_1(x) = x, phi_2(x), ..., phi_n(x) of every element of x.

    Args:
        x: data of any shape; images lie in [0, 1], where every level does too.
        order: number of levels n >= 1.
        basis: a name of `BASES`.

    Returns:
        n tensors of x's shape.

    >>> [level.tolist() for level in expand(torch.tensor([0.0, 0.5, 1.0]), 3)]
    [[0.0, 0.5, 1.0], [0.0, 0.25, 1.0], [0.0, 0.125, 1.0]]
    >>> expand(torch.tensor([0.0, 0.5, 1.0]), 2, "legendre")[1].tolist()
    [1.0, 0.25, 1.0]
    """
    return BASES[basis](x, order)


def warn_if_binary(x: Tensor, order: int, basis: str) -> bool:
    """Warn that levels k > 1 carry nothing new on {0, 1} data, and return whether the data are binary."""
    binary = bool(((x == 0) | (x == 1)).all())
    if binary and order > 1 and basis != "copies":
        warnings.warn(
            f"the data are binary (every value is 0 or 1): the levels of basis {basis!r} at order {order} are the data "
            "itself or a constant, so polynomial claims are not testable on them; use grey data or basis 'copies'",
            stacklevel=2,
        )
    return binary
