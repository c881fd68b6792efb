"""Counts and lists in words."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["listed", "plural"]


MOST = 12  # of a list of names


def listed(names: Iterable[str]) -> str:
    """Names after each other; of many the first dozen.

    >>> listed(["vae", "ph-vae-3"]), listed(map(str, range(15)))
    ('vae, ph-vae-3', '0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more')
    """
    found = list(names)
    more = f" and {len(found) - MOST} more" if len(found) > MOST else ""
    return ", ".join(found[:MOST]) + more


def plural(count: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "data set"), plural(2, "data set"), plural(1_200, "entry")
    ('1 data set', '2 data sets', '1,200 entries')
    """
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else many}"
