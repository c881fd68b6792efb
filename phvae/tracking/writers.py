"""How entries become runs: in the local database many at once, on a server call by call."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from phvae.tracking.entry import Entry
from phvae.tracking.logged_model import write_model

__all__ = ["DatabaseWriter", "ServerWriter", "Writer"]

PARENT = "mlflow.parentRunId"
NAME = "mlflow.runName"
_READY = 2  # of a logged model, in MLflow's numbers


class Writer(Protocol):
    """Writes runs into one experiment."""

    def write(self, entry: Entry, tags: dict[str, str], last: dict[str, str]) -> str:
        """Begin or make a run with its tags; `last` are written when all else is there. Returns its id."""

    def flush(self) -> None:
        """Leave nothing unwritten."""

    def remove(self, run_id: str) -> None:
        """Remove a run and its model."""


class DatabaseWriter:
    """Rows of MLflow's own tables, a transaction per `flush`: through its client every metric costs two queries.

    A killed process leaves whole transactions, and files that `sweep` removes.

    Args:
        uri: the database, which MLflow has made.
        experiment: its id.
        artifacts: the folder of the experiment's files.
    """

    def __init__(self, uri: str, experiment: str, artifacts: Path) -> None:
        from mlflow.store.tracking.dbmodels import models
        from sqlalchemy import create_engine, select
        from sqlalchemy.pool import NullPool

        self.engine = create_engine(uri, poolclass=NullPool)
        self.experiment, self.artifacts = int(experiment), artifacts
        kinds = (
            models.SqlRun, models.SqlTag, models.SqlParam, models.SqlMetric, models.SqlLatestMetric, models.SqlDataset,
            models.SqlInput, models.SqlLoggedModel,
        )  # fmt: skip
        self.tables = [kind.__table__ for kind in kinds]
        self.rows: list[list[dict[str, Any]]] = [[] for _ in kinds]
        datasets = self.tables[5]
        with self.engine.connect() as connection:
            known = connection.execute(select(datasets).where(datasets.c.experiment_id == self.experiment))
            self.data = {(row.name, row.digest): row.dataset_uuid for row in known}

    def write(self, entry: Entry, tags: dict[str, str], last: dict[str, str]) -> str:
        run_id = uuid.uuid4().hex
        folder = self.artifacts / run_id / "artifacts"
        for file, below in entry.files:
            (folder / below).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / below / file.name)
        rows: tuple[list[dict[str, Any]], ...] = (
            [self._run(entry, run_id, folder, tags.get("mlflow.user", ""))],
            _named({**tags, **last, NAME: entry.name}, run_id),
            _named(entry.params, run_id),
            list(_metrics(entry, run_id)),
            list(_latest(_metrics(entry, run_id))),
            *self._inputs(entry, run_id),
            [],
        )
        for known, new in zip(self.rows, rows, strict=True):
            known += new
        if entry.model is not None:
            self._model(entry, entry.model, run_id)
        return run_id

    def flush(self) -> None:
        if not self.rows[0]:
            return
        with self.engine.begin() as connection:
            for table, rows in zip(self.tables, self.rows, strict=True):
                if rows:
                    connection.execute(table.insert(), rows)
                rows.clear()

    def remove(self, run_id: str) -> None:
        """Rows and files: MLflow itself would keep both for its own gc, and a watched grid is written many times."""
        from sqlalchemy import select

        runs, tags, params, metrics, latest, _, inputs, models = self.tables
        with self.engine.begin() as connection:
            gone = list(connection.scalars(select(models.c.model_id).where(models.c.source_run_id == run_id)))
            connection.execute(inputs.delete().where(inputs.c.destination_id.in_([*gone, run_id])))
            connection.execute(models.delete().where(models.c.model_id.in_(gone)))
            for table in (tags, params, metrics, latest, runs):
                connection.execute(table.delete().where(table.c.run_uuid == run_id))
        for folder in (run_id, *(f"models/{model_id}" for model_id in gone)):
            shutil.rmtree(self.artifacts / folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove the files of runs and models that were never written."""
        from sqlalchemy import select

        for folder, column in ((".", self.tables[0].c.run_uuid), ("models", self.tables[-1].c.model_id)):
            with self.engine.connect() as connection:
                known = set(connection.scalars(select(column)))
            for left in (self.artifacts / folder).glob("*"):
                if left.name not in known | {"models"}:
                    shutil.rmtree(left, ignore_errors=True)

    def _run(self, entry: Entry, run_id: str, folder: Path, user: str) -> dict[str, Any]:
        ended = None if entry.status == "RUNNING" else entry.ended
        return {
            "run_uuid": run_id, "name": entry.name, "experiment_id": self.experiment, "artifact_uri": folder.as_uri(),
            "status": entry.status, "start_time": entry.began, "end_time": ended, "lifecycle_stage": "active",
            "user_id": user, "source_type": "UNKNOWN", "source_name": "", "entry_point_name": "", "source_version": "",
        }  # fmt: skip

    def _inputs(self, entry: Entry, run_id: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Rows of the data set, unless it is there, and of the run's use of it."""
        if entry.data is None:
            return [], []
        about, new = _about(*entry.data), []
        key = about["name"], about["digest"]
        if key not in self.data:
            self.data[key] = uuid.uuid4().hex
            source = {"dataset_source_type": about["source_type"], "dataset_source": about["source"]}
            names = {"dataset_uuid": self.data[key], "experiment_id": self.experiment, "name": key[0], "digest": key[1]}
            new = [names | source]
        return new, [_link("DATASET", self.data[key], "RUN", run_id)]

    def _model(self, entry: Entry, run: Path, run_id: str) -> None:
        model_id = f"m-{uuid.uuid4().hex}"
        folder = self.artifacts / "models" / model_id / "artifacts"
        write_model(run, folder, model_id, run_id)
        row = {
            "model_id": model_id, "experiment_id": self.experiment, "name": _model_name(entry), "source_run_id": run_id,
            "artifact_location": folder.as_uri(), "creation_timestamp_ms": entry.ended,
            "last_updated_timestamp_ms": entry.ended, "status": _READY, "lifecycle_stage": "active",
        }  # fmt: skip
        self.rows[-1].append(row)
        self.rows[-2].append(_link("RUN_OUTPUT", run_id, "MODEL_OUTPUT", model_id))


class ServerWriter:
    """Through MLflow's client, which any server understands."""

    def __init__(self, client: Any, experiment: str) -> None:
        self.client, self.experiment = client, experiment

    def write(self, entry: Entry, tags: dict[str, str], last: dict[str, str]) -> str:
        from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag

        run = self.client.create_run(self.experiment, start_time=entry.began, tags=tags, run_name=entry.name)
        run_id = str(run.info.run_id)
        for file, folder in entry.files:
            self.client.log_artifact(run_id, str(file), folder or None)
        if entry.data is not None:
            self.client.log_inputs(run_id, [DatasetInput(Dataset(**_about(*entry.data)))])
        if entry.status != "RUNNING":
            self.client.set_terminated(run_id, entry.status, entry.ended)
        for some in _chunks([Param(name, value) for name, value in entry.params.items()], 100):
            self.client.log_batch(run_id, params=some)
        points = [Metric(row["key"], row["value"], row["timestamp"], row["step"]) for row in _metrics(entry, run_id)]
        *whole, end = _chunks(points, 999)
        for some in whole:
            self.client.log_batch(run_id, metrics=some)
        if entry.model is not None:
            self._model(entry, entry.model, run_id)
        # the last tags are written last of all: without them the next call takes the run for half-written
        self.client.log_batch(run_id, metrics=end, tags=[RunTag(name, value) for name, value in last.items()])
        return run_id

    def flush(self) -> None:
        """Everything is written already."""

    def remove(self, run_id: str) -> None:
        """MLflow keeps what is deleted for its own gc."""
        self.client.delete_run(run_id)
        for model in self.client.search_logged_models([self.experiment], f"source_run_id = '{run_id}'"):
            self.client.delete_logged_model(model.model_id)

    def _model(self, entry: Entry, run: Path, run_id: str) -> None:
        from mlflow.entities import LoggedModelOutput

        model = self.client.create_logged_model(self.experiment, _model_name(entry), run_id)
        with tempfile.TemporaryDirectory() as folder:
            write_model(run, Path(folder), model.model_id, run_id)
            self.client.log_model_artifacts(model.model_id, folder)
        self.client.finalize_logged_model(model.model_id, "READY")
        self.client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])


def _about(name: str, sha256: str) -> dict[str, str]:
    """A data set in MLflow's words; its pages show short digests."""
    return {"name": name, "digest": sha256[:12], "source_type": "sha256", "source": json.dumps({"sha256": sha256})}


def _model_name(entry: Entry) -> str:
    """Its run's name, without the characters that MLflow forbids."""
    return re.sub("[/:.%\"']", "_", entry.name)


def _link(kind: str, source: str, target: str, destination: str) -> dict[str, Any]:
    ends = {"source_type": kind, "source_id": source, "destination_type": target, "destination_id": destination}
    return {"input_uuid": uuid.uuid4().hex, "step": 0, **ends}


def _named(values: dict[str, str], run_id: str) -> list[dict[str, str]]:
    return [{"key": name, "value": value, "run_uuid": run_id} for name, value in values.items()]


def _metrics(entry: Entry, run_id: str) -> Iterator[dict[str, Any]]:
    """The points as rows, each once; their times spread over the run as their steps are."""
    steps = max((step for _, _, step in entry.points), default=0)
    for name, value, step in dict.fromkeys(entry.points):
        time = entry.began + (entry.ended - entry.began) * step // steps if steps else entry.ended
        yield {"key": name, "value": value, "timestamp": time, "step": step, "is_nan": False, "run_uuid": run_id}


def _latest(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Of each metric the point with the largest step."""
    ordered = sorted(rows, key=lambda row: (row["key"], row["step"], row["timestamp"], row["value"]))
    for _, some in itertools.groupby(ordered, key=lambda row: row["key"]):
        *_, last = some
        yield last


def _chunks(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """Parts of at most `size`; MLflow takes 100 parameters or 1,000 things at once."""
    return [items[start : start + size] for start in range(0, len(items), size)] or [items]
