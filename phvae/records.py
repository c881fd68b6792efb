"""Records: what a stage leaves beside its files, and whether it is the answer to today's question."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from phvae.errors import DataError, PhvaeError
from phvae.files import read_object, sha256, sha256_text, write_json

__all__ = ["Key", "check_seal", "current", "inputs_sha256", "outdated", "read_record", "seal", "verify", "write_record"]

LOG = logging.getLogger("phvae")


@dataclass(frozen=True)
class Key:
    """What decides a result: the code that computes it, and everything that the code is given, each hashed.

    They are apart so that `phvae accept` can carry a result across an edit of the code, and only of the code.
    """

    code: str
    inputs: str

    @property
    def sha256(self) -> str:
        """One hash of both."""
        return sha256_text(f"{self.code} {self.inputs}")

    def fields(self) -> dict[str, str]:
        """The two hashes as a record holds them."""
        return asdict(self)


def inputs_sha256(*ingredients: Any) -> str:
    """The hash of plain data.

    >>> inputs_sha256({"a": 1, "b": 2}) == inputs_sha256({"b": 2, "a": 1})
    True
    """
    return sha256_text(json.dumps(ingredients, sort_keys=True))


def seal(content: Mapping[str, Any]) -> str:
    """The hash of a record's own content: one altered digit of it shows."""
    body = {name: value for name, value in content.items() if name != "seal"}
    return inputs_sha256(json.loads(json.dumps(body)))  # as it will be read: keys are texts, tuples lists


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object with its own hash under `seal`, atomically."""
    write_json(path, {**content, "seal": seal(content)})


def check_seal(content: Mapping[str, Any], path: Path, remedy: str) -> None:
    """Refuse a record whose content is not what was written.

    Raises:
        DataError: names the file, and ends with `remedy`.
    """
    if "seal" not in content:
        raise DataError(f"{path}: without the hash of its content: of an earlier version, or damaged; {remedy}")
    if content["seal"] != seal(content):
        raise DataError(f"{path}: its content changed since it was written; {remedy}")


def read_record(path: Path, remedy: str, **kinds: type) -> dict[str, Any]:
    """Read what `write_record` wrote, as `phvae.files.read_object` does, without its seal.

    Raises:
        DataError: it is absent, damaged or something else; names the file, and ends with `remedy`.
    """
    if not path.is_file():
        raise DataError(f"{path}: absent; {remedy}")
    content = read_object(path, remedy, **kinds)
    check_seal(content, path, remedy)
    return {name: value for name, value in content.items() if name != "seal"}


def current(path: Path, key: Key) -> dict[str, Any] | None:
    """The record at `path`, if it has this key and every file that it lists is as it was written.

    A record is a JSON object that holds the two hashes of its key, and perhaps `files`: names relative to its folder
    and their SHA-256. What is absent is made; what is damaged, or of another key, is made again, and a line in the log
    says so.
    """
    if not path.is_file():
        return None
    try:
        found = read_record(path, "it is made again")
    except (PhvaeError, OSError) as error:
        LOG.warning("%s", " ".join(str(error).split()))
        return None
    if reason := outdated(found, key, path.parent):
        LOG.warning("%s: %s; it is made again", path, reason)
        return None
    return found


def outdated(found: Any, key: Key, folder: Path) -> str:
    """Why what was found in a record is not the answer to today's question; empty where it is."""
    if not isinstance(found, dict) or not all(isinstance(found.get(name), str) for name in ("code", "inputs")):
        return f"found {found!r:.60}, expected an object with the hashes of code and inputs"
    if (found["code"], found["inputs"]) != (key.code, key.inputs):
        return "made by other code" if found["inputs"] == key.inputs else "of other inputs or settings"
    try:
        files = found.get("files", {})
        altered = [name for name, known in files.items() if not _same(folder / name, known)]
    except (OSError, AttributeError, TypeError) as error:
        return " ".join(str(error).split())
    return f"{', '.join(sorted(altered))} absent or damaged" if altered else ""


def verify(folder: Path, files: Mapping[str, str], remedy: str) -> None:
    """Refuse files that are not what was written: names relative to a folder, and their SHA-256.

    Raises:
        DataError: one is absent or its content changed; names it, and ends with `remedy`.
    """
    for name, known in files.items():
        if not _same(folder / name, known):
            what = "its content changed since it was written" if (folder / name).is_file() else "absent"
            raise DataError(f"{folder / name}: {what}; {remedy}")


def _same(path: Path, known: str) -> bool:
    return path.is_file() and sha256(path) == known
