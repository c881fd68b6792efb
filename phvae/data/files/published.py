"""Published files: found along the search path or fetched, and checked against their published hash."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from phvae.data.files.fetch import download
from phvae.data.files.safe import digest
from phvae.data.recipe import Input, Sources
from phvae.errors import DataError
from phvae.files import read_json, write_json

__all__ = [
    "Published",
    "cache_folder",
    "check",
    "fetch_published",
    "find",
    "find_unpacked",
    "locate",
    "obtain",
    "own",
    "search_path",
]


@dataclass(frozen=True)
class Published:
    """A file of a published data set.

    Attributes:
        name: its published name; a trailing .gz may be absent from a copy.
        folders: folders, below each place of the search path, in which copies lie; a fetched file goes to the first.
        urls: published addresses.
        sha256: of the unpacked bytes, where known.
        md5: of the file as published, where known.
        hashes_from: where these hashes are taken from.
        magic: the first bytes, a first check where no hash is known.
        limit: size in bytes that neither the file nor its unpacked bytes exceed.
        members_checked: whether its reader checks the members of this archive, so that a copy packed anew is as good.
        unpacked: folders, below each place of the search path, that may hold the archive's files unpacked.
        members: files that such a folder must hold.
    """

    name: str
    folders: tuple[str, ...]
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    md5: str | None = None
    hashes_from: str = ""
    magic: bytes = b""
    limit: int = 1 << 30
    members_checked: bool = False
    unpacked: tuple[str, ...] = ()
    members: tuple[str, ...] = ()

    @property
    def has_hash(self) -> bool:
        """Whether any hash of this file is known."""
        return bool(self.sha256 or self.md5)


def cache_folder() -> Path:
    """The platform's cache folder for data; fetched files go there.

    Raises:
        DataError: if neither the environment nor the system's list of users tells it, as in some containers.
    """
    if sys.platform == "win32":  # pragma: no cover
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":  # pragma: no cover
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
    return list(dict.fromkeys(p / n for p in places for n in names if (p / n).is_file()))


def find_unpacked(published: Published, roots: list[Path]) -> Path | None:
    """The first folder along the search path that holds an archive's files, unpacked."""
    places = (place for root in roots for place in _places(published.unpacked, root))
    return next((p for p in places if p.is_dir() and all((p / m).is_file() for m in published.members)), None)


def check(published: Published, path: Path, *, as_published: bool = False) -> Input:
    """Check a copy of a published file; the sha256 returned is that of the unpacked bytes.

    Raises:
        DataError: if it is not the published file.
    """
    packed = published.name.endswith(".gz")
    size = path.stat().st_size if path.exists() else 0
    if size > published.limit:
        raise DataError(f"{path}: {size} bytes, more than {published.name} can have ({published.limit})")
    found = digest(path, unpack=packed, limit=published.limit)
    if published.sha256 is not None:
        if found != published.sha256:
            raise DataError(
                f"{path}: not the published {published.name}: its unpacked bytes have sha256 {found}, "
                f"expected {published.sha256}; the copy is damaged, cut short or another file: replace it"
            )
        return Input(published.name, found, verified=True)
    if published.md5 is not None:
        md5 = digest(path, "md5")
        if md5 == published.md5:
            return Input(published.name, found, verified=True)
        # only the packed file's hash is known: a copy that somebody unpacked or packed again cannot be judged by it
        if as_published or not packed:
            raise DataError(
                f"{path}: not the published {published.name}: it has md5 {md5}, expected {published.md5}; "
                "the copy is damaged, cut short or another file: replace it"
            )
        if published.members_checked:
            return Input(published.name, found, verified=True)
    with path.open("rb") as stream:
        if stream.read(len(published.magic)) != published.magic:
            raise DataError(f"{path}: not the published {published.name}: it does not begin with {published.magic!r}")
    return Input(published.name, found, verified=False)


def obtain(files: tuple[Published, ...], sources: Sources) -> list[tuple[Path, Input]]:
    """Find published files along the search path, or fetch them if that is allowed; check them.

    Raises:
        DataError: if one is absent (the message says which file to put where) or not the published file.
    """
    roots = search_path(sources.search)
    copies = {f: find(f, roots) for f in files}
    absent = [f for f, paths in copies.items() if not paths]
    if absent and not sources.download:
        raise DataError(_absent(absent, roots, sources.kind))
    return [
        _choose(f, paths, sources) if paths else fetch_published(f, cache_folder(), sources)
        for f, paths in copies.items()
    ]


def own(path: str, roots: list[Path]) -> Path | None:
    """The user's own file or folder: as given, or below the first root that has it; None if it exists nowhere."""
    given = _expanded(path)
    places = [given] if given.is_absolute() else [given, *(root / given for root in roots)]
    return next((place for place in places if place.exists()), None)


def locate(path: str, sources: Sources) -> Path:
    """As `own`, along the search path.

    Raises:
        DataError: if it exists nowhere; the message lists where it was looked for.
    """
    roots = [] if _expanded(path).is_absolute() else search_path(sources.search)
    found = own(path, roots)
    if found is not None:
        return found
    below = f", nor below {', '.join(str(r) for r in roots)}" if roots else ""
    raise DataError(
        f"{path}: not found in {Path.cwd()}{below}; give an absolute path, or add its folder to `data_path`"
    )


def _choose(published: Published, paths: list[Path], sources: Sources) -> tuple[Path, Input]:
    """The first copy that passes the check; the first copy's failure if none does."""
    failures = []
    for path in paths:
        try:
            checked = check(published, path)
        except DataError as error:
            failures.append(error)
            continue
        if not checked.verified:
            _first_use(published, path, checked, sources.cache)
        return path, checked
    raise failures[0]


def fetch_published(published: Published, folder: Path, sources: Sources) -> tuple[Path, Input]:
    """Download a published file to `folder`, below its own sub-folder.

    Raises:
        DataError: if that fails, or what came is not the published file.
    """
    target = folder / published.folders[0] / published.name
    path = download(
        published.urls,
        target,
        lambda part: _same(published, part),
        limit=published.limit,
        resume=published.has_hash,
        progress=sources.progress,
    )
    checked = check(published, path)
    if not checked.verified:
        _first_use(published, path, checked, sources.cache)
    return path, checked


def _same(published: Published, part: Path) -> None:
    check(published, part, as_published=True)


def _absent(files: list[Published], roots: list[Path], kind: str) -> str:
    folder = files[0].folders[0]
    can = (
        f", or let phvae fetch it (`phvae data fetch {kind}`, or `download: true`)"
        if all(f.urls for f in files)
        else ""
    )
    return (
        f"{folder}: not found: {', '.join(f.name for f in files)}. Looked below {', '.join(str(r) for r in roots)} "
        f"in the folders {', '.join(files[0].folders)}. Put what is missing into {cache_folder() / folder}, or name "
        f"the folder that holds {folder}/{files[0].name} in `data_path` or PHVAE_DATA_PATH{can}"
    )


def _first_use(published: Published, path: Path, checked: Input, cache: Path) -> None:
    """Record the hash of a file for which none is published, and hold later copies against it."""
    record = cache / "first-use" / f"{published.folders[0].replace('/', '-')}-{published.name}.json"
    if record.exists():
        try:
            known = read_json(record)["sha256"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{record}: unreadable ({type(error).__name__}: {error}); expected the sha256 of {published.name}, "
                "recorded at first use; remove this file to record it anew"
            ) from None
        if known != checked.sha256:
            raise DataError(
                f"{path}: its sha256 {checked.sha256} differs from {known}, recorded at first use; "
                f"if the new file is the right one, remove {record}"
            )
        return
    write_json(record, {"file": published.name, "sha256": checked.sha256})
    warnings.warn(
        f"{published.name} is unverified: no hash of these bytes is published; "
        f"sha256 {checked.sha256} was recorded in {record}",
        stacklevel=3,
    )
