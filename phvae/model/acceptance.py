"""Which polynomials of the log-ratio are divergences: D >= 0 for all q and p (loads no torch)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from phvae.errors import ConfigError

__all__ = ["failing_point", "require_non_negative"]


# D >= 0 for all q and p  <=>  f(s) = P(s) - c_1 (1 - e^-s) >= 0 for all real s
def _excess(c: Sequence[float], s: float) -> tuple[float, float]:
    """g(s) = f(s) / s^2, which has f's sign and no root at 0, and the size of its terms."""
    if abs(s) < 0.1:
        first = math.fsum((-s) ** i / math.factorial(i + 2) for i in range(12))
    else:
        first = (math.expm1(min(-s, 709.0)) + s) / s**2
    terms = [c[0] * first, *(c_j * s**j for j, c_j in enumerate(c[1:]))]
    return math.fsum(terms), math.fsum(map(abs, terms))


def _derivative(c: Sequence[float], times: int) -> Callable[[float], float]:
    """The times-th derivative of f: a polynomial plus c_1 (-1)^times e^-s."""
    polynomial = [c_j * math.perm(j, times) for j, c_j in enumerate(c, 1) if j >= times]

    def value(s: float) -> float:
        total = 0.0
        for coefficient in reversed(polynomial):
            total = total * s + coefficient
        return total + c[0] * (-1) ** times * math.exp(min(-s, 709.0))

    return value


def _root(f: Callable[[float], float], low: float, high: float) -> float | None:
    """The root of a monotonic f between low and high, by bisection; None where f keeps its sign."""
    rising = f(low) < 0
    if rising == (f(high) < 0):
        return None
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if (f(middle) < 0) == rising else (low, middle)
    return 0.5 * (low + high)


def _reach(c: Sequence[float]) -> float:
    """The |s| beyond which the highest power decides (twice Cauchy's bound), or e^-s, which has overflowed by 750."""
    return min(1e12, 2 * max(750.0, 1 + max(map(abs, c)) / (abs(c[-1]) or 1.0)))


def failing_point(coefficients: Sequence[float]) -> float | None:
    """The s nearest 0 that was found with P(s) < c_1 (1 - e^-s), where D >= 0 is not guaranteed; None if there is none.

    Necessary and sufficient for D >= 0 over all q and p: E_q[1 - e^-l] = 0 gives E_q[P(l)] = E_q[f(l)]. The minima
    of f are found from the top: the m-th derivative is monotonic, and between the roots of one derivative the next
    lower one is monotonic, so every root is bracketed. Equality up to rounding (1e-12 of the terms) is accepted.

    Args:
        coefficients: c_1, ..., c_m of P(s) = c_1 s + ... + c_m s^m.

    >>> failing_point([1.0, 0.5, 1 / 6]) is None
    True
    >>> failing_point([1.0, 0.0, 1.0])
    -1.0
    """
    c = [float(value) for value in coefficients]
    while len(c) > 1 and c[-1] == 0:
        c.pop()
    reach = _reach(c)
    ends = (-reach, reach)
    roots: list[float] = []
    for times in range(len(c), 0, -1):
        f = _derivative(c, times)
        found = [_root(f, low, high) for low, high in pairwise([ends[0], *roots, ends[1]])]
        roots = [root for root in found if root is not None]
    probes = [sign * 2.0**power for power in range(-10, 40) for sign in (-1, 1)]  # both tails, and beside 0
    failing = []
    for s in (*(root for root in roots if abs(root) > 1e-9), *probes, *ends, 0.0):  # f' vanishes at 0, up to rounding
        value, size = _excess(c, s)
        if value < -1e-12 * size:
            failing.append(s)
    return min(failing, key=lambda s: (s == 0, abs(s)), default=None)


def require_non_negative(coefficients: Sequence[float]) -> None:
    """Raise ConfigError unless the log-ratio polynomial with these coefficients is a divergence.

    >>> require_non_negative([1.0, 0.5])
    """
    if not any(coefficients):
        raise ConfigError("coefficients are all zero: at least one must not be")
    last = next(value for value in reversed(coefficients) if value)
    if max(map(abs, coefficients)) > 1e9 * abs(last):
        raise ConfigError(
            f"coefficients {list(coefficients)}: the last one, {last:g}, is too small beside the largest to be checked "
            "where it decides; it must be at least its 1e-9th part, or 0"
        )
    s = failing_point(coefficients)
    if s is not None:
        raise ConfigError(
            f"coefficients {list(coefficients)} are not guaranteed non-negative: P(s) >= c_1 (1 - exp(-s)) fails at "
            f"s = {s:.4g}; it must hold for all s (the Taylor series of e^s - 1, degree m, is always accepted)"
        )
