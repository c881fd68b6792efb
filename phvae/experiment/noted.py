"""What is noted of source files: the hash of their code and what they import, by the hash of their bytes.

Both follow from the bytes alone, and cost a second for the whole package, which the notes spare each job. They lie
where Python keeps its own, and are nobody's results: without them everything is computed.
"""

from __future__ import annotations

import contextlib
import functools
from pathlib import Path

from phvae import source
from phvae.errors import DataError
from phvae.files import sha256
from phvae.records import read_record, write_record

__all__ = ["code_and_imports", "keep"]

_NOTES = Path(__file__).parent / "__pycache__" / "code.json"
_new: dict[str, list[str]] = {}


@functools.cache
def _known() -> dict[str, list[str]]:
    """The notes that `keep` left, if the code that made them is today's."""
    try:
        found = read_record(_NOTES, "", by=str, notes=dict)
        return dict(found["notes"]) if found["by"] == sha256(Path(source.__file__)) else {}
    except (OSError, DataError):
        return {}


def code_and_imports(path: Path) -> tuple[str, list[str]]:
    """The hash of a file's code, and the names that it imports (`phvae.source`)."""
    digest = sha256(path)
    noted = _known().get(digest) or _new.get(digest)
    if noted is None:
        text = path.read_text(encoding="utf-8")
        noted = _new[digest] = [source.code_sha256(path), *source.imported(text)]
    return noted[0], noted[1:]


def keep() -> None:
    """Note what is new; a folder that cannot be written is left as it is."""
    if _new:
        with contextlib.suppress(OSError):
            write_record(_NOTES, {"by": sha256(Path(source.__file__)), "notes": _known() | _new})
        _known().update(_new)
        _new.clear()
