"""Downloads: resumed, retried, bounded, and checked before the file takes its final name.

Not pooch: it begins a broken download anew, bounds no size, and knows one address per file.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import random
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from phvae.errors import DataError

__all__ = ["download"]

_TRIES = 5
_TIMEOUT = 30.0  # seconds without a byte
_PIECE = 1 << 18
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # HTTP answers worth another try


class _Again(Exception):
    """A failure that may pass: a broken connection, a busy server, an answer cut short."""


def download(
    urls: tuple[str, ...],
    target: Path,
    check: Callable[[Path], None],
    *,
    limit: int,
    resume: bool = True,
    progress: bool = False,
    wait: Callable[[float], None] = time.sleep,
) -> Path:
    """Download to `target` from the first of `urls` that delivers what `check` accepts.

    Bytes go to `{target}.part`; it is what a broken download leaves and what the next call goes on from.

    Args:
        urls: http or https addresses of the same bytes, tried in turn.
        target: final path; if it exists it is returned as it is.
        check: raises DataError if the complete file is not what it should be; it is then removed.
        limit: size in bytes beyond which the download is given up.
        resume: whether bytes of an earlier call are kept (only where `check` knows the hash).
        progress: whether to show a progress bar.
        wait: sleeps between tries.

    Raises:
        DataError: if no address delivers a file that passes the check.
    """
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{target.parent}: cannot be made ({error.strerror or error}); name another folder") from None
    with _alone(target.parent):
        if target.exists():  # another process fetched it while this one waited
            return target
        if not resume:
            part.unlink(missing_ok=True)
        failures = []
        for url in urls:
            try:
                _fetch(url, part, check, limit, progress, wait)
                part.replace(target)
                return target
            except DataError as error:
                failures.append(f"{url}: {error}")
            finally:
                if _size(part) == 0:
                    part.unlink(missing_ok=True)
        raise DataError(f"{target.name} could not be fetched. " + " | ".join(failures or ["no address is known"]))


def _fetch(
    url: str, part: Path, check: Callable[[Path], None], limit: int, progress: bool, wait: Callable[[float], None]
) -> None:
    if not url.startswith(("http://", "https://")):
        raise DataError("only http and https addresses are fetched")
    while True:
        old = _size(part) > 0
        _fill(url, part, limit, progress, wait)
        try:
            check(part)
            return
        except DataError:
            part.unlink(missing_ok=True)
            if not old:
                raise
            # the bytes of an earlier call may be of another version: once more, from the start


def _fill(url: str, part: Path, limit: int, progress: bool, wait: Callable[[float], None]) -> None:
    reason = ""
    validator: dict[str, str] = {}
    for attempt in range(_TRIES):
        if attempt:
            wait(2.0 ** (attempt - 1) * random.SystemRandom().uniform(0.75, 1.25))
        try:
            _once(url, part, limit, progress, validator)
            return
        except _Again as error:
            reason = str(error)
    kept = _size(part)
    raise DataError(
        f"gave up after {_TRIES} tries ({reason})"
        + (f"; the {kept} bytes received are kept in {part.name}, and the next call goes on from there" if kept else "")
    )


def _once(url: str, part: Path, limit: int, progress: bool, validator: dict[str, str]) -> None:
    start = _size(part)
    headers = {"User-Agent": "phvae", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        headers.update(validator)
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # nothing after `start`: either the file is whole, or it is another one
            if error.headers.get("Content-Range", "") == f"bytes */{start}":
                return
            part.unlink(missing_ok=True)
            raise _Again("the server does not know the range asked for") from None
        if error.code in _PASSING:
            raise _Again(f"HTTP status {error.code}") from None
        raise DataError(f"HTTP status {error.code} ({error.reason})") from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, socket.gaierror):
            raise DataError("the host's name is not resolved; is there a network?") from None
        raise _Again(str(error.reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise _Again(f"{type(error).__name__}: {error}") from None
    with answer:
        if answer.status == 206:
            if not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                part.unlink(missing_ok=True)
                raise _Again("the server sent another range than the one asked for")
        else:
            start = 0
        if "ETag" in answer.headers and not answer.headers["ETag"].startswith("W/"):
            validator["If-Range"] = answer.headers["ETag"]
        length = answer.headers.get("Content-Length", "")
        total = start + int(length) if length.isdigit() else None
        _receive(answer, part, start, total, limit, progress)


def _receive(answer: Any, part: Path, start: int, total: int | None, limit: int, progress: bool) -> None:
    from tqdm import tqdm

    received = start
    bar = tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=part.stem, disable=not progress, leave=False)
    try:
        with part.open("ab" if start else "wb") as stream, bar:
            while received <= limit and (total is None or total <= limit):
                try:
                    piece = answer.read(_PIECE)
                except (OSError, http.client.HTTPException) as error:  # the network's, not the disk's
                    raise _Again(f"{type(error).__name__} after {received} bytes: {error}") from None
                if not piece:
                    break
                stream.write(piece)
                received += len(piece)
                bar.update(len(piece))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise DataError(f"{part}: {error.strerror or error}; is the disk full?") from None
    if received > limit or (total is not None and total > limit):
        part.unlink(missing_ok=True)
        raise DataError(f"larger than the limit of {limit} bytes")
    if total is not None and received < total:
        raise _Again(f"cut short after {received} of {total} bytes")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time download into a folder, where the file system knows locks."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
