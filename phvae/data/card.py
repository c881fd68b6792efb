"""The data card of a prepared folder, as far as loading needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from phvae.config.explain import validated
from phvae.errors import ConfigError, DataError
from phvae.records import read_record

__all__ = ["REMEDY", "SPLITS", "Card", "read_card"]

SPLITS = ("train", "validation", "test")
REMEDY = "prepare the set again"


class _File(BaseModel):
    bytes: int
    sha256: str


class _Scaling(BaseModel):
    offset: list[float]
    scale: list[float]


class _Examples(BaseModel):
    train: int
    validation: int
    test: int


class Card(BaseModel):
    """What `load` takes from a card; there is more in it, for readers."""

    kind: str
    key: str
    options: dict[str, Any]
    shape: list[int]
    dtype: str
    counts: _Examples
    binary: bool
    sha256: str
    files: dict[str, _File]
    scaling: _Scaling | None = None
    factor_names: list[str] = []
    factor_sizes: list[int] = []


def read_card(folder: Path, remedy: str = REMEDY) -> tuple[Card, dict[str, Any]]:
    """The card of a prepared folder: what loading needs, checked, and all of it.

    Raises:
        DataError: there is none, or it is not what `prepare` wrote; names the file, and ends with `remedy`.
    """
    path = folder / "card.json"
    try:
        content = read_record(path, remedy)
        card = validated(Card, content, lambda key: f"{path}: damaged: {key or 'the card'}")
    except ConfigError as error:
        raise DataError(f"{error}; {remedy}") from None
    except OSError as error:
        raise DataError(f"{path}: no card of a prepared data set ({error.strerror}); {remedy}") from None
    if missing := [f"{split}.npy" for split in SPLITS if f"{split}.npy" not in card.files]:
        raise DataError(f"{path}: damaged: `files` lacks {', '.join(missing)}; {remedy}")
    return card, content
