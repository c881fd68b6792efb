"""The local database behind MLflow's pages: made whole or not at all, and made again where it is broken."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from phvae.files import atomic

__all__ = ["default_uri", "follow", "prepare", "store"]

# What sqlite says where the machine or another program is in the way, and not the file itself.
_PASSING = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_INTERRUPT,
}  # fmt: skip


def store(root: Path) -> Path:
    """The folder of the view, beside the results of all grids."""
    return Path(root).resolve().parent / "mlflow"


def default_uri(root: Path) -> str:
    """The sqlite database in that folder."""
    return _uri(store(root) / "mlflow.db")


def prepare(folder: Path, faults: tuple[type[Exception], ...]) -> None:
    """See that the folder holds a database that MLflow can use.

    A new one is made beside and takes its place when it is whole: MLflow makes its tables in many steps, and takes up
    none that another call left half made. One that is broken is set aside, and a line on stderr says so.

    Args:
        folder: the view's.
        faults: what MLflow, its database library and sqlite raise.

    Raises:
        One of the faults: the disk is full, the database locked, or no permission.
    """
    os.environ["MLFLOW_SQLALCHEMYSTORE_POOLCLASS"] = "NullPool"  # no connection outlives the file's change of place
    path = folder / "mlflow.db"
    for left in folder.glob(".mlflow-*"):  # of a call that was killed
        left.unlink()
    if path.exists() and (reason := _broken(path, faults)):
        aside = path.replace(folder / "mlflow-broken.db")
        print(f"tracking: {path}: {reason}; set aside as {aside.name}, the view is made again", file=sys.stderr)
    if not path.exists():
        Path(f"{path}-journal").unlink(missing_ok=True)  # sqlite would play it into the new database
        shutil.rmtree(folder / "artifacts", ignore_errors=True)
        with atomic(path) as temporary:
            _open(temporary)


def follow(folder: Path) -> list[str]:
    """Correct the addresses of files after the folder was moved or copied: MLflow keeps them whole.

    Returns:
        The names of the experiments that were elsewhere.
    """
    from mlflow.store.tracking.dbmodels import models
    from sqlalchemy import create_engine, func, select
    from sqlalchemy.pool import NullPool

    experiments, runs, logged = (
        kind.__table__ for kind in (models.SqlExperiment, models.SqlRun, models.SqlLoggedModel)
    )
    columns = [experiments.c.artifact_location, runs.c.artifact_uri, logged.c.artifact_location]
    corrected = []
    with create_engine(_uri(folder / "mlflow.db"), poolclass=NullPool).begin() as connection:
        for row in list(connection.execute(select(experiments))):
            there, here = str(row.artifact_location), (folder / "artifacts" / row.name).as_uri()
            if there == here or not there.endswith(f"/mlflow/artifacts/{quote(row.name)}"):
                continue  # where it belongs, or not ours
            for column in columns:
                of_it = column.table.c.experiment_id == row.experiment_id
                inside = of_it & column.startswith(there, autoescape=True)
                moved = here + func.substr(column, len(there) + 1)
                connection.execute(column.table.update().where(inside).values({column.name: moved}))
            corrected.append(row.name)
    return corrected


def _uri(path: Path) -> str:
    return f"sqlite:///{path}"


def _open(path: Path) -> None:
    """Let MLflow make or check its tables."""
    from mlflow import MlflowClient

    MlflowClient(tracking_uri=_uri(path)).search_experiments(max_results=1)


def _broken(path: Path, faults: tuple[type[Exception], ...]) -> str:
    """Why the database cannot be used, for good; empty if it can."""
    try:
        with closing(sqlite3.connect(path)) as connection:  # first: MLflow would try a file that is none for minutes
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        if found == "ok":
            _open(path)
    except faults as error:
        if _passing(error):
            raise
        found = " ".join(str(error).split())[:200]
    return "" if found == "ok" else found


def _passing(error: BaseException | None) -> bool:
    """Whether sqlite, somewhere below what was raised, names the machine or another program."""
    while error:
        code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
        if code is not None:
            return code & 0xFF in _PASSING  # the rest says more of the same
        error = error.__cause__
    return False
