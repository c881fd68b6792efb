"""Reasons as tables tell them: what is so, without what to install or to run."""

from __future__ import annotations

import re

__all__ = ["without_advice"]


def without_advice(reason: str) -> str:
    """A reason up to its advice, which stands in the CSV file.

    >>> without_advice("no Inception-v3 weights: put the file into a folder; or fetch it")
    'no Inception-v3 weights'
    >>> without_advice("a gap needs two codes, found 1")
    'a gap needs two codes, found 1'
    """
    return re.split(r"[:;] (?:put |pip install |run `)", reason)[0]
