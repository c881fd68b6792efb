"""Published files found along the search path or fetched, and checked; the hash of an unverified one is kept."""

from __future__ import annotations

import warnings
from pathlib import Path

from phvae.data.files.places import cache_folder, find, search_path
from phvae.data.files.published import Published, check
from phvae.data.recipe import Input, Sources
from phvae.errors import DataError
from phvae.files import read_json, write_json

__all__ = ["fetch_published", "obtain"]


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


def _choose(published: Published, paths: list[Path], sources: Sources) -> tuple[Path, Input]:
    """The first copy that passes the check; the first copy's failure if none does."""
    failures = []
    for path in paths:
        try:
            checked = check(published, path)
        except DataError as error:
            failures.append(error)
            continue
        return path, _remembered(published, path, checked, sources.cache)
    raise failures[0]


def fetch_published(published: Published, folder: Path, sources: Sources) -> tuple[Path, Input]:
    """Download a published file to `folder`, below its own sub-folder.

    Raises:
        DataError: if that fails, or what came is not the published file.
    """
    from phvae.data.files.fetch import download  # loads http, which few jobs need

    def same(part: Path) -> None:
        check(published, part, as_published=True)

    path = download(
        published.urls,
        folder / published.folders[0] / published.name,
        same,
        limit=published.limit,
        resume=bool(published.sha256 or published.md5),
        progress=sources.progress,
    )
    return path, _remembered(published, path, check(published, path), sources.cache)


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


def _remembered(published: Published, path: Path, checked: Input, cache: Path) -> Input:
    """Record the hash of a file for which none is published, and hold later copies against it."""
    if checked.verified:
        return checked
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
        return checked
    write_json(record, {"file": published.name, "sha256": checked.sha256})
    warnings.warn(
        f"{published.name} is unverified: no hash of these bytes is published; "
        f"sha256 {checked.sha256} was recorded in {record}",
        stacklevel=3,
    )
    return checked
