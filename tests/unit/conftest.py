"""Results that several files of tests read, written once in a session."""

from __future__ import annotations

from pathlib import Path

import pytest
from tables_on_disk import write_known_tables


@pytest.fixture(scope="session")
def known_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results whose every verdict is known, with their tables; to be read, or copied and changed."""
    return write_known_tables(tmp_path_factory.mktemp("known"))
