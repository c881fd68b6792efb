"""Where files are looked for: the search path, and the copies that lie along it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from phvae.data.files.published import Published
from phvae.data.recipe import Sources
from phvae.errors import DataError

__all__ = ["cache_folder", "find", "find_unpacked", "locate", "own", "search_path"]


def cache_folder() -> Path:
    """The platform's cache folder for data; fetched files go there.

    Raises:
        DataError: if neither the environment nor the system's list of users tells it, as in some containers.
    """
    if sys.platform == "darwin":  # pragma: no cover
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return _expanded(base) / "phvae" / "data"


def search_path(first: tuple[Path, ...] | list[Path] = ()) -> list[Path]:
    """Folders in which data are looked for, in order, each once.

    The configuration's (`first`), PHVAE_DATA_PATH, the platform's cache folder, and where distributions put data sets
    (Debian: /usr/share/datasets).
    """
    environment = [Path(p) for p in os.environ.get("PHVAE_DATA_PATH", "").split(os.pathsep) if p]
    places = [*first, *environment, cache_folder(), Path("/usr/local/share/datasets"), Path("/usr/share/datasets")]
    return list(dict.fromkeys(_expanded(p) for p in places))


def _expanded(path: str | Path) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # no such user, or a user without an entry
        raise DataError(
            f"{path}: no home folder is known for its `~`; give an absolute path, or set HOME (or XDG_CACHE_HOME for "
            "the cache folder)"
        ) from None


def _places(folders: tuple[str, ...], root: Path) -> Iterator[Path]:
    """The folders below a place of the search path, and the place itself where it is one of them."""
    for folder in folders:
        yield root / folder
        parts = Path(folder).parts
        if parts and root.parts[-len(parts) :] == parts:
            yield root


def find(published: Published, roots: list[Path]) -> list[Path]:
    """Every copy of a file along the search path, first found first."""
    plain = published.name.removesuffix(".gz")
    places = [place for root in roots for place in _places(published.folders, root)]
    names = dict.fromkeys((published.name, plain))
    return list(dict.fromkeys(p / n for p in places for n in names if os.path.isfile(p / n)))


def find_unpacked(published: Published, roots: list[Path]) -> Path | None:
    """The first folder along the search path that holds an archive's files, unpacked."""
    places = (place for root in roots for place in _places(published.unpacked, root))
    return next((p for p in places if os.path.isdir(p) and all(os.path.isfile(p / m) for m in published.members)), None)


def own(path: str, roots: list[Path]) -> Path | None:
    """The user's own file or folder: as given, or below the first root that has it; None if it exists nowhere."""
    given = _expanded(path)
    places = [given] if given.is_absolute() else [given, *(root / given for root in roots)]
    return next((place for place in places if os.path.exists(place)), None)


def locate(path: str, sources: Sources) -> Path:
    """As `own`, along the search path.

    Raises:
        DataError: if it exists nowhere (the message lists where it was looked for), or is a pipe or a device.
    """
    roots = [] if _expanded(path).is_absolute() else search_path(sources.search)
    found = own(path, roots)
    if found is not None:
        if not (found.is_file() or found.is_dir()):
            raise DataError(f"{found}: neither a regular file nor a folder")
        return found
    below = f", nor below {', '.join(str(r) for r in roots)}" if roots else ""
    raise DataError(
        f"{path}: not found in {Path.cwd()}{below}; give an absolute path, or add its folder to `data_path`"
    )
