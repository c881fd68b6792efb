"""The errors a user can cause: one readable message, exit status 2, no traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["ConfigError", "DataError", "PhvaeError", "nearest"]


class PhvaeError(ValueError):
    """Something the user can mend: the message names what was found, what was expected, what to do."""


class ConfigError(PhvaeError):
    """A configuration that cannot be run."""


class DataError(PhvaeError):
    """A data set that is absent, damaged or not what it says it is."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint at the nearest valid spelling, or an empty string.

    >>> nearest("kll", ["kl", "hierarchical"])
    "; did you mean 'kl'?"
    >>> nearest("zzz", ["kl"])
    ''
    """
    found = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else ""
