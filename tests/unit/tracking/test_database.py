"""The database: half made, damaged, held by another program, on a full disk."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tracked import CELLS, RUNS, runs

from phvae.errors import PhvaeError
from phvae.tracking import database
from phvae.tracking import sync as tracking

pytestmark = pytest.mark.slow


HALF_MADE = """
import os, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from phvae.tracking.sync import sync
def dying(connection, cursor, statement, *_):
    if statement.startswith("INSERT INTO _alembic_tmp_experiments"):  # MLflow does not go on from here
        os._exit(9)
event.listen(Engine, "before_cursor_execute", dying)
sync(Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def half_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The view's folder as a sync leaves it that was killed while MLflow made its tables."""
    root = tmp_path_factory.mktemp("half") / "quick"
    done = subprocess.run([sys.executable, "-c", HALF_MADE, str(root)], capture_output=True, text=True)
    assert done.returncode == 9, done.stderr
    return root.parent / "mlflow"


def begin_with(results: Path, folder: Path) -> Path:
    """Put another view's folder in place of the results' own; returns where."""
    own = results.parent / "mlflow"
    shutil.rmtree(own)
    return Path(shutil.copytree(folder, own))


def test_a_kill_while_the_database_is_made_leaves_none(results: Path, half_made: Path) -> None:
    folder = begin_with(results, half_made)
    assert not (folder / "mlflow.db").exists()
    assert list(folder.glob(".mlflow-*"))
    tracking.sync(results)
    assert set(runs(results)) == CELLS | RUNS | {"summary"}
    assert {path.name for path in folder.iterdir()} == {"mlflow.db", "artifacts", "sync.lock"}


@pytest.fixture
def made_at_once(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new database is copied, since its migrations take seconds; a kill while it is made has a real one."""
    made = database._open
    monkeypatch.setattr(database, "_open", lambda path: made(path) if path.exists() else shutil.copy(empty, path))


@pytest.mark.usefixtures("made_at_once")
def test_a_database_that_is_half_made_is_made_again(
    results: Path, half_made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = begin_with(results, half_made)
    for path in folder.glob(".mlflow-*"):  # the name that it had at once before November 2026
        path.rename(folder / f"mlflow.db{'-journal' * path.name.endswith('-journal')}")
    tracking.sync(results)
    assert "set aside as mlflow-broken.db, the view is made again" in capsys.readouterr().err
    assert set(runs(results)) == CELLS | RUNS | {"summary"}


def overwrite(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to look like one" * 40)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def zero_a_page(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.seek(3 * 4096)
        stream.write(bytes(4096))


@pytest.mark.usefixtures("made_at_once")
@pytest.mark.parametrize("damage", [overwrite, cut, zero_a_page])
def test_a_damaged_database_is_made_again(
    results: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None]
) -> None:
    path = results.parent / "mlflow" / "mlflow.db"
    damage(path)
    damaged = path.read_bytes()
    tracking.sync(results)
    assert "set aside as mlflow-broken.db, the view is made again" in capsys.readouterr().err
    assert (path.parent / "mlflow-broken.db").read_bytes() == damaged
    assert set(runs(results)) == CELLS | RUNS | {"summary"}


def test_a_database_that_another_program_holds_is_not_broken(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = results.parent / "mlflow" / "mlflow.db"
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **more: connect(*given, **more | {"timeout": 0.1}))
    with closing(connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(PhvaeError, match=r"cannot be synced: .*locked"):
            tracking.sync(results)
    assert not (path.parent / "mlflow-broken.db").exists()
    tracking.sync(results)
    assert set(runs(results)) == CELLS | RUNS | {"summary"}


def test_a_full_disk_leaves_no_half_of_a_database(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def small(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA max_page_count=40")

    folder = results.parent / "mlflow"
    (folder / "mlflow.db").unlink()
    event.listen(Engine, "connect", small)
    try:
        with pytest.raises(PhvaeError, match="disk is full"):
            tracking.sync(results)
    finally:
        event.remove(Engine, "connect", small)
    assert not (folder / "mlflow.db").exists()
    tracking.sync(results)
    assert set(runs(results)) == CELLS | RUNS | {"summary"}


def test_a_folder_that_a_database_address_cannot_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PhvaeError, match="question mark"):
        tracking.sync(tmp_path / "what?" / "quick")
