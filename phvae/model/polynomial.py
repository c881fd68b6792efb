"""The polynomial hierarchical data format: x -> (phi_1(x), ..., phi_n(x)), element by element."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from phvae.errors import nearest

__all__ = ["BASES", "chebyshev", "copies", "expand", "is_binary", "legendre", "monomial", "warn_if_binary"]


def monomial(x: Tensor, order: int) -> list[Tensor]:
    """The powers x^k (Chen and Li, 2025).

    By repeated multiplication: exact on {0, 1}, and with finite gradients at 0 and 1.

    >>> [level.tolist() for level in monomial(torch.tensor([0.0, 0.5, 1.0]), 3)]
    [[0.0, 0.5, 1.0], [0.0, 0.25, 1.0], [0.0, 0.125, 1.0]]
    """
    levels = [x]
    while len(levels) < order:
        levels.append(levels[-1] * x)
    return levels


def legendre(x: Tensor, order: int) -> list[Tensor]:
    """Legendre polynomials moved to [0, 1]: (P_k(t) + 1) / 2 with t = 2x - 1 (an extension of the paper).

    By Bonnet's recursion k P_k = (2k - 1) t P_(k-1) - (k - 1) P_(k-2).

    >>> [level.tolist() for level in legendre(torch.tensor([0.0, 0.5, 1.0]), 2)]
    [[0.0, 0.5, 1.0], [1.0, 0.25, 1.0]]
    """
    t = 2 * x - 1
    p = [torch.ones_like(x), t]
    for k in range(2, order + 1):
        p.append(((2 * k - 1) * t * p[-1] - (k - 1) * p[-2]) / k)
    return [x, *((value + 1) / 2 for value in p[2 : order + 1])]


def chebyshev(x: Tensor, order: int) -> list[Tensor]:
    """Chebyshev polynomials moved to [0, 1]: (T_k(t) + 1) / 2 with t = 2x - 1 (an extension of the paper).

    By the recursion T_k = 2 t T_(k-1) - T_(k-2).

    >>> [level.tolist() for level in chebyshev(torch.tensor([0.0, 0.5, 1.0]), 2)]
    [[0.0, 0.5, 1.0], [1.0, 0.0, 1.0]]
    """
    t = 2 * x - 1
    p = [torch.ones_like(x), t]
    for _ in range(2, order + 1):
        p.append(2 * t * p[-1] - p[-2])
    return [x, *((value + 1) / 2 for value in p[2 : order + 1])]


def copies(x: Tensor, order: int) -> list[Tensor]:
    """The control: x for every level, which keeps the several encoders and removes the polynomials.

    >>> [level.tolist() for level in copies(torch.tensor([0.5]), 2)]
    [[0.5], [0.5]]
    """
    return [x] * order


BASES: dict[str, Callable[[Tensor, int], list[Tensor]]] = {
    "monomial": monomial,
    "legendre": legendre,
    "chebyshev": chebyshev,
    "copies": copies,
}


def expand(x: Tensor, order: int, basis: str = "monomial") -> list[Tensor]:
    """The levels phi_1(x) = x, phi_2(x), ..., phi_n(x) of every element of x.

    On [0, 1] every level stays in [0, 1]. Standardised densities may leave [0, 1]; the polynomials are defined there
    too.

    Args:
        x: data of any shape, without unit.
        order: the number of levels n >= 1.
        basis: a name of `BASES`.

    Returns:
        n tensors of x's shape.

    Raises:
        ValueError: unknown basis, or an order below 1.

    >>> [level.item() for level in expand(torch.tensor(0.2), 3, "copies")] == [torch.tensor(0.2).item()] * 3
    True
    """
    if basis not in BASES:
        raise ValueError(f"basis is {basis!r}, expected one of {', '.join(BASES)}{nearest(basis, BASES)}")
    if order < 1:
        raise ValueError(f"order is {order}, expected at least 1")
    return BASES[basis](x, order)


def is_binary(x: Tensor | np.ndarray) -> bool:
    """Whether every value is 0 or 1 (0 or 255 where bytes stand for x / 255), as on black-and-white images.

    >>> is_binary(torch.tensor([0.0, 1.0])), is_binary(torch.tensor([0.0, 0.5])), is_binary(torch.tensor([True]))
    (True, False, True)
    """
    one = 255 if str(x.dtype).endswith("uint8") else 1
    parts = (x[start : start + 4096] for start in range(0, len(x), 4096))
    return all(bool(((part == 0) | (part == one)).all()) for part in parts)


def warn_if_binary(binary: bool, order: int, basis: str) -> None:
    """Warn that the polynomial levels of binary data carry nothing new.

    On {0, 1} every power of x is x, odd Legendre and Chebyshev degrees are x, and even ones are constant.

    >>> warn_if_binary(False, 3, "monomial")
    """
    if binary and order > 1 and basis != "copies":
        warnings.warn(
            f"the data are binary (every value is 0 or 1): at order {order} the levels of basis {basis!r} are the data "
            "themselves or constant, so polynomial claims are not testable on them; use grey data, or basis 'copies'",
            UserWarning,
            stacklevel=3,
        )
