"""The code that decides a result, as a hash: the files of the rooms below that a module imports, and what they import.

An edit elsewhere changes no result: the configuration's values are in a key, and the hash of the data stands for the
code that made them; jobs, paths and leases only carry a computation out. Parts of a model are found by name when it is
built, so they are in no file's imports: a run adds those that its cell uses, and a new part changes no other run. Of a
user's own part its file counts, and what that imports of its own package and of this one.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from phvae.experiment.noted import code_and_imports, keep
from phvae.experiment.stages import ROOMS
from phvae.files import sha256_text
from phvae.model.parts import module_of
from phvae.own.load import root

if TYPE_CHECKING:
    from phvae.model.options import ModelConfig

__all__ = ["code", "files", "parts"]

PACKAGE = Path(__file__).resolve().parent.parent


def parts(model: ModelConfig) -> list[str]:
    """The modules of the parts that a model is made of."""
    names = {"basis": model.basis} | {
        option: getattr(model, option).name for option in ("coupling", "divergence", "likelihood", "network")
    }
    return [module_of(option, name) for option, name in names.items()]


def files(modules: Iterable[str], rooms: tuple[str, ...] = ROOMS) -> list[Path]:
    """The files of these modules and of all that they import within the rooms, sorted."""
    found: set[Path] = set()
    todo = [path for module in modules if (path := _file(module))]
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            names = [_absolute(name, path) for name in code_and_imports(path)[1]]
            others = [other for name in names if (other := _file(name))]
            todo += [other for other in others if _within(other, rooms)]
    return sorted(found)


def code(modules: Iterable[str], rooms: tuple[str, ...] = ROOMS) -> str:
    """The hash of what `files` finds: tokens of Python without documentation, bytes of anything else."""
    return _hash(tuple(sorted(set(modules))), rooms)


@functools.cache
def _hash(modules: tuple[str, ...], rooms: tuple[str, ...]) -> str:
    lines = [f"{_label(path)} {code_and_imports(path)[0]}" for path in files(modules, rooms)]
    keep()
    return sha256_text("\n".join(lines))


@functools.cache
def _file(name: str) -> Path | None:
    """The file of a module of this package, or of a user's own parts; None for anything else."""
    first, *steps = name.split(".")
    if first != PACKAGE.name:
        home = root(first)
        if home is None or home.is_file():
            return home
        path = home.joinpath(*steps)
    elif steps:
        path = PACKAGE.joinpath(*steps)
    else:
        return None
    if path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    return path / "__init__.py" if (path / "__init__.py").is_file() else None


def _absolute(name: str, path: Path) -> str:
    """The name of a module as a file of a user's package imports it: `.losses` in own/parts.py is `own.losses`."""
    level = len(name) - len(name.lstrip("."))
    return ".".join([*_label(path).split("/")[:-level], name[level:]]) if level else name


def _label(path: Path) -> str:
    """A file below this package, or by a user's package or file alone: where it lies decides nothing."""
    if path.is_relative_to(PACKAGE):
        return path.relative_to(PACKAGE).as_posix()
    packages = [folder for folder in path.parents if (folder / "__init__.py").is_file()]
    return path.relative_to(packages[-1].parent if packages else path.parent).as_posix()


def _within(path: Path, rooms: tuple[str, ...]) -> bool:
    if not path.is_relative_to(PACKAGE):
        return True
    place = path.relative_to(PACKAGE).as_posix()
    return any(place == room or place.startswith(f"{room}/") for room in rooms)
