"""The grid behind every rule: parsed and refused here, before any job starts."""

# Commands start with `exec`: they take the place of their shell, so that a scheduler's SIGTERM reaches a training
# before anything around it ends, and Snakemake waits for its checkpoint.

import atexit
import functools
import os
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from phvae.errors import ConfigError, PhvaeError
from phvae.own.load import own

# Of a module Snakemake calls no `onstart`, without which no job finds its configuration.
if not workflow.modifier.is_main_snakefile():
    raise WorkflowError(
        "found phvae's workflow as a module of another, expected it to be run by itself, in its checkout: "
        "snakemake --configfile FILE"
    )

try:
    own()  # the user's own parts, from PHVAE_PARTS, which is absolute from here on: jobs inherit it
    from phvae.analysis.claims.reading import grid_claims
    from phvae.files import sha256_text, write_text
    from phvae.experiment.grid import load_grid
    from phvae.experiment.manifests import stale
    from phvae.experiment.questions import Questions
    from phvae.experiment.stages import STAGES
    from phvae.jobs.failures import failures
    from phvae.jobs.lease import workflow_lease
    from phvae.planning.plan import chains, request
except PhvaeError as error:
    raise WorkflowError(str(error)) from None

# Snakemake and its Slurm plugins write the path of Python into jobs without quotes, which fails where it has a space.
if os.path.exists(sys.executable):
    sys.executable = shlex.quote(sys.executable)

# Names the configuration as it was at the start to all jobs, on other machines too. No parameter of a rule: of another
# one Snakemake would run all jobs again.
FROZEN = "PHVAE_FROZEN_CONFIG"

# Read by our own strict reader: Snakemake's `config` is what is left after it took the last of two equal keys.
sources = [str(path) for path in workflow.configfiles] or ["config/quick.yaml"]
try:
    if len(sources) > 1 or workflow.config_settings.config:
        raise ConfigError(
            f"found {' and '.join([*sources, *(f'--config {key}' for key in workflow.config_settings.config)])}, "
            f"expected one file, which alone says what is run: write all keys into a copy of {sources[0]}"
        )
    # Jobs read the configuration as it was at the start: an edit of the file while they wait changes none of them.
    kept = None if workflow.is_main_process else os.environ.get(FROZEN)
    grid = load_grid(kept or sources[0])
    grid.check_writable()
    # claims that are mended after the runs were not fixed before them
    if workflow.is_main_process:
        grid_claims(grid)
except PhvaeError as error:
    raise WorkflowError(str(error)) from None

paths = grid.paths
frozen = paths.frozen(sha256_text(grid.dump())[:16])
os.environ[FROZEN] = str(frozen)

questions = Questions(grid)
batches = grid.batches()
# A run's numbers depend on its threads, so they come from the configuration, not from Snakemake.
THREADS = grid.config.threads


wildcard_constraints:
    dataset="[^/]+",
    n_train="[0-9]+|all",
    index="[0-9]+",


def size(wildcards):
    """The training size of a path, as the grid holds it."""
    return wildcards.n_train if wildcards.n_train == "all" else int(wildcards.n_train)


def where(stage, wildcards):
    """What names a job of a stage."""
    if STAGES[stage].unit == "data set":
        return (wildcards.dataset,)
    return wildcards.dataset, size(wildcards), int(wildcards.index)


def cells_of(stage, wildcards):
    """The cells that a job of a stage works on."""
    return questions.cells(stage, where(stage, wildcards))


def lots_of(wildcards):
    """Every lot of trained seeds that a batch needs."""
    before = questions.before("encode", where("encode", wildcards))
    return [paths.manifest(stage, *lot) for stage, lot in before if stage == "train"]


def needs(stage, wildcards):
    """Memory and minutes of a job's first attempt, from the cost model behind `phvae plan`."""
    return request(questions, stage, where(stage, wildcards))


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


def model_device(stage):
    """Where a job computes with models: a CPU will do where all were trained elsewhere."""
    return lambda wc: (
        "cpu"
        if all(cell.external for cell in cells_of(stage, wc))
        else grid.config.device
    )


def memory(stage):
    """The resource mem_mb of a stage: each attempt asks for more."""
    return lambda wildcards, attempt: attempt * needs(stage, wildcards)[0]


def minutes(stage):
    """The resource runtime of a stage: each attempt asks for more."""
    return lambda wildcards, attempt: attempt * needs(stage, wildcards)[1]


@functools.cache
def waiting():
    """The seconds of planned work that wait for each job."""
    return chains(questions)


def urgency(stage):
    """The priority of a job: the longer what waits for it takes, the sooner it starts."""
    return lambda wildcards: (
        waiting()[stage, where(stage, wildcards)] if workflow.is_main_process else 0
    )


@functools.cache
def force_stale():
    """Force the jobs whose manifests answer another question than today's, or whose files are gone.

    That is seen here, not in what Snakemake remembers of its runs: another checkout, or one without its notes,
    decides alike.
    """
    again = [(str(path), why) for path, why in stale(questions)]
    workflow.dag.forcefiles.update(path for path, _ in again)
    for path, why in again[:3]:
        logger.info(f"made again: {path}: {why}")
    if len(again) > 3:
        logger.info(f"made again: {len(again) - 3} more")


def nothing(wildcards):
    """The input of `prepare`, which comes before every other job: no file, but a place to look at the manifests."""
    if workflow.is_main_process:
        force_stale()
    return []


def every_batch(stage):
    return [paths.manifest(stage, *batch) for batch in batches]


onstart:
    lease = workflow_lease(paths.root)
    try:
        lease.__enter__()
    except PhvaeError as error:
        raise WorkflowError(str(error)) from None
    atexit.register(lease.__exit__, None, None, None)
    for path in (frozen, paths.config):
        # in the order of the file: batches of cells are cut from it
        write_text(path, grid.dump())


onerror:
    # the file that `onstart` wrote has the file system's time, as the logs have
    failed = [(job.log[0], job.shellcmd) for job in workflow.scheduler.failed]
    print(failures(failed, since=paths.config.stat().st_mtime), file=sys.stderr)
