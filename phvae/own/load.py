"""The modules of the user's own parts: named files, and installed packages of the entry points `phvae.parts`."""

from __future__ import annotations

import functools
import importlib
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from phvae.determinism.untouched import untouched
from phvae.errors import ConfigError
from phvae.own.named import VARIABLE, named, spelt

__all__ = ["GROUP", "Own", "own", "root"]

GROUP = "phvae.parts"
_PREFIX = "phvae_own_"  # of the modules of named files
_at_work: list[str] = []
_named: list[list[str]] = []


@dataclass(frozen=True)
class Own:
    """One module of the user's.

    Attributes:
        name: what a basis or the scores in it are called: the file's name, or the entry point's.
        module: the imported module.
        file: where it lies.
    """

    name: str
    module: ModuleType
    file: Path

    @property
    def said(self) -> str:
        """How people know it: the path of a named file, the module of an installed package."""
        return str(self.file) if self.module.__name__.startswith(_PREFIX) else self.module.__name__


def own() -> tuple[Own, ...]:
    """The user's modules, each imported once, whole or not at all.

    Raises:
        ConfigError: a file is absent, or raises while it is imported (names the line); others are named than at the
            first call, when the lists of all parts were made.
    """
    found = _own()
    if _named and _named[0] != spelt():
        raise ConfigError(f"{VARIABLE}: found {spelt()}, but {_named[0]} when this process began: start another")
    return found


@functools.cache
def _own() -> tuple[Own, ...]:
    if _at_work:
        raise ConfigError(
            f"what lists all parts (phvae.model.options, a registry) is made of {_at_work[-1]} too: import it inside "
            "the function that needs it"
        )
    found = [Own(file.stem, _imported(file), file) for file in named()]
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        place = f"entry point {point.name} = {point.value} of the group {GROUP}"
        if point.name in {one.name for one in found}:
            raise ConfigError(f"{place}: this name is taken by another file or package")
        with _in_words(place):
            module = importlib.import_module(point.module)
        found.append(Own(point.name, module, Path(module.__file__ or "")))
    _named.append(spelt())
    return tuple(found)


def root(name: str) -> Path | None:
    """The file or package folder of a top-level module of the user's, by its name; None of any other."""
    for one in own():
        first, *steps = one.module.__name__.split(".")
        if first == name:
            package = hasattr(one.module, "__path__")
            folders = len(steps) + package
            return one.file.parents[folders - 1] if folders else one.file
    return None


def _imported(file: Path) -> ModuleType:
    """A file as a module; nothing is written beside it, and an edit within the same second is seen."""
    module = ModuleType(f"{_PREFIX}{file.stem}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module  # pydantic looks there for the names in annotations
    try:
        with _in_words(str(file)):
            exec(compile(file.read_bytes(), str(file), "exec"), module.__dict__)
    except ConfigError:
        del sys.modules[module.__name__]
        raise
    return module


@contextmanager
def _in_words(place: str) -> Iterator[None]:
    """One message of what a module of the user's raises while it is imported: the file, the line, the error."""
    _at_work.append(place)
    try:
        with untouched(place):
            yield
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        if isinstance(error, ConfigError) and text.startswith(place):
            raise
        raise ConfigError(f"{place}{_line(error, place)}: {type(error).__name__}: {text}") from error
    finally:
        _at_work.pop()


def _line(error: BaseException, file: str) -> str:
    if isinstance(error, SyntaxError) and error.filename == file:
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f", line {lines[-1]}" if lines else ""
