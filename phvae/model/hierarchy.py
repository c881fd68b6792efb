"""The polynomial hierarchical data format: x -> (phi_1(x), ..., phi_n(x)), element by element."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable

import numpy as np
from torch import Tensor

from phvae.errors import nearest
from phvae.model.parts import BASIS_NAMES, module_of

__all__ = ["BASES", "basis_logit", "expand", "is_binary", "warn_if_binary"]

BASES: dict[str, Callable[[Tensor, int], list[Tensor]]] = {
    name: importlib.import_module(module_of("basis", name)).levels for name in BASIS_NAMES
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

    >>> import torch
    >>> [level.item() for level in expand(torch.tensor(0.2), 3, "copies")] == [torch.tensor(0.2).item()] * 3
    True
    """
    if basis not in BASES:
        raise ValueError(f"basis is {basis!r}, expected one of {', '.join(BASES)}{nearest(basis, BASES)}")
    if order < 1:
        raise ValueError(f"order is {order}, expected at least 1")
    return BASES[basis](x, order)


def basis_logit(output: Tensor, level: int, basis: str) -> Tensor:
    """The logit of phi_k(x_hat) from that of x_hat, where the basis has one.

    >>> import torch
    >>> round(torch.sigmoid(basis_logit(torch.tensor(0.0), 3, "monomial")).item(), 6)
    0.125
    """
    found: Tensor = importlib.import_module(module_of("basis", basis)).logit(output, level)
    return found


def is_binary(x: Tensor | np.ndarray) -> bool:
    """Whether every value is 0 or 1 (0 or 255 where bytes stand for x / 255), as on black-and-white images.

    >>> import torch
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
