"""What a grid will ask of a cluster, before anything is submitted: jobs, hours, disk, the largest request."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from phvae.experiment.grid import Cell, Grid
from phvae.planning import costs
from phvae.planning.calibration import Factors, error, measured

__all__ = ["Job", "jobs", "largest", "plan", "request"]

SUBMITTED = ("prepare", "reference", "train", "encode", "evaluate", "groups")
LOCAL = ("collect", "tables", "figures", "report", "track")
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


def jobs(grid: Grid, factors: Factors | None = None) -> list[Job]:
    """Every submission of a whole grid, as if nothing of it had run yet.

    Args:
        grid: the parsed configuration.
        factors: corrections from `measured`; by default the built-in constants hold.
    """
    factors = factors or {}
    found = []
    for dataset in grid.config.datasets:
        cells = grid.dataset_cells(dataset)[:1]
        found += [_shared(grid, stage, dataset, cells, factors) for stage in ("prepare", "reference")]
    for cell in grid.cells:
        found += [_training(grid, cell, name, len(stack), factors) for name, stack in grid.stacks(cell).items()]
    for (dataset, n_train, index), cells in grid.batches().items():
        name = f"{dataset}/n-{n_train}/{index}"
        found += [_shared(grid, stage, name, cells, factors) for stage in ("encode", "evaluate", "groups")]
    return found


def request(grid: Grid, stage: str, cells: Iterable[Cell], seeds: int = 0) -> tuple[int, int]:
    """Memory (MB) and minutes that a job's first attempt asks the scheduler for, from the built-in constants.

    Args:
        grid: the parsed configuration.
        stage: prepare, reference, train, encode, evaluate or groups.
        cells: what the job works on; the first is the one that train, prepare and reference mean.
        seeds: seeds of a training job.
    """
    chosen = list(cells)
    if stage == "train":
        return _training(grid, chosen[0], "", seeds, {}).request
    return _shared(grid, stage, "", chosen if stage in ("encode", "evaluate", "groups") else chosen[:1], {}).request


def largest(found: Iterable[Job]) -> Job:
    """The job that asks for most time, and of those for most memory."""
    return max(found, key=lambda job: job.request[::-1])


def _device(grid: Grid) -> str:
    return "cuda" if grid.config.device == "cuda" else "cpu"


def _training(grid: Grid, cell: Cell, stack: str, seeds: int, factors: Factors) -> Job:
    device = _device(grid)
    together = seeds if costs.together(cell, device, grid.config.threads) else 1
    seconds = costs.train_seconds(cell, together, device) * seeds / together
    seconds *= factors.get(("train", cell.model.network.name), 1.0)
    memory = costs.memory_mb("train", cell, together)
    gpu = grid.config.device != "cpu"
    return Job("train", f"{cell.name} {stack}", costs.START + seconds, memory, gpu, grid.config.threads)


def _shared(grid: Grid, stage: str, name: str, cells: list[Cell], factors: Factors) -> Job:
    """A job on all runs of some cells (encode, evaluate), on the cells, or on the data set of the first."""
    scores = stage in ("reference", "evaluate")
    device = {"encode": _device(grid)}.get(stage, grid.scoring_device(cells) if scores else "cpu")
    seconds = sum(
        costs.seconds(stage, cell, device)
        * (len(cell.seeds) if stage in ("encode", "evaluate") else 1)
        * factors.get((stage, cell.model.network.name), 1.0)
        for cell in cells
    )
    gpu = grid.config.device != "cpu" if stage == "encode" else device == "cuda"
    # protocol DCI works in parallel over factors
    parallel = stage == "evaluate" and any("boosting" in cell.evaluation.dci for cell in cells)
    threads = 4 if parallel else grid.config.threads
    memory = max(costs.memory_mb(stage, cell) for cell in cells)
    return Job(stage, name, costs.START + seconds / (threads if parallel else 1), memory, gpu, threads)


def plan(grid: Grid, finished: Path | None = None) -> str:
    """The plan in words: hours as finished results correct them, requests as the workflow submits them, uncorrected.

    Args:
        grid: the parsed configuration.
        finished: a folder of finished results to correct the constants with; by default the grid's own results, else
            those of the quick grid beside them, where there are any.

    Raises:
        PhvaeError: no results lie in `finished`.
    """
    own = grid.paths.root
    beside = next((path for path in (own, own.parent / "quick") if (path / "costs.parquet").is_file()), None)
    source, device = finished or beside, _device(grid)
    factors = measured(source, device) if source else {}
    asked, runs = jobs(grid), len(grid.runs())
    found = jobs(grid, factors) if factors else asked
    lines = [
        f"{grid.config.name}: {len(grid.config.datasets)} data sets, {len(grid.cells)} cells, {runs} runs",
        "",
        f"{'stage':12}{'jobs':>6}{'GPU-hours':>12}{'CPU-hours':>12}{'longest':>12}   asks for at most",
    ]
    for stage in SUBMITTED:
        mine = [job for job in found if job.stage == stage]
        longest = _span(max(job.seconds for job in mine))
        most = _asks([job for job in asked if job.stage == stage])
        lines.append(f"{stage:12}{_hours(mine)}{longest:>12}   {most}")
    top = largest(asked)
    lines += [
        f"{'all':12}{_hours(found)}{'':12}   {_asks(asked)}",
        "",
        f"submissions {len(found)}, {len(found) / runs:.2f} a run; {len(LOCAL)} short jobs run where Snakemake runs",
        f"disk        {_disk(grid)}",
        f"largest     {_asks([top])}: {top.stage} {top.name}",
        f"costs       built in, {costs.RATES[device].measured}" + (f"; corrected by {source}" if factors else ""),
    ]
    if device == "cuda" and not factors:
        lines.append(f"{'':12}correct them with the first GPU results: phvae plan CONFIG --costs results/NAME")
    if grid.config.device == "auto":
        lines.append(f"{'':12}device auto: jobs ask for a GPU where the site has any; their seconds are a CPU core's")
    unread = [name for name in grid.config.datasets if grid.dataset_cells(name)[0].facts.assumed]
    if unread:
        lines.append(f"assumed     50,000 pictures of 3x64x64 in {', '.join(unread)}, whose files are not read here")
    for stage, modelled, real in error(source, device) if source else []:
        lines.append(
            f"error       {stage} of {source}: built in {_span(modelled)}, measured {_span(real)} "
            f"({modelled / real - 1:+.0%})"
        )
    return "\n".join(lines)


def _hours(found: list[Job]) -> str:
    gpu = sum(job.seconds for job in found if job.gpu) / 3600
    cpu = sum(job.seconds * job.threads for job in found if not job.gpu) / 3600
    return f"{len(found):6}{gpu:12.1f}{cpu:12.1f}"


def _disk(grid: Grid) -> str:
    runs = [(costs.disk(cell), len(cell.seeds)) for cell in grid.cells]
    kept, arrays = (sum(size[part] * seeds for size, seeds in runs) for part in (0, 1))
    data = 0
    for name in grid.config.datasets:
        about = grid.dataset_cells(name)[0].facts
        data += sum(about.counts) * about.size * (4 if about.is_density else 1)
    return f"{_bytes(kept + arrays + data)}, of which `phvae clean` frees {_bytes(arrays)} once the scores are there"


def _asks(found: list[Job]) -> str:
    """The most that any of some jobs asks for, each resource by itself."""
    memory, minutes = (max(sizes) for sizes in zip(*(job.request for job in found), strict=True))
    gpu, threads = any(job.gpu for job in found), max(job.threads for job in found)
    return f"{'1 GPU, ' if gpu else ''}{threads} CPU, {memory / 1000:g} GB, {_span(60 * minutes)}"


def _span(seconds: float) -> str:
    """A time in the unit that suits it.

    >>> _span(30), _span(90), _span(7200)
    ('30 s', '1.5 min', '2 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.3g} min" if seconds < 5400 else f"{seconds / 3600:.3g} h"


def _bytes(number: float) -> str:
    """A size in the unit that suits it.

    >>> _bytes(3e7), _bytes(2.5e9)
    ('30 MB', '2.5 GB')
    """
    unit, scale = next(pair for pair in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)) if number >= pair[1])
    return f"{number / scale:.3g} {unit}"
