"""Files written whole or not at all, and their hashes."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from phvae.errors import DataError

__all__ = ["atomic", "read_json", "read_object", "sha256", "sha256_text", "write_json", "write_text"]

_WORDS = {dict: "an object", list: "a list", str: "a text", int: "a whole number"}


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it to disk and rename it, on failure remove it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:  # a full disk is met while writing, where no name is known
        error.filename = error.filename or str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, content: Any) -> None:
    """Write JSON with sorted keys, atomically; NaN and infinities are refused (store None with a reason)."""
    write_text(path, json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: str | Path, remedy: str = "remove it and run again the command that writes it") -> Any:
    """Read a JSON file.

    Raises:
        DataError: it is no JSON; names the file, and ends with `remedy`.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: damaged ({error}); {remedy}") from None


def read_object(path: str | Path, remedy: str, **kinds: type) -> dict[str, Any]:
    """Read a JSON object whose keys named in `kinds` hold values of that kind (dict, list, str or int).

    Raises:
        DataError: it is damaged or something else; names the file and the key, and ends with `remedy`.
    """
    content = read_json(path, remedy)
    if not isinstance(content, dict):
        raise DataError(f"{path}: found {content!r:.60}, expected an object; {remedy}")
    for key, kind in kinds.items():
        if not isinstance(content.get(key), kind):
            found = f"{content[key]!r:.60}" if key in content else "nothing"
            raise DataError(f"{path}: {key}: found {found}, expected {_WORDS[kind]}; {remedy}")
    return content


def sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    """SHA-256 of a text's UTF-8 bytes, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
