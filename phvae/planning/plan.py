"""What a grid will ask of a machine or a cluster, before anything is submitted: jobs, time, memory, disk."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from phvae.experiment.grid import Cell, Grid
from phvae.experiment.stages import STAGES
from phvae.planning import costs
from phvae.planning.look import look

__all__ = ["LOCAL", "Job", "jobs", "plan", "request"]

SUBMITTED = tuple(name for name, stage in STAGES.items() if not stage.local)
LOCAL = tuple(name for name, stage in STAGES.items() if stage.local)
BATCHED = tuple(name for name, stage in STAGES.items() if stage.unit == "batch")
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
    found = []
    for dataset in grid.config.datasets:
        cells = grid.dataset_cells(dataset)
        found += [_job(grid, stage, dataset, cells) for stage in ("prepare", "reference")]
    for cell in grid.cells:
        stacks = grid.stacks(cell).items()
        found += [_job(grid, "train", f"{cell.name} {name}", [cell], len(stack)) for name, stack in stacks]
    for (dataset, n_train, index), cells in grid.batches().items():
        name = f"{dataset}/n-{n_train}/{index}"
        found += [_job(grid, stage, name, cells) for stage in BATCHED]
    return found


def request(grid: Grid, stage: str, cells: Sequence[Cell], seeds: int = 0) -> tuple[int, int]:
    """Memory (MB) and minutes that a job's first attempt asks the scheduler for.

    Args:
        grid: the parsed configuration.
        stage: prepare, reference, train, encode, evaluate or groups.
        cells: what the job works on; the first is the one that train, prepare and reference mean.
        seeds: seeds of a training job.
    """
    return _job(grid, stage, "", cells, seeds).request


def _job(grid: Grid, stage: str, name: str, cells: Sequence[Cell], seeds: int = 0) -> Job:
    cells = [look(grid, cell) for cell in (cells if stage in BATCHED else cells[:1])]
    threads, wanted = grid.config.threads, grid.config.device
    if stage in ("train", "encode"):
        own = any(not cell.external for cell in cells)
        device, gpu = "cuda" if wanted == "cuda" else "cpu", wanted != "cpu" and own
    else:
        device = grid.scoring_device(list(cells)) if stage in ("reference", "evaluate") else "cpu"
        gpu = device == "cuda"
    if stage == "train" and not cells[0].external:
        stack = seeds if cells[0].model.network.stacks(device, threads) else 1
        seconds = costs.seconds(stage, cells[0], device, stack) * seeds / stack
        memory = costs.memory_mb(stage, cells[0], stack)
    else:
        seconds = sum(costs.seconds(stage, cell, device, len(cell.seeds)) for cell in cells)
        memory = max(costs.memory_mb(stage, cell) for cell in cells)
    if stage == "evaluate" and any("boosting" in cell.evaluation.dci for cell in cells):
        threads = 4  # protocol DCI works in parallel over factors
        seconds /= threads
    return Job(stage, name, costs.START + seconds, memory, gpu, threads)


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
        lines.append("the seconds of a GPU are assumed, not measured")
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
