"""The net under tables and figures: one that cannot be made says why in its place and does not end the grid."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from phvae.errors import PhvaeError, of_the_machine

__all__ = ["NotMade", "attempt"]

LOG = logging.getLogger("phvae")
Made = TypeVar("Made")


@dataclass(frozen=True)
class NotMade:
    """Why something is not there."""

    reason: str


def attempt(what: str, make: Callable[[], Made]) -> Made | NotMade:
    """What `make` gives, or why it gives nothing; the log then holds the whole error.

    What the user can mend (`PhvaeError`) and what the machine does (memory, disk, a damaged file) is raised: it would
    stay for ever in a place that says so, and may be gone tomorrow.

    >>> attempt("a table", lambda: 1)
    1
    """
    try:
        return make()
    except Exception as error:
        if isinstance(error, PhvaeError) or of_the_machine(error):
            raise
        LOG.warning("%s: could not be made", what, exc_info=True)
        return NotMade(f"{type(error).__name__}: {error}")
