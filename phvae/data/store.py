"""The cache of prepared sets: one folder a set, named after its content, complete from the moment it exists."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from phvae.config.strict import stated
from phvae.data.builder import Builder
from phvae.data.card import SPLITS
from phvae.data.prepared import load
from phvae.data.recipe import Input, Kind, Sources
from phvae.data.registry import parse
from phvae.determinism.untouched import untouched
from phvae.errors import DataError
from phvae.files import sha256, sha256_text
from phvae.records import write_record

__all__ = ["FORMAT", "prepare"]

LOG = logging.getLogger("phvae")
FORMAT = 1  # of the prepared folder; part of its key
_TEMPORARY = ".preparing-"
_STALE = 24 * 3600  # seconds after which a temporary folder is taken for the remains of a killed job


def prepare(
    name: str,
    data: dict[str, Any] | None,
    *,
    cache: str | Path,
    search: list[Path] | tuple[Path, ...] = (),
    download: bool = False,
    progress: bool = False,
) -> Path:
    """Prepare a data set, or find it prepared: `cache/{kind}-{key}/` with one .npy a split and card.json.

    Args:
        name: what the data set is called; also its kind, unless `data` names one.
        data: kind and options.
        cache: folder shared by all configs; jobs that prepare the same set at once do not collide.
        search: folders in which source files are looked for, before PHVAE_DATA_PATH and the usual places.
        download: whether absent source files may be fetched from their published address.
        progress: whether to show a progress bar.

    Returns:
        The prepared folder, for `load`.

    Raises:
        ConfigError: on unknown kinds or options.
        DataError: if the sources are absent or damaged.
    """
    options, cache = parse(name, data), Path(cache)
    sources = Sources(tuple(Path(p) for p in search), cache, download, progress, options.name)
    try:
        return _prepared(options, sources)
    except MemoryError:
        raise DataError(f"{options.name}: not enough memory to prepare the set; ask for a smaller size") from None
    except OSError as error:  # what a damaged source raises is a DataError already
        where = f": {error.filename}" if error.filename else ""  # a full disk names no file
        raise DataError(f"{cache}: {options.name} cannot be written ({error.strerror or error}{where})") from None


def _prepared(options: Kind, sources: Sources) -> Path:
    with untouched(f"data kind {options.name}"):
        recipe = options.read(sources)
    described = options.model_dump(mode="json", exclude=set(options.places))
    key = _key(options, stated(options, options.places), recipe.inputs)
    cache = sources.cache
    folder = cache / f"{options.name}-{key[:16]}"
    if _complete(folder, key):
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    _sweep(cache)
    temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=cache))
    builder = Builder(temporary, progress=sources.progress)
    try:
        with untouched(f"data kind {options.name}"):
            recipe.write(builder)
        builder.close()
        write_record(temporary / "card.json", _card(key, options, described, recipe.inputs, builder))
        temporary.chmod(0o755)
        _move(temporary, folder, key)
    finally:
        builder.close()
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _complete(folder: Path, key: str) -> bool:
    """Whether a folder holds the whole set of this key, every byte as it was written; reads all of it."""
    if not folder.exists():
        return False
    try:
        return bool(load(folder, verify=True, remedy="the set is prepared again").card["key"] == key)
    except DataError as error:
        LOG.warning("%s", error)
        return False


def _key(options: Kind, described: dict[str, Any], inputs: tuple[Input, ...]) -> str:
    content = {
        "format": FORMAT,
        "kind": options.name,
        "revision": options.revision,
        "options": described,
        "inputs": sorted((i.name, i.sha256) for i in inputs),
    }
    return sha256_text(json.dumps(content, sort_keys=True))


def _card(
    key: str, options: Kind, described: dict[str, Any], inputs: tuple[Input, ...], builder: Builder
) -> dict[str, Any]:
    kind, folder = options.name, builder.folder
    for path in folder.iterdir():
        with path.open("rb") as stream:
            os.fsync(stream.fileno())  # memory-mapped arrays too, before any other machine is told of them
    files = {
        p.name: {"sha256": sha256(p), "bytes": p.stat().st_size} for p in sorted(folder.iterdir()) if p.suffix == ".npy"
    }
    arrays = {split: np.load(folder / f"{split}.npy", mmap_mode="r") for split in SPLITS}
    for split, array in arrays.items():
        for what in ("labels", "factors"):
            path = folder / f"{split}_{what}.npy"
            if path.exists() and len(np.load(path, mmap_mode="r")) != len(array):
                raise DataError(f"{kind}: {split} has {len(array)} examples, but another number of {what}")
    shapes = {a.shape[1:] for a in arrays.values()}
    if len(shapes) != 1:
        raise DataError(f"{kind}: the splits have different shapes: {sorted(shapes)}")
    about = options.about
    return {
        "format": FORMAT,
        "kind": kind,
        "key": key,
        "options": described,
        "title": about.title,
        "source": about.source,
        "licence": about.licence,
        "citation": about.citation,
        "note": about.note,
        "shape": list(shapes.pop()),
        "dtype": str(arrays["train"].dtype),
        "counts": {split: len(a) for split, a in arrays.items()},
        "binary": all(_binary(folder / f"{split}.npy") for split in SPLITS),
        "labels": (folder / "test_labels.npy").exists(),
        "inputs": [{"name": i.name, "sha256": i.sha256, "verified": i.verified} for i in inputs],
        "files": files,
        "sha256": sha256_text(json.dumps([files, builder.facts], sort_keys=True)),
        **builder.facts,
    }


def _binary(path: Path) -> bool:
    """Whether an array of bytes holds only 0 and 255; read piece by piece, and only as far as needed."""
    with path.open("rb") as stream:
        np.lib.format.read_magic(stream)
        if np.lib.format.read_array_header_1_0(stream)[2] != np.uint8:
            return False
        while piece := stream.read(1 << 22):
            if (np.frombuffer(piece, np.uint8) + np.uint8(1)).max() > 1:  # 255 + 1 is 0
                return False
    return True


def _move(temporary: Path, folder: Path, key: str) -> None:
    """Give a finished folder its final name; another job's equal folder is as good, a damaged one makes way."""
    for _ in range(5):
        try:
            temporary.rename(folder)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
        if _complete(folder, key):
            return
        aside = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=folder.parent))
        with contextlib.suppress(OSError):  # another job may have moved it away first
            folder.rename(aside / folder.name)
        shutil.rmtree(aside, ignore_errors=True)
    raise DataError(f"{folder}: the prepared set could not be put in place; remove this folder and try again")


def _sweep(cache: Path) -> None:
    """Remove temporary folders that killed jobs left more than a day ago."""
    for path in cache.glob(_TEMPORARY + "*"):
        try:
            newest = max(p.stat().st_mtime for p in (path, *path.iterdir()))
            if path.is_dir() and time.time() - newest > _STALE and os.access(path, os.W_OK):
                shutil.rmtree(path, ignore_errors=True)
        except OSError:
            continue
