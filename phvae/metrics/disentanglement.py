"""The disentanglement group: all supervised scores of one run from its table of whitened codes."""

from __future__ import annotations

from phvae.metrics.rows import Inputs, Row

__all__ = ["rows"]


def rows(inputs: Inputs) -> list[Row]:
    """The rows of the group."""
    return []
