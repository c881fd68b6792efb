"""What a grid will ask of a machine or a cluster, before anything is submitted: jobs, time, memory, disk."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from phvae.experiment.grid import Cell, Grid
from phvae.experiment.questions import Questions, Where
from phvae.experiment.stages import STAGES
from phvae.planning import costs
from phvae.planning.look import look

__all__ = ["LOCAL", "Job", "chains", "jobs", "plan", "request"]

SUBMITTED = tuple(name for name, stage in STAGES.items() if not stage.local)
LOCAL = tuple(name for name, stage in STAGES.items() if stage.local)
# A request is larger than the estimate: a job that is killed costs more than one that ends early.
SPARE_TIME, SPARE_MEMORY = 3.0, 1.5
LEAST_MINUTES, LEAST_MB = 20, 2000


@dataclass(frozen=True)
class Job:
    """One submission: estimated seconds and memory, and what it computes on."""

    stage: str
    name: str
    seconds: float
    memory_mb: float
    gpu: bool
    threads: int

    @property
    def request(self) -> tuple[int, int]:
        """Memory (MB) and minutes that the first attempt asks for."""
        memory = max(LEAST_MB, 500 * math.ceil(SPARE_MEMORY * self.memory_mb / 500))
        return memory, max(LEAST_MINUTES, 10 * math.ceil(SPARE_TIME * self.seconds / 600))


def jobs(grid: Grid) -> list[Job]:
    """Every submission of a whole grid, as if nothing of it had run yet."""
    questions = Questions(grid)
    return [_job(questions, stage, where) for stage, where in questions.jobs() if stage in SUBMITTED]


def request(questions: Questions, stage: str, where: Where) -> tuple[int, int]:
    """Memory (MB) and minutes that a job's first attempt asks the scheduler for."""
    return _job(questions, stage, where).request


def chains(questions: Questions) -> dict[tuple[str, Where], int]:
    """Seconds from the start of each job to the last score that waits for it, were there a core for every job.

    A workflow that starts jobs of long chains first leaves few cores idle at its end (list scheduling; Graham, 1969).
    """
    found: dict[tuple[str, Where], int] = {}
    for job in reversed([job for job in questions.jobs() if job[0] in SUBMITTED]):
        found[job] = found.get(job, 0) + round(_job(questions, *job).seconds)
        for needed in questions.before(*job):
            found[needed] = max(found.get(needed, 0), found[job])
    return found


@functools.cache
def _job(questions: Questions, stage: str, where: Where) -> Job:
    grid = questions.grid
    cells = [look(grid, cell) for cell in questions.cells(stage, where)]
    threads, wanted = grid.config.threads, grid.config.device
    if stage in ("train", "encode"):
        own = any(not cell.external for cell in cells)
        device, gpu = "cuda" if wanted == "cuda" else "cpu", wanted != "cpu" and own
    else:
        device = grid.scoring_device(cells) if stage in ("reference", "evaluate") else "cpu"
        gpu = device == "cuda"
    if stage == "train":
        looked = {cell.name: cell for cell in cells}
        stacks = [(looked[cell.name], len(seeds)) for cell, seeds in questions.stacks(where)]
        seconds, memory = _training(stacks, device, threads)
    else:
        some = cells if STAGES[stage].unit == "batch" else cells[:1]
        seconds = sum(costs.seconds(stage, cell, device, len(cell.seeds)) for cell in some)
        memory = max(costs.memory_mb(stage, cell) for cell in some)
    if stage == "evaluate" and any("boosting" in cell.evaluation.dci for cell in cells):
        threads = 4  # protocol DCI works in parallel over factors
        seconds /= threads
    name = "/".join(str(part) for part in where)
    return Job(stage, name, costs.start(stage) + seconds, memory, gpu, threads)


def _training(stacks: Sequence[tuple[Cell, int]], device: str, threads: int) -> tuple[float, float]:
    """Seconds of a lot, and the memory of its largest stack; `stacks` are cells with numbers of seeds."""
    seconds, memory = 0.0, 0.0
    for cell, seeds in stacks:
        together = seeds if cell.external or cell.model.network.stacks(device, threads) else 1
        seconds += costs.seconds("train", cell, device, together) * seeds / together
        memory = max(memory, costs.memory_mb("train", cell, together))
    return seconds, memory


def plan(grid: Grid) -> str:
    """The plan in words."""
    found = jobs(grid)
    lines = [
        f"{grid.config.name}: {grid.size}",
        "",
        f"{'stage':10}{'jobs':>6}{'GPU time':>17}{'CPU time':>17}{'longest':>17}   a job asks for at most",
        *(_row(stage, [job for job in found if job.stage == stage]) for stage in SUBMITTED),
        _row("all", found),
        "",
        f"{len(LOCAL)} more jobs, short ones, run where Snakemake runs",
        f"disk: {_disk(grid)}",
    ]
    if grid.config.device == "cuda":
        lines.append("of a GPU: training and encoding are measured, on an NVIDIA H200; the rest is assumed")
    if grid.config.device == "auto":
        lines.append("device auto: jobs ask for a GPU where the site has any; their seconds are a CPU core's")
    return "\n".join([*lines, *_assumed(grid)])


def _assumed(grid: Grid) -> Iterator[str]:
    for name in grid.config.datasets:
        about = look(grid, grid.dataset_cells(name)[0]).facts
        if about.assumed:
            pictures = f"pictures of {'x'.join(map(str, about.shape))}"
            what = f"rows of {about.size} columns" if about.is_density else pictures
            yield f"assumed: {about.counts[0]:,} {what} in {name}, whose files cannot be counted here"


def _row(title: str, found: list[Job]) -> str:
    gpu = sum(job.seconds for job in found if job.gpu)
    cpu = sum(job.seconds * job.threads for job in found if not job.gpu)
    times = "".join(f"{_time(seconds):>17}" for seconds in (gpu, cpu, max(job.seconds for job in found)))
    memory, minutes = (max(sizes) for sizes in zip(*(job.request for job in found), strict=True))
    cores = f"{'1 GPU, ' if any(job.gpu for job in found) else ''}{max(job.threads for job in found)} CPU"
    return f"{title:10}{len(found):6}{times}   {cores}, {memory / 1000:g} GB, {_time(60 * minutes)}"


def _time(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _disk(grid: Grid) -> str:
    cells = [look(grid, cell) for cell in grid.cells]
    kept, arrays = (sum(costs.disk(cell)[part] * len(cell.seeds) for cell in cells) for part in (0, 1))
    kept += sum(map(costs.data_bytes, {cell.dataset: cell for cell in cells}.values()))
    total, freed = (f"{size / 1e9:.3g} GB" for size in (kept + arrays, arrays))
    return f"{total}, of which `phvae clean` frees {freed} once the scores are there"
