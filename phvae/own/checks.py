"""Whether what a module of the user's offers can be used: its name is free, its methods take what they are given."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, TypeVar

from phvae.errors import ConfigError
from phvae.own.load import Own

__all__ = ["check_call", "check_free", "classes"]

Base = TypeVar("Base")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def classes(one: Own, base: type[Base], required: Sequence[str]) -> Iterator[type[Base]]:
    """The classes of a kind that a module defines; those that begin with an underscore are its own affair.

    Raises:
        ConfigError: a required method is absent, or a method does not take what the base's takes.
    """
    first = one.module.__name__.split(".")[0]
    for part in vars(one.module).values():
        if not (inspect.isclass(part) and issubclass(part, base) and part.__module__.split(".")[0] == first):
            continue
        if part.__name__.startswith("_"):
            continue
        for method in required:
            if getattr(part, method, None) is getattr(base, method, None):
                raise ConfigError(f"{one.file}: {part.__name__} lacks {method}{_words(getattr(base, method))}")
        for parent in reversed(part.__mro__):
            for name, asked in vars(parent).items() if parent.__module__.startswith("phvae.") else ():
                if inspect.isfunction(asked) and not name.startswith("_"):
                    given = inspect.getattr_static(part, name)
                    check_call(one, f"{part.__name__}.{name}", given, list(inspect.signature(asked).parameters))
        yield part


def check_free(one: Own, what: str, name: Any, taken: Collection[str]) -> None:
    """Refuse a name that another part has, or that is none."""
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise ConfigError(f"{one.file}: {what}: found the name {name!r}, expected letters, digits and . _ + -")
    if name in taken:
        raise ConfigError(f"{one.file}: {what}: the name {name!r} is taken: choose another")


def check_call(one: Own, what: str, given: Any, names: Sequence[str]) -> None:
    """Refuse what cannot be called with arguments of these names, in this order."""
    asked = f"({', '.join(names)})"
    if not callable(given):
        raise ConfigError(f"{one.file}: {what}: found {given!r:.60}, expected a function of {asked}")
    try:
        inspect.signature(given).bind(*names)
    except TypeError:
        raise ConfigError(f"{one.file}: found {what}{_words(given)}, expected one that takes {asked}") from None


def _words(function: Callable[..., Any]) -> str:
    return f"({', '.join(inspect.signature(function).parameters)})"
