"""Data sets: validated options, prepared once into arrays, loaded as memory maps (imports no torch).

Its names are found when they are asked for: a user's file of a data kind is imported before the kinds are listed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from phvae.data.prepared import Prepared, load
    from phvae.data.registry import KINDS, validate
    from phvae.data.store import prepare

__all__ = ["KINDS", "Prepared", "load", "prepare", "validate"]

_HOME = {"KINDS": "registry", "Prepared": "prepared", "load": "prepared", "prepare": "store", "validate": "registry"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
