"""A grid of seconds for `benchmarks.attack`: its jobs by hand or by the workflow's rule, what each reads and writes."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phvae.cli import main
from phvae.experiment.grid import load_grid
from phvae.experiment.manifests import stale
from phvae.experiment.questions import Questions
from phvae.experiment.stages import command
from phvae.files import sha256_text, write_text

__all__ = ["CONFIG", "Answer", "Finished", "Job", "Workflow", "digest", "make_light", "phvae", "write_config"]

Job = tuple[str, tuple[Any, ...]]

CONFIG: dict[str, Any] = {
    "name": "attacked",
    "device": "cpu",
    "seeds": 2,
    "baseline": "vae",
    "model": {"latent_size": 4, "network": {"name": "dense", "hidden": [8]}},
    "training": {"epochs": 2, "batch_size": 30},
    "evaluation": {
        "n_codes": 40,
        "n_samples": 24,
        "n_reconstructions": 24,
        "n_likelihood": 4,
        "importance_samples": 32,
        "extractors": ["classifier"],
    },
    "datasets": {
        "claw": {"data": {"kind": "claw", "n_train": 60, "n_validation": 30, "n_test": 60}},
        "sprites": {"data": {"kind": "sprites", "resolution": 16, "n_train": 90, "n_validation": 30, "n_test": 60}},
    },
    "variants": {
        "vae": {"label": "VAE", "model": {"order": 1, "divergence": "kl"}},
        "ph-vae-2": {"label": "PH-VAE 2", "model": {"order": 2}},
    },
}

# What the rules of workflow/rules/report.smk declare beside manifests: Snakemake removes it before the job starts.
DECLARED = {
    "collect": ("metrics.parquet", "metrics.csv", "costs.parquet", "runs.parquet"),
    "tables": ("tables/index.json",),
    "figures": ("figures/index.json",),
    "report": ("report.html",),
    "track": ("tracking.json",),
}


# A figure for each thing that figures read: the table, histories, codes, prepared data, kept examples.
DRAWN = ("learning_curves", "latent_maps", "density_curves")


@dataclass(frozen=True)
class Answer:
    """How a command ended, and what it said on stderr."""

    status: int
    words: str


def phvae(*words: str) -> Answer:
    """Run `phvae` in this process; an exception that it does not catch is a traceback, and status 1."""
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        try:
            status = main(list(words))
        except SystemExit as end:
            status = int(end.code or 0)
        except Exception as error:
            return Answer(1, f"{said.getvalue()}Traceback: {type(error).__name__}: {error}")
    return Answer(status, said.getvalue())


def make_light() -> None:
    """Change this process: equal work leaves equal bytes, little is drawn and fitted.

    Clocks stand, and run.json does not say which seeds trained together: a repair trains fewer, to the same numbers.
    """
    from phvae.analysis.figures import write
    from phvae.jobs import training
    from phvae.metrics import classifier

    time.perf_counter = lambda: 0.0
    training._peak_memory = lambda device: 0.0
    record = training._Job._record
    training._Job._record = lambda job, *given: record(job, *given) | {"stack": []}
    classifier.train_classifier.__kwdefaults__["steps"] = 20
    planned = write._planned
    write._planned = lambda group: [plan for plan in planned(group) if plan.figure.kind in DRAWN]


class Reads:
    """The files below a folder that are opened for reading while `seen` is set."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seen = str(folder) + "/", set[Path]()
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not str(arguments[0]).startswith(self.folder):
            return
        if not set(str(arguments[1])) & set("wxa+"):
            self.seen.add(Path(arguments[0]))


class Workflow:
    """The jobs of a configuration."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.grid = load_grid(config)
        self.paths = self.grid.paths
        self.questions = Questions(self.grid)
        self.jobs: list[Job] = list(self.questions.jobs())
        self.before = {job: list(self.questions.before(*job)) for job in self.jobs}

    def manifest(self, job: Job) -> Path:
        return self.paths.manifest(job[0], *job[1])

    def by_hand(self, job: Job) -> Answer:
        """Run a job as a person would, whatever its manifest says."""
        return phvae(*shlex.split(command(str(self.config), job[0], *job[1]))[1:])

    def after(self, job: Job) -> list[Job]:
        """A job and those that need it, in order."""
        found = [job]
        for other in self.jobs[self.jobs.index(job) + 1 :]:
            if set(self.before[other]) & set(found):
                found.append(other)
        return found

    def due(self) -> list[Job]:
        """The jobs that the workflow would run, in order: forced, without a manifest, or after one that runs.

        As for Snakemake, codes whose scores stand need not be there.
        """
        forced = {path for path, _ in stale(self.questions)}
        due: list[Job] = []
        for job in self.jobs:
            path = self.manifest(job)
            absent = not path.is_file() and job[0] != "encode"
            inputs = [self.manifest(other) for other in self.before[job]]
            if path in forced or absent or set(self.before[job]) & set(due) or _newer(inputs, path):
                due.append(job)
        lacking = {other for job in due for other in self.before[job] if not self.manifest(other).is_file()}
        return [job for job in self.jobs if job in lacking or job in due]

    def run(self) -> Iterator[tuple[Job, Answer]]:
        """Run what is due, up to the first job that fails; how each ended."""
        text = self.grid.dump()
        frozen = self.paths.frozen(sha256_text(text)[:16])
        due = self.due()
        for path in (frozen, self.paths.config) if due else ():
            write_text(path, text)
        for job in due:
            declared = [self.manifest(job), *(self.paths.root / name for name in DECLARED.get(job[0], ()))]
            for path in declared:
                path.unlink(missing_ok=True)
            answer = phvae(*shlex.split(command(str(frozen), job[0], *job[1]))[1:])
            if answer.status:
                for path in declared:
                    path.unlink(missing_ok=True)
            yield job, answer
            if answer.status:
                return


def _newer(inputs: list[Path], path: Path) -> bool:
    """Whether an input was written after the output; one that is absent was not."""
    times = [other.stat().st_mtime_ns for other in inputs if other.is_file()]
    return path.is_file() and any(time > path.stat().st_mtime_ns for time in times)


def write_config(folder: Path, **more: Any) -> Path:
    """The configuration with its results below a folder; its path."""
    path = folder / "attacked.yaml"
    path.write_text(json.dumps(CONFIG | {"results": str(folder / "results")} | more))
    return path


def digest(path: Path) -> str:
    """What a file holds, as a hash."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """The results below a folder: name -> inode and time, which change when it is written; MLflow's view aside."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not path.name.startswith(".") and not name.startswith("mlflow/"):
            state = path.stat()
            found[name] = (state.st_ino, state.st_mtime_ns)
    return found


class Finished:
    """The grid, run to its end in `live` and kept aside, with what each of its jobs read and wrote.

    Names of files are relative to the results folder.
    """

    def __init__(self, folder: Path) -> None:
        self.live, self.kept, self.other = folder / "results", folder / "untouched", folder / "other"
        for _, answer in Workflow(write_config(folder, training=CONFIG["training"] | {"epochs": 3})).run():
            assert not answer.status, answer.words
        self.live.rename(self.other)  # results of another configuration
        self.workflow = Workflow(write_config(folder))
        self.reads: dict[Job, set[str]] = {}
        self.wrote: dict[Job, set[str]] = {}
        self._watch()
        self.live.rename(self.kept)
        shutil.copytree(self.kept, self.live)
        self.digests = {name: digest(self.kept / name) for name in files(self.kept)}
        self.records = {name: (self.kept / name).read_text() for name in self.digests if name.endswith(".json")}

    def _watch(self) -> None:
        reads, before = Reads(self.live), {}
        for job, answer in self.workflow.run():
            assert not answer.status, answer.words
            now = files(self.live)
            self.wrote[job] = {name for name in now if now[name] != before.get(name)}
            seen = {path.relative_to(self.live).as_posix() for path in reads.seen}
            self.reads[job] = (seen & before.keys()) - self.wrote[job]
            before = now
            reads.seen.clear()

    def restore(self) -> None:
        """Put the untouched results back; MLflow's database is copied, since it is changed in place."""
        shutil.rmtree(self.live)
        shutil.copytree(self.kept, self.live, copy_function=_link)

    def differing(self) -> set[str]:
        """The files that are not, byte for byte, the untouched grid's."""
        now, kept = files(self.live), files(self.kept)
        return {
            name
            for name in now.keys() | kept.keys()
            if name not in now
            or name not in kept
            or (now[name][0] != kept[name][0] and digest(self.live / name) != self.digests[name])
        }

    def holders(self, name: str) -> list[Path]:
        """The records that hold a file's hash."""
        return [self.live / record for record, text in self.records.items() if self.digests[name] in text]

    def is_whole(self) -> bool:
        """Whether what was kept aside is what it was."""
        return self.digests == {name: digest(self.kept / name) for name in files(self.kept)}


def _link(source: str, target: str) -> None:
    (shutil.copy2 if source.endswith(".db") else os.link)(source, target)
