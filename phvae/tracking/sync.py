"""MLflow as a view of the results: synced after the runs, never written by them, rebuilt whenever it is gone."""

from __future__ import annotations

import fcntl
import getpass
import itertools
import os
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from phvae.errors import PhvaeError
from phvae.tracking.cell_entry import cell_entry
from phvae.tracking.database import default_uri, follow, prepare, store
from phvae.tracking.entry import NOTE, Entry, mask
from phvae.tracking.run_entry import design_tags, read_run, run_folders, running_run
from phvae.tracking.summary_entry import answers_note, cell_notes, summary_entry
from phvae.tracking.view import VIEW, page_of, shared_view
from phvae.tracking.writers import PARENT, DatabaseWriter, ServerWriter, Writer

__all__ = ["Running", "View", "default_uri", "mask", "sync"]

KIND_OF_EXPERIMENT = {"mlflow.experimentKind": "custom_model_development"}  # not language models
PATH, KIND, SYNCED = "phvae.path", "phvae.kind", "phvae.synced"


def sync(root: Path, uri: str | None = None, running: Mapping[str, Running] | None = None) -> View:
    """Bring MLflow up to date with a results folder; a second call changes nothing.

    One experiment a grid, in it a run a cell (data set, training size, variant) with its seeds nested below, and one
    run `summary` with tables and figures. A run whose content changed (a new run_key, new metrics) replaces the old
    one; a half-written run of an interrupted call is written anew; in the local database runs that the results no
    longer hold are removed, on a server they stay. Where the local database was moved, its addresses of files are
    corrected. MLflow's telemetry is switched off for this process.

    Args:
        root: folder of a grid's results.
        uri: an MLflow server or database; by default MLFLOW_TRACKING_URI, else sqlite beside the results.
        running: seeds that train, by the path of their folder below runs/, where somebody watches: then a call that
            changes nothing says nothing.

    Returns:
        What was written to. Its address may hold credentials: print it through `mask`.

    Raises:
        PhvaeError: the address cannot be used; the message hides credentials.
    """
    root = Path(root).resolve()
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or default_uri(root)
    if "://" not in uri or uri.startswith("file:"):
        raise PhvaeError(
            f"MLFLOW_TRACKING_URI: found {mask(uri)!r}, expected the address of a server (http://…) or a database "
            f"(sqlite:///…): MLflow no longer writes plain folders; unset it to use {default_uri(root)}"
        )
    local = uri == default_uri(root)
    if local and "?" in uri:
        raise PhvaeError(f"{store(root)}: a database's address cannot hold a question mark; choose another folder")
    with _locked(store(root)):
        faults = _import()
        try:
            with _unsynchronised():
                if local:
                    prepare(store(root), faults)
                    if moved := follow(store(root)):
                        print(f"tracking: the folder was moved; addresses of {', '.join(moved)} corrected")
                call = _Sync(root, uri, local, running or {})
                counts = call.run()
        except faults as error:
            hint = "; sync again: this database is a view, and a broken one is made again" if local else ""
            text = " ".join(mask(str(error)).split())[:400]
            raise PhvaeError(f"MLflow at {mask(uri)} cannot be synced: {text}{hint}") from None
    if running is None or counts.changed:
        print(f"tracking: {counts}; {mask(uri)}, page {call.page()}", flush=True)
    return View(uri, call.page())


def _import() -> tuple[type[Exception], ...]:
    """Import MLflow, its telemetry off and its progress notes silent; returns what it raises."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # a wrong address must not hang for minutes
    import mlflow.exceptions
    import sqlalchemy.exc

    return mlflow.exceptions.MlflowException, sqlalchemy.exc.SQLAlchemyError, sqlite3.Error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One sync at a time: two that create the same database break its migration."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "sync.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def _unsynchronised() -> Iterator[None]:
    """Let sqlite return before the disk has written: a dozen waits a run, for a view that can be rebuilt.

    A killed process loses nothing by it; what a power cut breaks is made again.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def on_connect(connection: Any, _: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous=OFF")

    event.listen(Engine, "connect", on_connect)
    try:
        yield
    finally:
        event.remove(Engine, "connect", on_connect)


@dataclass
class _Counts:
    new: int = 0
    replaced: int = 0
    unchanged: int = 0
    removed: int = 0

    @property
    def changed(self) -> int:
        return self.new + self.replaced + self.removed

    def __str__(self) -> str:
        return f"{self.new} runs new, {self.replaced} replaced, {self.unchanged} unchanged, {self.removed} removed"


@dataclass
class _Known:
    """What the server already holds under one path."""

    run_id: str
    synced: str
    parent: str
    spare: list[str] = field(default_factory=list)  # further runs under the same path


@dataclass(frozen=True)
class View:
    """Where the results are shown: the address of a server or database, and the page below a server's address."""

    uri: str
    page: str


@dataclass(frozen=True)
class Running:
    """A seed that trains: the rows of its history so far, and when it began, in ms since 1970."""

    rows: Sequence[Mapping[str, float]]
    began: int


class _Sync:
    """One call of `sync`."""

    def __init__(self, root: Path, uri: str, local: bool, running: Mapping[str, Running]) -> None:
        from mlflow import MlflowClient

        self.root, self.local, self.running = root, local, running
        self.client: Any = MlflowClient(tracking_uri=uri)
        self.counts = _Counts()
        self.experiment = self._experiment()
        self.writer: Writer = ServerWriter(self.client, self.experiment)
        if local:
            database = DatabaseWriter(uri, self.experiment, self._artifacts())
            database.sweep()
            self.writer = database
        self.known = self._scan()
        self.metrics: set[str] = set()
        self.began = self.told = time.monotonic()

    def run(self) -> _Counts:
        finished = {folder.relative_to(self.root / "runs").as_posix(): folder for folder in run_folders(self.root)}
        paths = sorted(finished.keys() | self.running.keys())
        designs, notes = design_tags(self.root), cell_notes(self.root)
        seen: set[str] = set()
        entries: list[Entry] = []
        for cell, group in itertools.groupby(paths, key=lambda path: path.rpartition("/")[0]):
            design = designs.get(cell, {})
            children = [
                read_run(finished[path], self.root, design)
                if path in finished
                else running_run(path, self.running[path].rows, self.running[path].began, design)
                for path in group
            ]
            above = cell_entry(cell, children, notes.get(cell, ""))
            parent = self._put(above, "")
            for child in children:
                self._put(child, parent)
            self.writer.flush()
            seen |= {above.path, *(child.path for child in children)}
            self.metrics |= {name for child in children for name, _, _ in child.points}
            entries += [replace(child, params={}, points=[], files=[]) for child in children]
            self._tell(len(entries), len(paths))
        self._put(summary_entry(self.root, entries), "")
        self.writer.flush()
        seen.add("summary")
        if self.local:
            for path, known in self.known.items():
                if path not in seen:
                    self.writer.remove(known.run_id)
                    self.counts.removed += 1
        self._describe()
        return self.counts

    def _describe(self) -> None:
        """What MLflow shows above the runs, and which columns it shows first."""
        tags = {NOTE: answers_note(self.root), VIEW: shared_view(self.metrics)}
        known = self.client.get_experiment(self.experiment).tags
        for name, value in tags.items():
            if value and known.get(name) != value:
                self.client.set_experiment_tag(self.experiment, name, value)

    def _experiment(self) -> str:
        """The experiment named after the grid."""
        name = self.root.name
        found = self.client.get_experiment_by_name(name)
        if found and found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        if found:
            return str(found.experiment_id)
        place = self._artifacts().as_uri() if self.local else None
        return str(self.client.create_experiment(name, artifact_location=place, tags=KIND_OF_EXPERIMENT))

    def page(self) -> str:
        """Where MLflow's pages show the runs."""
        return page_of(self.experiment)

    def _scan(self) -> dict[str, _Known]:
        """path -> what is there, from the tags of all runs of the experiment."""
        known: dict[str, _Known] = {}
        token = None
        while True:
            page = self.client.search_runs([self.experiment], max_results=1000, page_token=token)
            for run in page:
                tags = run.data.tags
                if PATH not in tags:
                    continue  # somebody else's run in our experiment: leave it alone
                if tags[PATH] in known:
                    known[tags[PATH]].spare.append(run.info.run_id)
                else:
                    known[tags[PATH]] = _Known(run.info.run_id, tags.get(SYNCED, ""), tags.get(PARENT, ""))
            token = page.token
            if not token:
                return known

    def _put(self, entry: Entry, parent: str) -> str:
        """Write an entry unless it is there already; returns its run id."""
        known = self.known.get(entry.path)
        for run_id in known.spare if known else ():
            self.writer.remove(run_id)
        if known and known.synced == entry.fingerprint:
            if known.parent != parent:
                self.client.set_tag(known.run_id, PARENT, parent)
            self.counts.unchanged += 1
            return known.run_id
        if known:
            self.writer.remove(known.run_id)
            self.counts.replaced += 1
        else:
            self.counts.new += 1
        tags = {
            **entry.tags,
            "mlflow.user": _user(),
            PATH: entry.path,
            KIND: entry.kind,
            **({PARENT: parent} if parent else {}),
        }
        return self.writer.write(entry, tags, {SYNCED: entry.fingerprint})

    def _artifacts(self) -> Path:
        return store(self.root) / "artifacts" / self.root.name

    def _tell(self, done: int, total: int) -> None:
        if time.monotonic() - self.told > 10:
            self.told = time.monotonic()
            left = (total - done) * (self.told - self.began) / max(done, 1)
            print(f"tracking: {done} of {total} runs, about {left:.0f} s left", file=sys.stderr, flush=True)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's number without a name
        return str(os.getuid())
