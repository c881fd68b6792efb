"""What a file of scores holds: metrics.json of a run, groups.json of a cell (`phvae.jobs.scores` writes them)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["lacking", "stored"]


def stored(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a file of scores: those of all its scorers.

    >>> stored({"scores": {"latent": {"rows": [{"metric": "kl"}]}, "irs": {"rows": [{"metric": "irs"}]}}})
    [{'metric': 'kl'}, {'metric': 'irs'}]
    """
    return [row for section in content["scores"].values() for row in section["rows"]]


def lacking(content: Mapping[str, Any]) -> list[str]:
    """The scorers that a file of scores was asked for and does not hold yet."""
    return [name for name in content.get("asked", []) if name not in content["scores"]]
