"""What the stages took, kept beside run.json in costs.json: seconds, of no influence on any score."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from phvae.errors import DataError
from phvae.records import read_record, write_record

__all__ = ["known_costs", "note_costs"]

LOG = logging.getLogger("phvae")
NAME = "costs.json"


def known_costs(folder: Path) -> dict[str, Any]:
    """What is noted of a run; a damaged note stops no job, it is started afresh."""
    if not (folder / NAME).is_file():
        return {}
    try:
        return read_record(folder / NAME, "it is started afresh")
    except DataError as error:
        LOG.warning("%s", error)
        return {}


def note_costs(folder: Path, **more: Any) -> None:
    """Add to a run's notes."""
    write_record(folder / NAME, known_costs(folder) | more)
