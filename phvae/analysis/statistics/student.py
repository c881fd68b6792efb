"""Student's law by scipy.special: loading scipy.stats takes most of a second, in every command that reads results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy.special import stdtr, stdtrit

if TYPE_CHECKING:
    from phvae.analysis.statistics.moments import Array

__all__ = ["above", "below", "quantile"]


def quantile(p: float, freedom: Array | int) -> Array:
    """The value that a variable of Student's law stays below with probability p.

    >>> round(float(quantile(0.975, 9)), 4)
    2.2622
    """
    found: Array = stdtrit(freedom, p)
    return found


def below(t: Array, freedom: Array | int) -> Array:
    """The probability of a value below t."""
    found: Array = stdtr(freedom, t)
    return found


def above(t: Array, freedom: Array | int) -> Array:
    """The probability of a value above t, with all its digits where it is small."""
    return below(-t, freedom)
