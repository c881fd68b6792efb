"""The grid behind every rule: parsed and refused here, before any job starts."""

# Commands start with `exec`: they take the place of their shell, so that a scheduler's SIGTERM reaches a training
# before anything around it ends, and Snakemake waits for its checkpoint.

import os
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from phvae.analysis.claims.reading import grid_claims
from phvae.errors import ConfigError, PhvaeError
from phvae.files import sha256_text, write_text
from phvae.experiment.grid import load_grid
from phvae.metrics.weights import stamps
from phvae.planning.plan import request
from phvae.experiment.keys import stage_code
from phvae.experiment.stages import STAGES

# Snakemake and its Slurm plugins write the path of Python into jobs without quotes, which fails where it has a space.
if os.path.exists(sys.executable):
    sys.executable = shlex.quote(sys.executable)

# Read by our own strict reader: Snakemake's `config` is what is left after it took the last of two equal keys.
sources = [str(path) for path in workflow.configfiles] or ["config/quick.yaml"]
try:
    if len(sources) > 1 or workflow.config_settings.config:
        raise ConfigError(
            f"found {' and '.join([*sources, *(f'--config {key}' for key in workflow.config_settings.config)])}, "
            f"expected one file, which alone says what is run: write all keys into a copy of {sources[0]}"
        )
    grid = load_grid(sources[0])
    grid.check_writable()
    # claims that are mended after the runs were not fixed before them
    if workflow.is_main_process:
        grid_claims(grid)
except PhvaeError as error:
    raise WorkflowError(str(error)) from None

paths = grid.paths
batches = grid.batches()
# A run's numbers depend on its threads, so they come from the configuration, not from Snakemake.
THREADS = grid.config.threads


wildcard_constraints:
    dataset="[^/]+",
    n_train="[0-9]+|all",
    variant="[^/]+",
    stack="[0-9]+-[0-9]+",
    index="[0-9]+",


def size(wildcards):
    """The training size of a path, as the grid holds it."""
    return wildcards.n_train if wildcards.n_train == "all" else int(wildcards.n_train)


def cell_of(wildcards):
    return grid.cell(wildcards.dataset, size(wildcards), wildcards.variant)


def batch_of(wildcards):
    return batches[wildcards.dataset, size(wildcards), int(wildcards.index)]


def batch_digest(wildcards):
    """Cells, settings and seeds of a batch: what its jobs must be redone for."""
    return [
        f"{cell.variant} {cell.digest(evaluation=True)} {cell.seeds}"
        for cell in batch_of(wildcards)
    ]


def cells_of(stage, wildcards):
    """The cells that a job of a stage works on."""
    unit = STAGES[stage].unit
    if unit == "stack":
        return [cell_of(wildcards)]
    if unit == "batch":
        return batch_of(wildcards)
    return grid.dataset_cells(wildcards.dataset) if unit == "data set" else []


def code_of(stage):
    """The code behind a job, by tokens: what it is redone for. Its files are no inputs: a remark redoes nothing."""
    return lambda wildcards: stage_code(stage, cells_of(stage, wildcards))


def weights_of(wildcards):
    """Extractors' weights that are there: scores are redone where some appear later."""
    settings = grid.dataset_cells(wildcards.dataset)[0].evaluation
    return stamps(settings, grid.config.data_path)


def stacks_of(wildcards):
    """Every stack of trained seeds that a batch needs."""
    return [
        paths.stack(cell.dataset, cell.n_train, cell.variant, stack)
        for cell in batch_of(wildcards)
        for stack in grid.stacks(cell)
    ]


def needs(stage, wildcards):
    """Memory and minutes of a job's first attempt, from the cost model behind `phvae plan`."""
    cells = cells_of(stage, wildcards)
    seeds = len(grid.stacks(cells[0])[wildcards.stack]) if stage == "train" else 0
    return request(grid, stage, cells, seeds)


def on_device(device):
    """Resources of a job that may want a GPU, where `device` gives cpu, auto or cuda for its wildcards.

    They are decided job by job, since few data sets are scored on a GPU; the site's words for it come from the
    variables that slurm/config.yaml explains.
    """
    partition = os.environ.get("PHVAE_PARTITION", "")
    gpu_partition = os.environ.get("PHVAE_GPU_PARTITION") or partition
    gres = os.environ.get("PHVAE_GRES")

    def choose(gpu, cpu):
        return lambda wildcards: cpu if device(wildcards) == "cpu" else gpu

    chosen = {"gpu": choose(0 if gres else 1, 0)}
    if gres:
        chosen["gres"] = choose(gres, "")
    if gpu_partition != partition:
        chosen["slurm_partition"] = choose(gpu_partition, partition)
    return chosen


def memory(stage):
    """The resource mem_mb of a stage: each attempt asks for more."""
    return lambda wildcards, attempt: attempt * needs(stage, wildcards)[0]


def minutes(stage):
    """The resource runtime of a stage: each attempt asks for more."""
    return lambda wildcards, attempt: attempt * needs(stage, wildcards)[1]


def every_batch(stage):
    return [paths.batch(stage, *batch) for batch in batches]


onstart:
    # in the order of the file: batches of cells are cut from it
    write_text(paths.config, grid.dump())
