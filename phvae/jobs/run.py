"""A run as the jobs hold it: one seed of a cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from phvae.records import Key

__all__ = ["Run"]


@dataclass(frozen=True)
class Run:
    """One seed of a cell: where its files lie, what decides its numbers, what run.json says besides."""

    seed: int
    folder: Path
    key: Key
    origin: dict[str, Any] = field(default_factory=dict)

    @property
    def record(self) -> Path:
        """What is written last: run.json."""
        return self.folder / "run.json"
