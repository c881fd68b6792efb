"""A stamp of the files behind a data set: whether they may have changed, told at every parse (loads no torch)."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from phvae.data.files.places import find, find_unpacked, own, search_path
from phvae.data.files.trees import is_hidden, is_picture
from phvae.data.recipe import Kind
from phvae.data.registry import kind_class
from phvae.errors import DataError
from phvae.files import sha256, sha256_text

__all__ = ["stamp", "stamp_of"]

_FEW, _SMALL = 100, 1 << 22  # files and bytes that are read in no time, over a network too
_State = tuple[int, int] | None  # size, time in ns; None of what is no regular file, or not there


def stamp(data: dict[str, Any], search: list[Path] | tuple[Path, ...] = ()) -> str | None:
    """A short hash of the files behind a data set: their number, names, sizes and times; the bytes of few small ones.

    Watched are the user's own files, and copies that no published hash vouches for. Of a folder the pictures count.
    It never raises, and ends where links go in circles.

    Args:
        data: validated options, with their kind.
        search: folders of the search path before all others, as for `prepare`.

    Returns:
        16 hexadecimal digits; None where nothing is watched, or not all of it can be seen from here.
    """
    try:
        return stamp_of(_watched(kind_class(str(data["kind"])), data, search))
    except (OSError, DataError):
        return None


def stamp_of(places: Sequence[Path | None]) -> str | None:
    """The same of files and folders; None where one is not to be seen from here.

    Raises:
        OSError: a folder that cannot be read.
    """
    digests = [_digest(str(place)) if place else "" for place in places]
    return sha256_text(" ".join(digests))[:16] if digests and all(digests) else None


def _watched(kind: type[Kind], data: dict[str, Any], search: list[Path] | tuple[Path, ...]) -> list[Path | None]:
    """Files and folders that may change and still be accepted by the kind's `read`; None for one that is not here."""
    found = [own(data[key], []) or own(data[key], search_path(search)) for key in sorted(kind.places) if data.get(key)]
    for file in kind.files:
        if not file.vouched:
            found += find(file, search_path(search)) or [None]
        elif file.unpacked and not file.members_checked and (folder := find_unpacked(file, search_path(search))):
            found.append(folder)
    return found


def _digest(top: str) -> str:
    """One hash of a file's state, or of every picture's of a folder with what follows `top` in its path."""
    found = _pictures(top) if os.path.isdir(top) else {"": _state(top)}
    names = sorted(found)
    regular = {name: state[0] for name in names if (state := found[name])}
    lines = [f"{name!a} {found[name]}" for name in names]
    if len(regular) <= _FEW and sum(regular.values()) <= _SMALL:
        lines += [sha256(top + name) for name in regular]
    return sha256_text("\n".join(lines)) if regular else ""


def _pictures(top: str) -> dict[str, _State]:
    """Links are followed, as `walk` does; a folder that was met before is named and not entered again."""

    def fail(error: OSError) -> None:
        raise error

    found: dict[str, _State] = {}
    met: set[tuple[int, int]] = set()
    for place, folders, files in os.walk(top, onerror=fail, followlinks=True):
        status, below = os.stat(place), place[len(top) :]
        if (status.st_dev, status.st_ino) in met:
            found[below] = None
            folders.clear()
            continue
        met.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        found |= {f"{below}/{name}": _state(f"{place}/{name}") for name in files if is_picture(name)}
    return found


def _state(path: str) -> _State:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None
