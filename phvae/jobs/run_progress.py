"""What a running grid says: one line per finished job, with what is done, how long the rest takes and the last loss."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from phvae.experiment.grid import Grid, load_grid
from phvae.jobs.failures import said
from phvae.planning.plan import jobs as planned_jobs
from phvae.words import plural

__all__ = ["RunProgress", "StartedJob"]

SHORT = 5.0  # seconds, of a job that the plan does not count
FIGURES = 13.0  # seconds that the figures of a data set take on two cores
TAIL = 2000  # bytes of a log
_LOSS = re.compile(r"train loss (\S+)")


@dataclass(frozen=True)
class StartedJob:
    """A job of the workflow: its stage, what it works on, its log, when it began."""

    stage: str
    where: tuple[str, ...]
    log: Path | None
    began: float

    @property
    def name(self) -> str:
        """In words."""
        return " ".join([f"{self.stage:<9}", "/".join(self.where)]).rstrip()


@dataclass
class RunProgress:
    """The state of one start of the workflow.

    Attributes:
        clock: gives seconds.
        counts: stage -> number of its jobs in this start.
        took: seconds of the jobs that are done.
        stopped: whether somebody ended it; jobs that end now have not failed.
    """

    clock: Callable[[], float] = time.monotonic
    counts: Mapping[str, int] = field(default_factory=dict)
    running: dict[int, StartedJob] = field(default_factory=dict)
    done: list[StartedJob] = field(default_factory=list)
    grid: Grid | None = None
    planned: dict[tuple[str, str], float] = field(default_factory=dict)
    began: float = 0.0
    took: float = 0.0
    stopped: bool = False

    def begin(self, counts: Mapping[str, int]) -> str:
        """The first line: what will be done."""
        self.counts, self.began = counts, self.clock()
        stages = ", ".join(f"{count} {stage}" for stage, count in counts.items())
        return f"{plural(sum(counts.values()), 'job')}: {stages}"

    def start(self, number: int, stage: str, where: Mapping[str, str], log: str | None) -> None:
        """A job starts."""
        names = ("dataset", "n_train", "index")
        place = tuple(str(where[name]) for name in names if name in where)
        self.running[number] = StartedJob(stage, place, Path(log) if log else None, self.clock())

    def finish(self, number: int) -> str:
        """The line of a finished job; an empty one of a job that was not seen to start."""
        job = self.running.pop(number, None)
        if job is None:
            return ""
        self.done.append(job)
        self._plan(job)
        self.took += self.clock() - job.began
        total = sum(self.counts.values())
        parts = [f"[{len(self.done):>{len(str(total))}}/{total}] {job.name:<34} {self.clock() - job.began:5.0f} s"]
        return "   ".join([*parts, *filter(None, (self._runs(), self.left(), _loss(job.log)))])

    def fail(self, number: int) -> list[str]:
        """The lines of a job that failed: what it said, and its log."""
        job = self.running.pop(number, None)
        if job is None or self.stopped:
            return [f"stopped {job.name}"] if job else []
        lines = [f"FAILED {job.name}"]
        return lines + ([*(f"  {line}" for line in said(job.log, 0.0)), f"  log {job.log}"] if job.log else [])

    def left(self) -> str:
        """How long the rest takes at the speed so far, by the seconds that `phvae plan` gives each job; or nothing."""
        now = self.clock()
        spent = now - self.began
        if spent < 20 or not self.done:
            return ""
        pace = self.took / sum(self._seconds(job) for job in self.done)
        running = [max(pace * self._seconds(job) + job.began - now, 0.0) for job in self.running.values()]
        cores = (self.took + sum(now - job.began for job in self.running.values())) / spent
        minutes = max([(sum(running) + pace * self._not_begun()) / cores, *running]) / 60
        return f"about {minutes:.0f} min left" if minutes >= 1 else "under a minute left"

    def _not_begun(self) -> float:
        """The plan's seconds of jobs that have not started; which of a stage they are is not known, so of its mean."""
        begun = [*self.done, *self.running.values()]
        counts = Counter(job.stage for job in begun)
        seen = {(job.stage, "/".join(job.where)) for job in begun}
        total = 0.0
        for stage, count in self.counts.items():
            unseen = [seconds for name, seconds in self.planned.items() if name[0] == stage and name not in seen]
            each = sum(unseen) / len(unseen) if unseen else self._unplanned(stage)
            total += (count - counts[stage]) * each
        return total

    @property
    def share(self) -> float:
        """Of the jobs that are done."""
        return len(self.done) / max(sum(self.counts.values()), 1)

    def _seconds(self, job: StartedJob) -> float:
        return self.planned.get((job.stage, "/".join(job.where)), self._unplanned(job.stage))

    def _unplanned(self, stage: str) -> float:
        return FIGURES * len(self.grid.config.datasets) if stage == "figures" and self.grid else SHORT

    def _plan(self, job: StartedJob) -> None:
        """Read the grid, once, from where the first job wrote."""
        if self.grid is None and job.log is not None and "logs" in job.log.parts:
            root = Path(*job.log.parts[: job.log.parts.index("logs")])
            self.grid = load_grid(root / "config.json")
            self.planned = {(one.stage, one.name): one.seconds for one in planned_jobs(self.grid)}

    def _runs(self) -> str:
        """How many runs are trained; only while they are."""
        if self.grid is None or self.counts.get("train", 0) == sum(job.stage == "train" for job in self.done[:-1]):
            return ""
        paths, runs = self.grid.paths, self.grid.runs()
        there = sum((paths.run(c.dataset, c.n_train, c.variant, seed) / "run.json").is_file() for c, seed in runs)
        return f"{there} of {plural(len(runs), 'run')} trained"


def _loss(log: Path | None) -> str:
    """The last training loss of a log."""
    if log is None or not log.is_file():
        return ""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - TAIL))
        found = _LOSS.findall(stream.read().decode(errors="replace"))
    return f"loss {float(found[-1]):.4g}" if found else ""
