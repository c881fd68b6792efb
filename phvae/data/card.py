"""The data card of a prepared folder, as far as loading needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from phvae.config.explain import validated
from phvae.errors import ConfigError, DataError
from phvae.files import read_json
from phvae.records import check_seal

__all__ = ["SPLITS", "Card", "read_card"]

SPLITS = ("train", "validation", "test")


class _File(BaseModel):
    bytes: int
    sha256: str


class _Scaling(BaseModel):
    offset: list[float]
    scale: list[float]


class Card(BaseModel):
    """What `load` takes from a card; there is more in it, for readers."""

    kind: str
    options: dict[str, Any]
    shape: list[int]
    binary: bool
    sha256: str
    files: dict[str, _File]
    scaling: _Scaling | None = None
    factor_names: list[str] = []
    factor_sizes: list[int] = []


def read_card(folder: Path) -> tuple[Card, dict[str, Any]]:
    """The card of a prepared folder: what loading needs, checked, and all of it.

    Raises:
        DataError: if there is none, or it is damaged.
    """
    path = folder / "card.json"
    try:
        content = read_json(path)
        card = validated(Card, content, lambda key: f"{path}: damaged: {key or 'the card'}")
    except ConfigError as error:
        raise DataError(f"{error}; prepare the set again") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}: no prepared data set ({error}); run `phvae prepare`") from None
    if "seal" in content:  # cards of before November 2026 do not hold the hash of their content
        check_seal(content, path, f"remove {folder} and prepare the set again")
    if missing := [f"{split}.npy" for split in SPLITS if f"{split}.npy" not in card.files]:
        raise DataError(f"{path}: damaged: `files` lacks {', '.join(missing)}; prepare the set again")
    return card, content
