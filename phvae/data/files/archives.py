"""Files of a folder, zip or tar, one after the other, read in memory: nothing is unpacked to disk."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from phvae.data.files.safe import Bounded, inner_name, read_exactly, reading
from phvae.errors import DataError

__all__ = ["names_of", "walk"]

Item = tuple[str, bytes | DataError]
_UNPACK: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_FLOOR = 1 << 26  # bytes that any archive may unpack to, whatever its size
_FILE_LIMIT = 1 << 28  # bytes of one file


def walk(path: str | Path, wanted: Callable[[str], bool]) -> Iterator[Item]:
    """Yield (name, content) of every wanted file of a folder, zip or tar (plain, gz, bz2, xz).

    A single file that cannot be read yields its DataError instead of its content. Links inside archives are such
    files: they are never followed. Names have forward slashes and are relative to the folder or archive.

    Raises:
        DataError: if the archive as a whole is damaged, leaves its own folder, or is a compression bomb: if it
            unpacks to more than 64 MB + 100 times its size; if links lead to one folder twice.
    """
    path = Path(path)
    with reading(path):
        if path.is_dir():
            yield from _folder(path, wanted)
            return
        with path.open("rb") as stream:
            magic = stream.read(6)
        limit = _FLOOR + 100 * path.stat().st_size
        if magic[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            yield from _zip(path, wanted, limit)
        else:
            yield from _tar(path, wanted, limit, magic)


def names_of(path: Path, wanted: Callable[[str], bool]) -> list[str]:
    """Names of the wanted files of a folder or zip, as `walk` would yield them, without reading them.

    Raises:
        DataError: as `walk`, and for a tar: it has no index.
    """
    with reading(path):
        if path.is_dir():
            return [name for name, _ in _files(path) if wanted(name)]
        if not zipfile.is_zipfile(path):
            raise DataError(f"{path}: no folder and no zip: it has no list of its files")
        with zipfile.ZipFile(path) as archive:
            names = [inner_name(member.filename, path) for member in archive.infolist() if not member.is_dir()]
    return [name for name in names if wanted(name)]


def _folder(folder: Path, wanted: Callable[[str], bool]) -> Iterator[Item]:
    for name, path in _files(folder):
        if wanted(name):
            yield name, _caught(path, partial(_read_file, path))


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file below a folder with its name there, in order."""

    def fail(error: OSError) -> None:
        raise DataError(f"{error.filename}: not readable; check its permissions")

    met: dict[tuple[int, int], str] = {}
    for place, below, files in os.walk(folder, onerror=fail, followlinks=True):
        _first_time(place, met)
        below.sort()
        for file in sorted(files):
            path = Path(place, file)
            yield path.relative_to(folder).as_posix(), path


def _first_time(place: str, met: dict[tuple[int, int], str]) -> None:
    """Refuse a folder that was met before: copies of its files could lie in two splits, and circles have no end."""
    status = os.stat(place)
    before = met.setdefault((status.st_dev, status.st_ino), place)
    if before != place:
        raise DataError(
            f"{place}: is the folder {before} again, by a link; its files would count twice: remove the link"
        )


def _read_file(path: Path) -> bytes:
    if not path.is_file():
        raise DataError(f"{path}: no regular file")
    _bounded(path.stat().st_size, path)
    return path.read_bytes()


def _bounded(size: int, what: object) -> None:
    if size > _FILE_LIMIT:
        raise DataError(f"{what}: more than {_FILE_LIMIT} bytes")


def _caught(what: object, read: Callable[[], bytes]) -> bytes | DataError:
    try:
        with reading(what):
            return read()
    except DataError as error:
        return error


def _zip(path: Path, wanted: Callable[[str], bool], limit: int) -> Iterator[Item]:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        total = sum(m.file_size for m in members)
        if total > limit:
            raise DataError(f"{path}: states {total} unpacked bytes, more than {limit}; refused as a compression bomb")
        for member in members:
            name = inner_name(member.filename, path)
            if member.is_dir() or not wanted(name):
                continue
            what = f"{path}: {name}"
            yield name, _caught(what, partial(_read_member, archive, member, what))


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, what: str) -> bytes:
    if (member.external_attr >> 28) == 0xA:
        raise DataError(f"{what}: is a link; links in archives are not followed")
    _bounded(member.file_size, what)
    with archive.open(member) as stream:
        content = read_exactly(stream, member.file_size, what)
        if stream.read(1):
            raise DataError(f"{what}: unpacks to more than the {member.file_size} bytes stated")
        return content


def _tar(path: Path, wanted: Callable[[str], bool], limit: int, magic: bytes) -> Iterator[Item]:
    unpack = next((call for start, call in _UNPACK.items() if magic.startswith(start)), open)
    with (
        unpack(path, "rb") as stream,
        io.BufferedReader(Bounded(stream, limit, path)) as plain,
        tarfile.open(fileobj=plain, mode="r|") as archive,
    ):
        for member in archive:
            name = inner_name(member.name, path)
            if member.isdir() or not wanted(name):
                continue
            what = f"{path}: {name}"
            if not member.isreg() or member.issparse():  # holes cost a tar nothing: no limit of its bytes bounds them
                yield name, DataError(f"{what}: is a link or a device, or sparse; it is not read")
            elif member.size > _FILE_LIMIT:
                yield name, DataError(f"{what}: more than {_FILE_LIMIT} bytes")
            else:
                content = archive.extractfile(member)
                if content is None:
                    raise DataError(f"{what}: has no content")
                # a stream cannot go back: a member cut short is the whole archive's failure
                yield name, read_exactly(content, member.size, what)
