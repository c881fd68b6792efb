"""Arrays inside npz and hdf5 files, read block by block, so that a set larger than memory can be prepared."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from phvae.data.files.safe import read_exactly, reading
from phvae.errors import DataError, nearest

__all__ = ["Rows", "array_names", "open_rows", "read_array", "read_text"]

_LIMIT = 1 << 36  # bytes of one array
_BLOCK = 1 << 25  # bytes read at once
_SMALL = 1 << 30  # bytes of an array that is read whole
_PIECE = 1 << 28  # bytes of a row or a chunk: what is never in memory in part
_TEXT = 1 << 12  # bytes of a text, its header with it
_FLOOR = 1 << 26  # bytes that any array may unpack to, however few are stored
_RATIO = 1000  # beyond it: about what deflate packs zeros to (dSprites: about 100)


@dataclass(frozen=True)
class Rows:
    """An array on disk: its shape and type, and a function that reads it from the first row to the last.

    `blocks()` yields arrays (n, *shape[1:]) that together are the array.
    """

    what: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    blocks: Callable[[], Iterator[np.ndarray]]


def open_rows(path: str | Path, key: str) -> Rows:
    """Open one array of an npz or hdf5 file (told by its first bytes).

    Raises:
        DataError: if the file is damaged or has no such array; if the array holds pickled objects, lies elsewhere, or
            unpacks to more than 64 MB + 1000 times the bytes stored of it.
    """
    path = Path(path)
    with reading(path), path.open("rb") as stream:
        magic = stream.read(8)
    if magic[:4] == b"PK\x03\x04":
        return _npz(path, key)
    if magic == b"\x89HDF\r\n\x1a\n":
        return _hdf5(path, key)
    raise DataError(f"{path}: neither npz nor hdf5 (it begins with {magic!r})")


def read_array(path: str | Path, key: str) -> np.ndarray:
    """Read one array of an npz or hdf5 file whole.

    Raises:
        DataError: as `open_rows`, and if the array has more than 2^30 bytes.
    """
    rows = open_rows(path, key)
    if math.prod(rows.shape) * rows.dtype.itemsize > _SMALL:
        raise DataError(f"{rows.what}: shape {rows.shape} is too large for this array")
    blocks = list(rows.blocks())
    return np.concatenate(blocks) if blocks else np.zeros(rows.shape, rows.dtype)


def array_names(path: Path) -> list[str]:
    """The names of the arrays of an npz file.

    Raises:
        DataError: it is no npz file, or damaged.
    """
    with reading(path), path.open("rb") as stream:
        if (magic := stream.read(4)) != b"PK\x03\x04":
            raise DataError(f"{path}: no npz file (it begins with {magic!r}), expected what numpy.savez writes")
        with zipfile.ZipFile(stream) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]


def read_text(path: Path, key: str) -> str:
    """Read a text of an npz file, an array without dimensions.

    Raises:
        DataError: the file is damaged, or holds something else under this name.
    """
    what = f"{path}: {key}"
    with reading(what), zipfile.ZipFile(path) as archive:
        with archive.open(f"{key}.npy") as member:
            content = member.read(_TEXT + 1)
        if len(content) > _TEXT:
            raise DataError(f"{what}: found more than {_TEXT} bytes, expected one text")
        stream = io.BytesIO(content)
        np.lib.format.read_magic(stream)
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        if shape or dtype.kind != "U":
            raise DataError(f"{what}: found {dtype} of shape {shape}, expected one text")
        return str(np.frombuffer(stream.read(), dtype, count=1)[0])


def _absent(path: Path, key: str, found: list[str]) -> DataError:
    return DataError(f"{path}: has no array {key!r}{nearest(key, found)}; found: {', '.join(found[:20])}")


def _accept(what: str, shape: tuple[int, ...], dtype: np.dtype[Any], stored: int) -> None:
    if dtype.hasobject:
        raise DataError(f"{what}: holds pickled objects; refused, save plain numbers (allow_pickle=False)")
    if dtype.kind not in "buif" or dtype.subdtype is not None:
        raise DataError(f"{what}: holds {dtype}, expected numbers")
    if not shape or any(not isinstance(n, int) or n < 1 for n in shape):
        raise DataError(f"{what}: has the shape {shape}, expected at least one row and no empty dimension")
    limit = min(_LIMIT, _FLOOR + _RATIO * stored)
    if math.prod(shape) * dtype.itemsize > limit:
        raise DataError(
            f"{what}: holds {stored} bytes, but states the shape {shape} of {dtype}, more than {limit} bytes; refused"
        )
    _whole(what, "row", math.prod(shape[1:]) * dtype.itemsize)


def _whole(what: str, piece: str, size: int) -> None:
    if size > _PIECE:
        raise DataError(f"{what}: one {piece} has {size} bytes, more than {_PIECE}; save it in smaller ones")


def _slices(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[slice]:
    """The rows, piece by piece, of about `_BLOCK` bytes each."""
    count = max(1, _BLOCK // (math.prod(shape[1:]) * dtype.itemsize))
    return (slice(first, min(first + count, shape[0])) for first in range(0, shape[0], count))


def _header(stream: IO[bytes], what: str, stored: int) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    version = np.lib.format.read_magic(stream)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise DataError(f"{what}: npy format {version} is not supported, expected 1.0 or 2.0")
    shape, fortran, dtype = readers[version](stream)
    _accept(what, shape, dtype, stored)
    if fortran and len(shape) > 1:
        raise DataError(f"{what}: stored in Fortran order; save it again with numpy.ascontiguousarray")
    return shape, dtype, stream.tell()


def _npz(path: Path, key: str) -> Rows:
    what = f"{path}: {key}"
    member = f"{key}.npy"
    with reading(path), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if member not in names:
            raise _absent(path, key, [n.removesuffix(".npy") for n in names])
        with reading(what), archive.open(member) as stream:
            shape, dtype, start = _header(stream, what, min(archive.getinfo(member).compress_size, path.stat().st_size))
        row = math.prod(shape[1:]) * dtype.itemsize
        stated, real = start + shape[0] * row, archive.getinfo(member).file_size
        if stated != real:
            raise DataError(f"{what}: {real} bytes, but its header states {stated}; the file is damaged")

    def blocks() -> Iterator[np.ndarray]:
        with reading(what), zipfile.ZipFile(path) as archive, archive.open(member) as stream:
            read_exactly(stream, start, what)
            for part in _slices(shape, dtype):
                content = read_exactly(stream, (part.stop - part.start) * row, what)
                yield np.frombuffer(content, dtype).reshape(-1, *shape[1:])
            stream.read(1)  # reaching the end checks the member's CRC

    return Rows(what, shape, dtype, blocks)


def _hdf5(path: Path, key: str) -> Rows:
    import h5py

    what = f"{path}: {key}"

    def dataset(file: Any) -> Any:
        found = file
        for name in filter(None, key.split("/")):  # h5py itself would follow links on the way
            link = found.get(name, getlink=True) if isinstance(found, h5py.Group) and name in list(found) else None
            if link is None:
                raise _absent(path, key, list(file))
            if not isinstance(link, h5py.HardLink):
                raise DataError(f"{what}: is a link to another place; refused")
            found = found[name]
        if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external:
            raise DataError(f"{what}: is no plain data set inside this file; refused")
        return found

    with reading(what), h5py.File(path, "r") as file:
        found = dataset(file)
        shape, dtype = tuple(int(n) for n in found.shape or ()), found.dtype
        _accept(what, shape, dtype, min(found.id.get_storage_size(), path.stat().st_size))
        _whole(what, "chunk", math.prod(found.chunks or ()) * dtype.itemsize)

    def blocks() -> Iterator[np.ndarray]:
        with reading(what), h5py.File(path, "r") as file:
            found = dataset(file)
            for part in _slices(shape, dtype):
                yield found[part]

    return Rows(what, shape, dtype, blocks)
