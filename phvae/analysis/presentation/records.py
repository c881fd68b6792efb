"""What one stage keeps for the next as JSON, read back as the type that it was."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from phvae.errors import DataError
from phvae.files import read_object

__all__ = ["read_record"]

Record = TypeVar("Record")


def read_record(path: Path, kind: type[Record], remedy: str) -> Record:
    """A dataclass that was written with `files.write_json(path, asdict(record))`.

    Raises:
        DataError: the file is absent, damaged, or holds something else; names the file and the key, ends with `remedy`.
    """
    if not path.is_file():
        raise DataError(f"{path}: absent; {remedy}")
    try:
        return TypeAdapter(kind).validate_python(read_object(path, remedy))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{path}: {key}: {first['msg']}; {remedy}") from None
