"""Reading files that nobody vouches for: every failure is a DataError, nothing grows beyond a stated size."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from phvae.errors import DataError

__all__ = ["Bounded", "digest", "inner_name", "open_unpacked", "read_exactly", "reading"]

_PIECE = 1 << 20


@contextmanager
def reading(what: object) -> Iterator[None]:
    """Turn whatever a damaged file makes a decoder raise into a DataError that names the file."""
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{what}: not found") from None
    except PermissionError:
        raise DataError(f"{what}: not readable; check its permissions") from None
    except MemoryError:
        raise DataError(f"{what}: needs more memory than there is; is the file damaged?") from None
    except Exception as error:  # decoders raise zlib.error, struct.error, KeyError, RuntimeError and more
        text = re.sub(r" ?<\S+ object at 0x\w+>", "", " ".join(str(error).split()))[:200]  # says nothing to a person
        raise DataError(f"{what}: damaged or not of the expected format ({type(error).__name__}: {text})") from None


def read_exactly(stream: IO[bytes], size: int, what: object) -> bytes:
    """Read exactly `size` bytes.

    Raises:
        DataError: if the stream ends before.
    """
    pieces, missing = [], size
    while missing:
        piece = stream.read(min(missing, _PIECE))
        if not piece:
            raise DataError(f"{what}: truncated: {size} bytes expected, {size - missing} found")
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


class Bounded(io.RawIOBase):
    """A byte stream that refuses to deliver more than `limit` bytes: the guard against compression bombs."""

    def __init__(self, stream: Any, limit: int, what: object) -> None:
        self._stream, self._limit, self._what, self._seen = stream, limit, what, 0

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes into `buffer`."""
        piece = self._stream.read(len(buffer))
        self._seen += len(piece)
        if self._seen > self._limit:
            raise DataError(f"{self._what}: unpacks to more than {self._limit} bytes; refused as a compression bomb")
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Close the stream beneath as well."""
        if not self.closed:
            self._stream.close()
        super().close()


def open_unpacked(path: Path, limit: int) -> IO[bytes]:
    """Open a file for reading; gzip (told by its first bytes, not its name) is unpacked on the way, up to `limit`."""
    stream = path.open("rb")
    magic = stream.read(2)
    stream.seek(0)
    if magic != b"\x1f\x8b":
        return stream
    stream.close()
    return io.BufferedReader(Bounded(gzip.open(path, "rb"), limit, path), _PIECE)


def digest(path: Path, algorithm: str = "sha256", *, unpack: bool = False, limit: int = 1 << 40) -> str:
    """Hash of a file's bytes, or of its gunzipped bytes.

    Raises:
        DataError: if the file cannot be read, or unpacks to more than `limit` bytes.
    """
    with reading(path), open_unpacked(path, limit) if unpack else path.open("rb") as stream:
        state = hashlib.new(algorithm, usedforsecurity=False)
        while piece := stream.read(_PIECE):
            state.update(piece)
        return state.hexdigest()


def inner_name(name: str, archive: object) -> str:
    """The checked name of an archive member.

    >>> inner_name("a/./b.png", "x.zip")
    'a/b.png'

    Raises:
        DataError: if the name is absolute or leaves the archive.
    """
    plain = name.replace("\\", "/")
    parts = PurePosixPath(plain).parts
    if plain.startswith("/") or ".." in parts or (parts and parts[0].endswith(":")) or "\0" in plain:
        raise DataError(f"{archive}: member {name!r} points outside the archive; refused")
    return "/".join(parts)
