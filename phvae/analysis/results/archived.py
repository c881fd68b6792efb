"""The manifest of an archive of results (`phvae archive`): its files and their hashes."""

from __future__ import annotations

from pathlib import Path

from phvae.errors import DataError
from phvae.files import read_object, sha256, write_json
from phvae.words import listed, plural

__all__ = ["MANIFEST", "check_archive", "write_manifest"]

MANIFEST = "archive.json"
_NAMED = 3  # damaged files that a message names


def write_manifest(root: Path) -> list[Path]:
    """List every file of an archive with its hash; return them."""
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and path != root / MANIFEST]
    write_json(root / MANIFEST, {"files": {path.relative_to(root).as_posix(): sha256(path) for path in files}})
    return files


def check_archive(root: Path) -> None:
    """Refuse an archive whose files are not those of its manifest; results without one are not an archive.

    Raises:
        DataError: files are gone or were changed; names the first.
    """
    if not (root / MANIFEST).is_file():
        return
    known = read_object(root / MANIFEST, "take the archive from its source again", files=dict)["files"]
    wrong = [name for name, digest in known.items() if not (root / name).is_file() or sha256(root / name) != digest]
    if wrong:
        named = listed(wrong[:_NAMED]) + (f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else "")
        raise DataError(
            f"{root}: found {plural(len(wrong), 'file')} other than {MANIFEST} lists: {named}; "
            "take the archive from its source again"
        )
