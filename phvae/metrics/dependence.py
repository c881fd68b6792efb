"""How dependent the codes are on one another: Gaussian total correlation, mean mutual information."""

from __future__ import annotations

from phvae.metrics.rows import Inputs, Row

__all__ = ["rows"]


def rows(inputs: Inputs) -> list[Row]:
    """The rows of the group."""
    return []
